//! Drift, for people and for schedulers: text, JSON, SARIF, JUnit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::findings::{log, result};
use crate::policy::replay::Group;
use crate::rightsize::{Drift, DriftKind, Watched};
use crate::time::format_time;
use crate::util::shown;

/// Rules: id, level, what it says.
const RULES: [(&str, &str, &str); 4] = [
    ("would-be-denied", "error", "The deployed policy would not allow what was done"),
    ("break-glass-used", "error", "A principal for emergencies acted"),
    ("no-policy", "warning", "Somebody acted for whom no policy is deployed"),
    ("fell-unused", "note", "Permissions that are deployed fell unused"),
];

/// Names of one list, for people.
const NAMES_MAX: usize = 12;

/// All that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    schema: &'static str,
    since: String,
    principals: usize,
    uses_allowed: u64,
    uses_that_depend: u64,
    /// What is to be looked at.
    pub findings: Vec<Finding>,
    nothing_said_of_unused_permissions: Option<String>,
    problems: Vec<String>,
}

/// One thing that is to be looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    rule: &'static str,
    kind: &'static str,
    name: String,
    account: Option<String>,
    folder: String,
    message: String,
    uses: Vec<UseValue>,
    missing_policies: Vec<Value>,
    not_made: Option<String>,
    unused_actions: BTreeMap<String, Option<String>>,
    #[serde(skip)]
    title: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct UseValue {
    action: String,
    resource: String,
    uses: u64,
    first_time: String,
    example_event_id: String,
}

/// The value of a watch.
pub fn report(watched: &Watched) -> Report {
    Report {
        schema: "trailpare/watch/1",
        since: format_time(watched.since_us),
        principals: watched.principals,
        uses_allowed: watched.allowed,
        uses_that_depend: watched.depends,
        findings: watched.drift.iter().map(finding).collect(),
        nothing_said_of_unused_permissions: watched.too_short.clone(),
        problems: watched.problems.clone(),
    }
}

fn finding(drift: &Drift) -> Finding {
    let subject = &drift.subject;
    let mut finding = Finding {
        rule: "no-policy",
        kind: subject.kind.as_str(),
        name: subject.name.clone(),
        account: subject.account.clone(),
        folder: drift.folder.clone(),
        message: String::new(),
        uses: Vec::new(),
        missing_policies: Vec::new(),
        not_made: None,
        unused_actions: BTreeMap::new(),
        title: subject.title(),
    };
    let title = &finding.title;
    (finding.rule, finding.message) = match &drift.what {
        DriftKind::WouldBeDenied { uses, .. } => {
            let sum = uses.iter().fold(0_u64, |sum, group| sum.saturating_add(group.events));
            let pairs = uses.len();
            ("would-be-denied", format!("{title}: {sum} uses of {pairs} pairs of action and resource would be denied"))
        }
        DriftKind::NoPolicy { uses } => ("no-policy", format!("{title}: {uses} uses, and no policy is deployed")),
        DriftKind::BreakGlassUsed { uses } => ("break-glass-used", format!("{title}: {uses} uses")),
        DriftKind::FellUnused { actions } => ("fell-unused", format!("{title}: {} actions fell unused", actions.len())),
    };
    match &drift.what {
        DriftKind::WouldBeDenied { uses, missing, not_made } => {
            finding.uses = uses.iter().map(use_value).collect();
            finding.missing_policies = missing.iter().map(|document| document.policy.to_value()).collect();
            finding.not_made.clone_from(not_made);
        }
        DriftKind::FellUnused { actions } => {
            finding.unused_actions =
                actions.iter().map(|(action, last)| (action.clone(), last.map(format_time))).collect();
        }
        DriftKind::NoPolicy { .. } | DriftKind::BreakGlassUsed { .. } => {}
    }
    finding
}

fn use_value(group: &Group) -> UseValue {
    UseValue {
        action: group.action.clone(),
        resource: group.resource.clone(),
        uses: group.events,
        first_time: format_time(group.first_time_us),
        example_event_id: group.example_event_id.to_string(),
    }
}

impl Finding {
    /// What is behind it, a line each.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .uses
            .iter()
            .map(|one| {
                let UseValue { action, resource, uses, first_time, example_event_id } = one;
                format!("{action} on {resource}: {uses} uses, first {first_time} (example {example_event_id})")
            })
            .collect();
        if let Some(why) = &self.not_made {
            lines.push(format!("no policy for it: {why}"));
        }
        if !self.unused_actions.is_empty() {
            let names: Vec<&str> = self.unused_actions.keys().take(NAMES_MAX).map(String::as_str).collect();
            let more = self.unused_actions.len().saturating_sub(names.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            lines.push(format!("{}{more}", names.join(", ")));
        }
        lines.iter().map(|line| shown::name(line).into_owned()).collect()
    }
}

/// Lines of one finding, for people.
const LINES_MAX: usize = 20;

/// For people.
pub fn text(report: &Report) -> String {
    let mut out = format!(
        "{} findings since {}; {} principals acted, {} uses allowed, {} depend on what a log cannot know\n",
        report.findings.len(),
        report.since,
        report.principals,
        report.uses_allowed,
        report.uses_that_depend
    );
    if let Some(why) = &report.nothing_said_of_unused_permissions {
        let _ = writeln!(out, "nothing is said of permissions that fell unused: {why}");
    }
    for finding in &report.findings {
        let _ = writeln!(out, "\n{}: {}", finding.rule, finding.message);
        let lines = finding.lines();
        for line in lines.iter().take(LINES_MAX) {
            let _ = writeln!(out, "  {line}");
        }
        if let more @ 1.. = lines.len().saturating_sub(LINES_MAX) {
            let _ = writeln!(out, "  … and {more} more (--format json)");
        }
        for policy in &finding.missing_policies {
            let _ = writeln!(out, "  missing: {policy}");
        }
    }
    out
}

/// SARIF.
pub fn sarif(report: &Report) -> Value {
    let results: Vec<Value> = report
        .findings
        .iter()
        .filter_map(|finding| {
            let (index, (id, level, _)) = RULES.iter().enumerate().find(|(_, (id, ..))| *id == finding.rule)?;
            let text = [vec![finding.message.clone()], finding.lines()].concat().join("\n");
            let uri =
                if finding.folder.is_empty() { ".".to_owned() } else { format!("{}/document.json", finding.folder) };
            Some(result((index, id, level), &text, &uri, &finding.title))
        })
        .collect();
    log(&RULES, &results)
}

/// JUnit's XML, as continuous integration reads it: a case for each finding, all of them failures but for what is only a note.
pub fn junit(report: &Report) -> String {
    let is_note = |finding: &&Finding| finding.rule == "fell-unused";
    let failures = report.findings.iter().filter(|finding| !is_note(finding)).count();
    let tests = report.findings.len().max(1);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
         <testsuite name=\"trailpare watch\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n"
    );
    if report.findings.is_empty() {
        out += "    <testcase classname=\"trailpare.watch\" name=\"no drift\"/>\n";
    }
    for finding in &report.findings {
        let (rule, title) = (xml(finding.rule), xml(&finding.title));
        let _ = write!(out, "    <testcase classname=\"trailpare.watch.{rule}\" name=\"{title}\">");
        let (element, text) = match is_note(&finding) {
            true => ("system-out", xml(&[vec![finding.message.clone()], finding.lines()].concat().join("\n"))),
            false => ("failure", xml(&finding.lines().join("\n"))),
        };
        let message = if is_note(&finding) { String::new() } else { format!(" message=\"{}\"", xml(&finding.message)) };
        let _ = writeln!(out, "<{element}{message}>{text}</{element}></testcase>");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// Text for XML 1.0, which has no way to write most control characters.
fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&apos;",
            '\n' => out.push('\n'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rightsize::{Subject, SubjectKind};

    #[test]
    fn hostile_names_stay_in_xml() {
        let subject = Subject::new(SubjectKind::PermissionSet, "]]></failure><x a=\"'\u{0}\u{ffff}&");
        let drift = vec![Drift { subject, folder: String::new(), what: DriftKind::NoPolicy { uses: 3 } }];
        let report = report(&Watched { drift, ..Watched::default() });
        let written = junit(&report);
        assert_eq!(written.matches("</failure>").count(), 1, "{written}");
        assert!(!written.contains("<x a") && !written.contains('\u{0}') && !written.contains('\u{ffff}'));
        assert_eq!(sarif(&report)["runs"][0]["results"][0]["ruleId"], "no-policy");
        assert!(text(&report).starts_with("1 findings since"));
    }
}
