//! What is to be done, as findings in SARIF.

use serde_json::Value;

use super::summary::{Entry, Summary};
use crate::report::findings::{log, result};
use crate::rightsize::Wave;

/// Rules: id, level, what it says.
const RULES: &[(&str, &str, &str)] = &[
    ("never-used", "warning", "Nobody used it in the window"),
    ("too-much", "warning", "More is granted than was used, and the proof that nobody loses what was used is complete"),
    ("ask-the-owner", "note", "More may be granted than is needed; something has to be asked first"),
    ("way-to-more", "error", "Actions are granted and never used that lead to more permissions"),
    ("assigned-never-used", "note", "People have a permission set that they never used"),
    ("log-and-files-disagree", "warning", "Something was used that the files do not grant"),
    ("no-policy", "warning", "No policy could be proposed"),
    (
        "trust-too-wide",
        "warning",
        "The trust policy lets in more than took the role, and the proof of the narrower one is complete",
    ),
];

/// All findings of a summary.
pub fn sarif(summary: &Summary) -> Value {
    let results: Vec<Value> = summary.principals.iter().flat_map(results).collect();
    log(RULES, &results)
}

fn results(entry: &Entry) -> Vec<Value> {
    let mut found = Vec::new();
    let mut add = |id: &str, text: String| {
        let rule = RULES.iter().enumerate().find(|(_, (known, ..))| *known == id);
        if let Some((index, (id, level, _))) = rule {
            let uri = format!("{}/document.json", entry.folder);
            found.push(result((index, id, level), &text, &uri, &entry.folder));
        }
    };
    let title = &entry.title;
    match entry.wave_of {
        Wave::Delete => add("never-used", format!("{title}: {}", entry.reasons.join("; "))),
        Wave::Tighten => {
            let lost = entry.loss.as_ref().map_or(0, |loss| loss.actions);
            let narrowed = entry.loss.as_ref().map_or(0, |loss| loss.actions_narrowed);
            add(
                "too-much",
                format!("{title}: {lost} actions are granted and were never used, {narrowed} more widely than used"),
            );
        }
        Wave::Ask => add("ask-the-owner", format!("{title}: {}", entry.reasons.join("; "))),
        Wave::Keep => {}
    }
    // Who is kept by a rule is kept: what a rule says is no finding.
    if entry.wave_of == Wave::Keep {
        return found;
    }
    if let Some(loss) = entry.loss.as_ref().filter(|loss| loss.ways_to_more_closed > 0) {
        let more = loss.ways_to_more_closed.saturating_sub(loss.some_ways.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        add("way-to-more", format!("{title}: {}{more}", loss.some_ways.join(", ")));
    }
    if entry.idle_people > 0 {
        add("assigned-never-used", format!("{title}: {} people have it and never used it", entry.idle_people));
    }
    if entry.disagreements > 0 {
        let text = "pairs of action and resource were used that the files do not grant";
        add("log-and-files-disagree", format!("{title}: {} {text}", entry.disagreements));
    }
    if let Some(trust) = entry.trust.as_ref().filter(|trust| trust.proposed && trust.doubts == 0) {
        let (never, openings) = (trust.never_came, trust.openings);
        if never + openings > 0 {
            let text = format!(
                "{title}: {never} that its trust policy names never came, {openings} are wider than those who did"
            );
            add("trust-too-wide", text);
        }
    }
    if let Some(why) = &entry.not_proposed {
        add("no-policy", format!("{title}: {why}"));
    }
    found
}
