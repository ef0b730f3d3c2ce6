//! The same for people: on a terminal, and as a page.

use std::fmt::Write as _;

use super::value::why;
use crate::time::format_time;
use crate::trust::{Few, Looked, RoleTrust, Seen, Way};
use crate::util::markdown::{code, fence, plain};
use crate::util::shown::{self, count};

/// Ways, refusals, names of one role that are shown.
const LINES_MAX: usize = 20;

/// Names of one list.
const NAMES_MAX: usize = 6;

/// All roles, one below the other.
pub fn text(looked: &Looked) -> String {
    let roles: Vec<&RoleTrust> = looked.roles.values().collect();
    let idle = roles.iter().filter(|role| role.is_idle()).count();
    let proposed = roles.iter().filter(|role| role.proposed.is_ok()).count();
    let calls = roles.iter().map(|role| role.calls()).fold(0, u64::saturating_add);
    let mut out = format!(
        "{}, taken {}; trust policies of {proposed}, proved; {idle} that nobody took\n",
        count(roles.len() as u64, "role"),
        count(calls, "time"),
    );
    for role in roles {
        let _ = write!(out, "\n{}", one(role));
    }
    out
}

/// A name that stays on its line.
fn name(text: &str) -> String {
    shown::name(text).into_owned()
}

fn one(role: &RoleTrust) -> String {
    let mut out = format!("role {}\n", name(&role.arn));
    for (way, seen) in role.ways.ways.iter().take(LINES_MAX) {
        let _ = writeln!(out, "  {} {}", seen_said(seen), way_said(way, seen));
    }
    more(&mut out, role.ways.ways.len(), "ways");
    for (denial, seen) in role.ways.denials.iter().take(LINES_MAX) {
        let who = name(&denial.who.text());
        let _ = writeln!(out, "  refused {}: {who} ({})", count(seen.calls, "time"), name(why(&denial.outcome)));
    }
    more(&mut out, role.ways.denials.len(), "refusals");
    let lines = today_lines(role);
    for line in &lines {
        let _ = writeln!(out, "  {line}");
    }
    match &role.proposed {
        Ok((made, proof)) => {
            let _ = writeln!(
                out,
                "  proposed: {}, {} characters; proved: {} allowed, nobody else trusted",
                count(made.policy.statements.len() as u64, "statement"),
                made.policy.size(),
                count(proof.allowed, "use"),
            );
        }
        Err(why) => {
            let _ = writeln!(out, "  no policy: {why}");
        }
    }
    for doubt in role.doubts() {
        let _ = writeln!(out, "  but {}", name(&doubt));
    }
    out
}

fn more(out: &mut String, count: usize, what: &str) {
    if count > LINES_MAX {
        let _ = writeln!(out, "  … {} {what} more", count - LINES_MAX);
    }
}

fn seen_said(seen: &Seen) -> String {
    let last = seen.times_us.map(|(_, last)| format!(", last {}", format_time(last))).unwrap_or_default();
    match (seen.calls, seen.sessions) {
        (calls, 0) => format!("{}{last}:", count(calls, "time")),
        (0, sessions) => format!("{} by what they say themselves{last}:", count(sessions, "session")),
        (calls, sessions) => {
            let by_themselves = count(sessions, "session");
            format!("{} and {by_themselves} by what they say themselves{last}:", count(calls, "time"))
        }
    }
}

/// Who, and what else tells it apart.
fn way_said(way: &Way, seen: &Seen) -> String {
    let mut said = vec![format!("{} {}", way.who.kind(), name(&way.who.text()))];
    let told = [
        ("subject", &way.subject),
        ("audience", &way.audience),
        ("external id", &way.external_id),
        ("for account", &way.source_account),
    ];
    for (what, text) in told {
        said.extend(text.as_ref().map(|text| format!("{what} {}", name(text))));
    }
    said.extend(way.pod.iter().map(|(key, value)| format!("{} {}", name(key), name(value))));
    if way.subject.is_none() {
        said.extend(names("subjects", &seen.subjects));
    }
    said.extend(names("source identities", &seen.source_identities));
    said.extend(names("tags", &seen.tag_keys));
    match way.mfa {
        Some(true) => said.push("with MFA".to_owned()),
        Some(false) => said.push("without MFA".to_owned()),
        None => {}
    }
    said.join(", ")
}

fn names(what: &str, few: &Few) -> Option<String> {
    if few.items.is_empty() {
        return None;
    }
    let shown: Vec<String> = few.items.iter().take(NAMES_MAX).map(|text| name(text)).collect();
    let more = if few.more || few.items.len() > NAMES_MAX { " …" } else { "" };
    Some(format!("{what} {}{more}", shown.join(" ")))
}

/// What of today's policy nobody needs, and what it would not have allowed.
fn today_lines(role: &RoleTrust) -> Vec<String> {
    let mut lines = Vec::new();
    if role.today.as_ref().is_some_and(|today| today.policy.is_none()) {
        lines.push("today's trust policy cannot be read".to_owned());
    }
    let iam_last_used = role.today.as_ref().and_then(|today| today.iam_last_used_us);
    if let Some(used) = iam_last_used.filter(|_| role.is_idle()) {
        lines.push(format!("IAM says that it was used {}: that is not in the log", format_time(used)));
    }
    let Some(compared) = &role.comparison else { return lines };
    let listed = |lines: &mut Vec<String>, what: &str, all: &[String]| {
        lines.extend(all.iter().take(LINES_MAX).map(|text| format!("{what} {}", name(text))));
    };
    listed(&mut lines, "trusted today and never came:", &compared.never_came);
    listed(&mut lines, "let in today:", &compared.openings);
    for of in compared.disagreements.iter().take(LINES_MAX) {
        lines.push(format!(
            "taken and not allowed today: {} of {}, {}",
            of.action,
            name(&of.who),
            count(of.calls, "time")
        ));
    }
    lines
}

/// A page of all.
pub fn markdown(looked: &Looked) -> String {
    let mut out = "# Who takes which role\n".to_owned();
    for role in looked.roles.values() {
        let _ = writeln!(out, "\n## {}\n{}", code(&shown::name(&role.arn)), section(role, 3));
    }
    out
}

/// One role as a part of a page, with headings of this level.
pub fn section(role: &RoleTrust, level: usize) -> String {
    let mut out = String::new();
    let heading = "#".repeat(level);
    let ways = &role.ways.ways;
    if !ways.is_empty() {
        let _ = writeln!(out, "\n| who | how | times | first | last | session names | addresses | example |");
        let _ = writeln!(out, "|---|---|---:|---|---|---|---|---|");
        ways.iter().take(LINES_MAX).for_each(|(way, seen)| row(&mut out, way, seen));
        if ways.len() > LINES_MAX {
            let _ = writeln!(
                out,
                "\n… {} more: `document.json`, or `trailpare trust --format json`.",
                ways.len() - LINES_MAX
            );
        }
    }
    let sessions = &role.sessions;
    let _ = writeln!(
        out,
        "\n{} sessions acted, of {} of them nothing in the log says who took the role.",
        sessions.seen, sessions.unexplained
    );
    for doubt in role.doubts() {
        let _ = writeln!(out, "\n- {}", plain(&shown::name(&doubt)));
    }
    if !role.ways.denials.is_empty() {
        let _ = writeln!(
            out,
            "\n{heading} Refused, not granted\n\n| who | why | times | last | example |\n|---|---|---:|---|---|"
        );
        for (denial, seen) in role.ways.denials.iter().take(LINES_MAX) {
            let cells = [denial.who.text(), why(&denial.outcome).to_owned()].map(|text| code(&shown::name(&text)));
            let [who, why] = cells;
            let (_, last) = times(seen);
            let example = code(&shown::name(&seen.example_event_id));
            let _ = writeln!(out, "| {who} | {why} | {} | {last} | {example} |", seen.calls);
        }
    }
    let lines = today_lines(role);
    if let Some(policy) = role.today.as_ref().and_then(|today| today.policy.as_ref()) {
        let _ = writeln!(out, "\n{heading} Trusted today\n");
        for line in &lines {
            let _ = writeln!(out, "- {}", plain(line));
        }
        document(&mut out, &policy.pretty());
    }
    match &role.proposed {
        Ok((made, proof)) => {
            let _ = writeln!(
                out,
                "\n{heading} Proposed\n\nProved: {} uses allowed, nobody else trusted. {} characters.",
                proof.allowed,
                made.policy.size()
            );
            document(&mut out, &made.policy.pretty());
        }
        Err(why) => {
            let _ = writeln!(out, "\nNo trust policy: {}.", plain(&shown::name(&why.to_string())));
        }
    }
    out
}

/// Characters of a policy that are shown.
const POLICY_MAX: usize = 8_000;

fn document(out: &mut String, text: &str) {
    if text.len() > POLICY_MAX {
        let _ = writeln!(out, "\n{} characters, not shown.", text.len());
        return;
    }
    let text = shown::lines(text);
    let fence = fence(&text);
    let _ = writeln!(out, "\n{fence}json\n{text}\n{fence}");
}

fn times(seen: &Seen) -> (String, String) {
    let (first, last) = seen.times_us.map(|(first, last)| (format_time(first), format_time(last))).unwrap_or_default();
    (first, last)
}

fn row(out: &mut String, way: &Way, seen: &Seen) {
    let (first, last) = times(seen);
    let list = |few: &Few| {
        let shown: Vec<String> = few.items.iter().take(NAMES_MAX).map(|text| code(&shown::name(text))).collect();
        shown.join(" ") + if few.more || few.items.len() > NAMES_MAX { " …" } else { "" }
    };
    let said = way_said(way, seen);
    let count = seen.calls + seen.sessions;
    let _ = writeln!(
        out,
        "| {} | {} | {count} | {first} | {last} | {} | {} | {} |",
        code(&said),
        code(way.call.action()),
        list(&seen.session_names),
        list(&seen.source_ips),
        code(&shown::name(&seen.example_event_id)),
    );
}
