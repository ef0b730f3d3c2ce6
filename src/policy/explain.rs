//! What a policy rests on, in words: for standard error and for tickets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::choice;
use super::classify::Shown;
use super::excess::Excess;
use super::layout::{Layout, Widened};
use super::made::Made;
use super::opening::foremost;
use super::options::{Evidenced, Kind, MAY_BE_UNNAMED, Provenance};
use super::privilege_escalation;
use super::prove::Unspoken;
use super::replay::{Group, GroupFate, Replay};
use crate::iam::unlogged_behind;
use crate::time::format_time;
use crate::usage::{self, DataTrail, Logged};
use crate::util::shown::{self, count};

/// Most names in one line.
const NAMES_MAX: usize = 20;

/// Most lines about what was opened in a summary.
const OPENINGS_MAX: usize = 10;

/// Most calls that are not certain in a summary.
const UNCERTAIN_MAX: usize = 10;

/// Most lines of one list; the rest is counted.
const LINES_MAX: usize = 200;

/// What each statement rests on, as rows of a Markdown table: statement, events, first, last, sessions, confidence,
/// example. `code` makes a span of a text from a log.
pub fn statement_rows(made: &Made, code: impl Fn(&str) -> String) -> String {
    let mut rows = String::new();
    for note in &made.statements {
        let evidence = &note.evidence;
        let _ = writeln!(
            rows,
            "| {} | {} | {} | {} | {} | {} | {} |",
            code(&note.sid),
            evidence.events,
            format_time(evidence.first_time_us),
            format_time(evidence.last_time_us),
            evidence.sessions.len(),
            evidence.confidence.as_str(),
            code(&evidence.example_event_id),
        );
    }
    rows
}

/// Where the policy came from and what it comes to, one line each.
pub fn summary(made: &Made, provenance: &Provenance, proof: Option<&Replay>) -> Vec<String> {
    let Provenance { selection, window, catalogue, .. } = provenance;
    let snapshot = provenance.snapshot_id.map_or_else(String::new, |id| format!("snapshot {id}, "));
    let mut lines = vec![format!("from {snapshot}{selection}, {window}, catalogue {catalogue}")];
    if let Some((first, last)) = made.times_us {
        let (first, last) = (format_time(first), format_time(last));
        lines.push(format!(
            "{} in events from {first} to {last}, {}",
            count(usize::try_from(made.events).unwrap_or(usize::MAX), "use"),
            count(made.principals.len(), "principal")
        ));
    }
    lines.extend(provenance.evidence.as_ref().map(evidence));
    let sizes: Vec<String> = made.documents.iter().map(|d| d.policy.size().to_string()).collect();
    let statements: usize = made.documents.iter().map(|document| document.policy.statements.len()).sum();
    lines.push(format!(
        "{}{} in {}, {} characters{}",
        count(statements, "statement"),
        match &made.before {
            Some(before) => format!(" ({} as before, {} added)", before.statements, made.statements.len()),
            None => String::new(),
        },
        count(made.documents.len(), "policy"),
        sizes.join(" + "),
        match made.layout {
            Layout::ByService => "",
            Layout::Joined => "; what several services do on * stands together, to fit",
            Layout::Merged => "; statements of the same actions or resources stand together, to fit",
            Layout::Brief => "; statements of the same actions or resources stand together with short names, to fit",
            Layout::Terse => "; statements of the same actions or resources stand together without names, to fit",
        }
    ));
    lines.push(grants(&made.excess));
    if let Some(before) = &made.before {
        lines.push(format!("of these it granted before: {}", pairs(&before.excess)));
    }
    lines.extend(opened(made));
    lines.extend(escalations(made));
    if !made.siblings.is_empty() {
        let siblings: BTreeSet<String> = made.siblings.iter().cloned().collect();
        lines.push(format!(
            "{} that nobody used, because siblings were asked for (statements Siblings): {}",
            count(siblings.len(), "action"),
            some(&siblings)
        ));
    }
    if !made.open_actions.is_empty() {
        lines.push(format!("on * because no event tells the resource: {}", some(&made.open_actions)));
    }
    lines.push(not_granted(made));
    lines.extend(lacks(made));
    if !made.choices.is_empty() {
        lines.push("fewer policies, and what that costs:".to_owned());
        lines.extend(choice::lines(&made.choices).into_iter().map(|line| format!("  {line}")));
    }
    if let Some(proof) = proof {
        lines.push(verdict(proof));
    }
    if made.kind != Kind::Scp && made.principals.iter().any(|arn| arn.starts_with("arn:") && arn.ends_with(":root")) {
        lines.push("nothing can be attached to the root user: give this to a role that does its work".to_owned());
    }
    if made.kind == Kind::Scp {
        lines.extend(of_scp(made, provenance));
    }
    lines
}

/// How much of what it rests on is proved, in one line.
fn evidence(evidence: &Evidenced) -> String {
    let Evidenced { uses, whole, part, has_unnamed } = evidence;
    let mut line = match uses == whole {
        true => format!("evidence: all {uses} uses are proved by digests"),
        false => format!("evidence: {whole} of {uses} uses are proved by digests"),
    };
    if *part > 0 {
        line += &match has_unnamed {
            true => format!(", {part} happened where and when log objects are proved, but {MAY_BE_UNNAMED}"),
            false => format!(", {part} happened where and when only some log objects are proved"),
        };
    }
    match uses - whole - part {
        0 => line,
        none => line + &format!(", {none} where and when none is (`status --coverage`)"),
    }
}

/// What somebody has to know before attaching a policy that denies by leaving out: its proof sees only what is logged.
/// AWS Organizations User Guide, "Service control policies (SCPs)" and "SCP evaluation".
fn of_scp(made: &Made, provenance: &Provenance) -> Vec<String> {
    let mut lines = Vec::new();
    if !made.uncertain_services.is_empty() {
        let services = some(&made.uncertain_services);
        lines.push(format!("allowed although no action is certain, so that they are not denied: {services}"));
    }
    lines.push(
        "as a service control policy it binds everybody in the accounts where it is attached, root too, in place of \
         FullAWSAccess; the management account and service-linked roles are not bound; every other level must allow as well"
            .to_owned(),
    );
    lines.extend(unlogged(provenance).into_iter().map(|line| format!("what is not logged would be denied: {line}")));
    lines
}

/// What was opened beyond what events named, in words; what was open before stands apart.
fn opened(made: &Made) -> Vec<String> {
    let lines = |excess: &Excess, verb: &str| {
        let (shown, rest) = foremost(excess.words(), OPENINGS_MAX);
        let mut lines: Vec<String> = shown.into_iter().map(|line| format!("{verb} {}", line.text)).collect();
        match rest.len() {
            0 => {}
            1 => lines.push(format!("{verb} 1 pattern more (--explain)")),
            more => lines.push(format!("{verb} {more} patterns more (--explain)")),
        }
        lines
    };
    let Some(before) = &made.before else { return lines(&made.excess, "opens") };
    let mut added = made.excess.clone();
    let known: BTreeSet<(&str, &str)> =
        before.excess.openings.iter().map(|opening| (opening.action.as_str(), opening.pattern.as_str())).collect();
    added.openings.retain(|opening| !known.contains(&(opening.action.as_str(), opening.pattern.as_str())));
    let mut all = lines(&added, "opens");
    all.extend(lines(&before.excess, "was open before:"));
    all
}

/// The granted actions with which more can be gained; those granted before stand apart.
fn escalations(made: &Made) -> Vec<String> {
    let none = BTreeMap::new();
    let before = made.before.as_ref().map_or(&none, |before| &before.escalations);
    let (old, new): (Vec<_>, Vec<_>) = made.escalations.iter().partition(|(action, _)| before.contains_key(*action));
    let line = |title: &str, list: Vec<(&String, &&str)>| {
        let ways: Vec<String> = list.iter().map(|(action, opens)| format!("{action} ({opens})")).collect();
        (!ways.is_empty()).then(|| format!("{title}: {}", ways.join(", ")))
    };
    let title = match new.len() {
        1 => "grants a way to more",
        _ => "grants ways to more",
    };
    line(title, new).into_iter().chain(line("granted ways to more before", old)).collect()
}

/// Counts of what is shown only; what does not occur is left out, but for the first three.
fn not_granted(made: &Made) -> String {
    let mut line = format!(
        "pairs not granted: {} denied, {} not certain, {} without need of a permission",
        made.denied.len(),
        made.unverified.len(),
        made.excluded.len()
    );
    for (list, what) in [
        (&made.undecided, "failed before anybody decided"),
        (&made.impossible, "on names that no resource can have"),
        (&made.incomplete, "needed, for which too little is known"),
    ] {
        if !list.is_empty() {
            line += &format!(", {} {what}", list.len());
        }
    }
    line
}

/// What the policy lacks, or may lack.
pub fn lacks(made: &Made) -> Vec<String> {
    let line = |what: &str, shown: &Shown| {
        format!(
            "INCOMPLETE: {what}: {} on {}: {} (example {})",
            shown.action, shown.resource, shown.reason, shown.evidence.example_event_id
        )
    };
    let mut lines: Vec<String> = made.incomplete.iter().map(|shown| line("needed and not granted", shown)).collect();
    let uncertain: Vec<&Shown> = made.lacking().collect();
    lines.extend(
        uncertain
            .iter()
            .take(UNCERTAIN_MAX)
            .map(|shown| line("used and not granted, for its action is not certain", shown)),
    );
    if let more @ 1.. = uncertain.len().saturating_sub(UNCERTAIN_MAX) {
        lines.push(format!("INCOMPLETE: and {more} more whose action is not certain (--explain)"));
    }
    lines
}

/// Names of a list; what is more is counted.
fn some(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    let more = names.len() - shown.len();
    let more = if more > 0 { format!(", … {more} more") } else { String::new() };
    shown.join(", ") + &more
}

/// How much is granted beyond what was used, in one line; kinds that do not occur are left out.
fn grants(excess: &Excess) -> String {
    format!("grants {}", pairs(excess))
}

fn pairs(excess: &Excess) -> String {
    let kinds = [
        (excess.any_account, "the same in any account (*)"),
        (excess.characters, "with ? for characters that a policy cannot hold"),
        (excess.widened, "wider"),
        (excess.spread, "of a used action elsewhere"),
        (excess.unused, "of unused actions"),
    ];
    let kinds: Vec<String> = kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let beyond = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
    let pairs = count(excess.granted, "pair");
    format!("{pairs} of action and resource, {} beyond those used{beyond}", excess.total())
}

/// What a replay came to, in one line.
pub fn verdict(proof: &Replay) -> String {
    let mut line = format!(
        "replay: {} uses allowed, {} denied, {} depend on what a log cannot know; uses not replayed: {} denied at the \
         time, {} not certain, {} without need of a permission",
        proof.allowed, proof.denied, proof.depends, proof.were_denied, proof.unverified, proof.excluded
    );
    for (uses, what) in [
        (proof.undecided, "failed before anybody decided"),
        (proof.impossible, "on names that no resource can have"),
        (proof.incomplete, "of which too little is known"),
    ] {
        if uses > 0 {
            line += &format!(", {uses} {what}");
        }
    }
    line
}

/// One line of what a proof found granted without a use.
pub fn without_use(unspoken: &Unspoken) -> String {
    format!("{}: {} on {} is granted, and no event speaks for it", unspoken.sid, unspoken.action, unspoken.pattern)
}

/// One line of a replay's list of offenders.
pub fn offender(group: &Group) -> String {
    let why = match &group.fate {
        GroupFate::Denied(by) => format!("denied: no {by} allows it"),
        GroupFate::Forbidden(by, name) => format!("denied: {by} forbids it ({name})"),
        GroupFate::Depends(on) => format!("depends on {}", on.join(", ")),
    };
    format!(
        "{} on {}: {why}; {}, first {} ({}, {})",
        group.action,
        group.resource,
        count(usize::try_from(group.events).unwrap_or(usize::MAX), "use"),
        format_time(group.first_time_us),
        group.example_event_id,
        group.principal
    )
}

/// Everything that is known about a policy, for people.
pub fn explain(made: &Made, provenance: &Provenance, proof: Option<&Replay>) -> String {
    let mut out = String::new();
    for line in summary(made, provenance, proof) {
        let _ = writeln!(out, "{line}");
    }
    out.push_str("\nstatements\n");
    for note in &made.statements {
        let evidence = &note.evidence;
        let sessions = match evidence.sessions.iter().take(5).cloned().collect::<Vec<_>>().join(", ") {
            names if names.is_empty() => names,
            names if evidence.sessions.len() > 5 => {
                format!("; sessions: {names}, and {} more", evidence.sessions.len() - 5)
            }
            names => format!("; sessions: {names}"),
        };
        let _ = writeln!(
            out,
            "  {}: {}, {} to {}, {}{sessions}; example {}",
            note.sid,
            count(usize::try_from(evidence.events).unwrap_or(usize::MAX), "use"),
            format_time(evidence.first_time_us),
            format_time(evidence.last_time_us),
            evidence.confidence.as_str(),
            evidence.example_event_id
        );
        if !note.added_actions.is_empty() {
            let _ = writeln!(out, "    wildcards also allow: {}", added(&note.added_actions));
        }
        for condition in &note.left_off {
            let _ = writeln!(out, "    without {condition}");
        }
    }
    list(&mut out, "widened to fit", made.widened.iter().map(widened));
    let (_, rest) = foremost(made.excess.words(), OPENINGS_MAX);
    list(&mut out, "also opened beyond what events named", rest.into_iter().map(|line| line.text));
    list(&mut out, "denied at the time, not granted", made.denied.iter().map(shown));
    list(&mut out, "failed before anybody decided, not granted", made.undecided.iter().map(shown));
    list(&mut out, "not certain, not granted", made.unverified.iter().map(shown));
    list(&mut out, "needed, and too little is known: the policy lacks it", made.incomplete.iter().map(shown));
    list(&mut out, "on names that no resource can have, not granted", made.impossible.iter().map(shown));
    list(
        &mut out,
        "may be needed as well: leaves no trace of its own",
        made.suggestions
            .iter()
            .map(|suggestion| format!("{} because of {}", suggestion.action, suggestion.because_of.join(", "))),
    );
    list(&mut out, "needs no permission, or not one of the principal's", made.excluded.iter().map(shown));
    list(&mut out, "what CloudTrail cannot show", blind_spots(made, provenance).into_iter());
    out
}

/// Actions that wildcards add. Where they are many of one service the wildcard is the service: some by name, those
/// first with which more can be gained.
pub fn added(actions: &[String]) -> String {
    let mut of_service: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for action in actions {
        of_service.entry(action.split(':').next().unwrap_or_default()).or_default().push(action);
    }
    let list = |(service, mut actions): (&str, Vec<&str>)| {
        actions.sort_by_key(|action| (privilege_escalation::escalation(action).is_none(), *action));
        let shown = actions.iter().take(NAMES_MAX).copied().collect::<Vec<_>>().join(", ");
        match actions.len().saturating_sub(NAMES_MAX) {
            0 => shown,
            more => format!("{shown}, … {more} more of {service}"),
        }
    };
    of_service.into_iter().map(list).collect::<Vec<_>>().join("; ")
}

/// One step of widening, in one line.
pub fn widened(widened: &Widened) -> String {
    format!(
        "widened {}: {} ({} → {} characters)",
        widened.service, widened.step, widened.chars_before, widened.chars_after
    )
}

fn list(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}");
    for line in lines.iter().take(LINES_MAX) {
        let _ = writeln!(out, "  {line}");
    }
    if lines.len() > LINES_MAX {
        let _ = writeln!(out, "  … and {} more", lines.len() - LINES_MAX);
    }
}

fn shown(shown: &Shown) -> String {
    format!(
        "{} on {}: {}, last {}, {} (example {})",
        shown.action,
        shown.resource,
        count(usize::try_from(shown.evidence.events).unwrap_or(usize::MAX), "use"),
        format_time(shown.evidence.last_time_us),
        shown.reason,
        shown.evidence.example_event_id
    )
}

/// Services whose everyday use is data events, which a trail logs only if told to (CloudTrail User Guide, "Logging data
/// events").
const DATA_EVENTS: &[(&str, &str)] = &[
    ("s3.amazonaws.com", "S3 objects (GetObject, PutObject, …)"),
    ("lambda.amazonaws.com", "Lambda invocations"),
    ("dynamodb.amazonaws.com", "DynamoDB items (GetItem, PutItem, …)"),
    ("sqs.amazonaws.com", "SQS messages"),
    ("sns.amazonaws.com", "SNS publishing"),
    ("kinesis.amazonaws.com", "Kinesis records"),
];

/// Of the granted actions, those whose use is a data event of which the archive holds none, counted by event source: whether
/// they were used, it cannot tell.
pub fn unseen_actions<'a>(
    granted: impl IntoIterator<Item = &'a str>,
    data_event_sources: &BTreeSet<String>,
) -> BTreeMap<&'static str, usize> {
    let mut unseen = BTreeMap::new();
    for action in granted {
        let source = usage::data_event_source(action).filter(|source| !data_event_sources.contains(*source));
        if let Some(source) = source {
            *unseen.entry(source).or_default() += 1;
        }
    }
    unseen
}

/// Whose data events the archive does not hold.
fn unlogged(provenance: &Provenance) -> Option<String> {
    let Some(sources) = &provenance.data_event_sources else {
        let line =
            "data events (S3 objects, Lambda invocations, DynamoDB items, …) are in a trail only if it logs them";
        return Some(line.to_owned());
    };
    let missing = DATA_EVENTS.iter().filter(|(source, _)| !sources.contains(*source));
    let missing: Vec<&str> = missing.map(|(_, what)| *what).collect();
    let line =
        |what: String| format!("this archive holds no data events of: {what}; their use, if any, is not in the policy");
    (!missing.is_empty()).then(|| line(missing.join("; ")))
}

/// Which data events trails were told to log: where that is all of a service and the archive has none, there was no use.
fn told_to_log(provenance: &Provenance) -> Option<String> {
    let of_trail = |trail: &DataTrail| {
        let what = |(source, logged): (&&str, &Logged)| {
            let name = DATA_EVENTS.iter().find(|(known, _)| known == source).map_or(*source, |(_, name)| *name);
            let name = name.split(" (").next().unwrap_or(name);
            match logged {
                Logged::All => format!("all {name}"),
                Logged::Some => format!("some {name}"),
            }
        };
        let what: Vec<String> = trail.logged.iter().map(what).collect();
        let what = if what.is_empty() { "none".to_owned() } else { what.join(", ") };
        let DataTrail { trail, account_id, since_us, .. } = trail;
        let (trail, account_id) = (shown::name(trail), shown::name(account_id));
        format!("{trail} in {account_id} since {}: {what}", format_time(*since_us))
    };
    let trails: Vec<String> = provenance.data_trails.iter().take(NAMES_MAX).map(of_trail).collect();
    let more = provenance.data_trails.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!("; … {more} more") } else { String::new() };
    (!trails.is_empty()).then(|| format!("data events that trails were told to log: {}{more}", trails.join("; ")))
}

/// What no policy made from this archive can know.
pub fn blind_spots(made: &Made, provenance: &Provenance) -> Vec<String> {
    let mut lines: Vec<String> = unlogged(provenance).into_iter().collect();
    lines.extend(told_to_log(provenance));
    let passes = made
        .documents
        .iter()
        .flat_map(|d| &d.policy.statements)
        .any(|s| s.actions.patterns().iter().any(|a| a == "iam:PassRole"));
    lines.push(if passes {
        "iam:PassRole leaves no event: it is derived from the roles in the parameters of other calls".to_owned()
    } else {
        "iam:PassRole leaves no event: a role passed other than in a call's parameters is not seen".to_owned()
    });
    let resources = made.documents.iter().flat_map(|d| &d.policy.statements).flat_map(|s| s.resources.patterns());
    lines.extend(resources.filter_map(|r| unlogged_behind(r)).collect::<BTreeSet<_>>().into_iter().map(str::to_owned));
    lines.push("what is done less often than the window is long is not in the policy".to_owned());
    lines.push("permissions by resource policies, and conditions on what a log does not hold, are not seen".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else every archive would be said to hold none of one.
    #[test]
    fn usage_tells_of_every_service_with_data_events() {
        let told: BTreeSet<&str> = DATA_EVENTS.iter().map(|(source, _)| *source).collect();
        assert_eq!(told, crate::usage::known_sources());
    }
}
