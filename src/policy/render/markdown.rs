//! For a ticket: the policy, and below it what it rests on.

use std::fmt::Write as _;

use super::renderer::{RenderError, Renderer, Source};
use crate::policy::{Made, Shown, explain};
use crate::time::format_time;
use crate::util::markdown::{code, fence, plain};

#[derive(Debug)]
pub(super) struct Markdown;

impl Renderer for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn about(&self) -> &'static str {
        "For a ticket"
    }

    fn extension(&self) -> &'static str {
        "md"
    }

    fn shows_sessions(&self) -> bool {
        true
    }

    fn render(&self, source: &Source<'_>) -> Result<String, RenderError> {
        Ok(ticket(source))
    }
}

/// The whole text. Everything from a log stands in code spans or code blocks that it cannot leave.
fn ticket(source: &Source<'_>) -> String {
    let Source { made, provenance, .. } = source;
    let mut out = String::new();
    let title = made.documents.first().map_or("Policy", |document| document.name.as_str());
    let _ = writeln!(out, "# {}\n", plain(title));
    for line in explain::summary(made, provenance, source.replay) {
        let _ = writeln!(out, "- {}", plain(&line));
    }
    documents(&mut out, made);
    statements(&mut out, made);
    shown(&mut out, "Denied at the time, not granted", &made.denied);
    shown(&mut out, "Failed before anybody decided, not granted", &made.undecided);
    shown(&mut out, "Not certain, not granted", &made.unverified);
    shown(&mut out, "Needed, and too little is known: the policy lacks it", &made.incomplete);
    shown(&mut out, "On names that no resource can have, not granted", &made.impossible);
    shown(&mut out, "Needs no permission, or not one of the principal's", &made.excluded);
    if !made.suggestions.is_empty() {
        out.push_str("\n## May be needed as well\n\n| action | because of |\n|---|---|\n");
        for suggestion in &made.suggestions {
            let _ = writeln!(out, "| {} | {} |", code(&suggestion.action), code(&suggestion.because_of.join(", ")));
        }
    }
    if !made.widened.is_empty() {
        out.push_str("\n## Widened to fit\n\n| service | step | characters |\n|---|---|---|\n");
        for widened in &made.widened {
            let (from, to) = (widened.chars_before, widened.chars_after);
            let _ = writeln!(out, "| {} | {} | {from} → {to} |", code(&widened.service), widened.step);
        }
    }
    out.push_str("\n## What CloudTrail cannot show\n\n");
    for line in explain::blind_spots(made, provenance) {
        let _ = writeln!(out, "- {}", plain(&line));
    }
    if let Some(unused) = source.unused {
        let fence = fence(unused);
        let _ = writeln!(out, "\n## What was not used\n\n{fence}text\n{}\n{fence}", unused.trim_end());
    }
    out
}

fn documents(out: &mut String, made: &Made) {
    for document in &made.documents {
        let text = document.policy.pretty();
        let fence = fence(&text);
        let _ = writeln!(out, "\n## {}\n\n{fence}json\n{text}\n{fence}", plain(&document.name));
    }
}

fn statements(out: &mut String, made: &Made) {
    out.push_str("\n## What each statement rests on\n\n");
    out.push_str(
        "| statement | events | first | last | sessions | confidence | example |\n|---|---:|---|---|---:|---|---|\n",
    );
    out.push_str(&explain::statement_rows(made, code));
    for note in made.statements.iter().filter(|note| !note.added_actions.is_empty()) {
        let _ = writeln!(out, "\n{} also allows: {}", code(&note.sid), code(&explain::added(&note.added_actions)));
    }
    for note in made.statements.iter().filter(|note| !note.left_off.is_empty()) {
        let _ = writeln!(out, "\n{} is without {}", code(&note.sid), plain(&note.left_off.join("; ")));
    }
}

fn shown(out: &mut String, title: &str, list: &[Shown]) {
    if list.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n## {title}\n\n| action | resource | events | last | why | example |\n|---|---|---:|---|---|---|"
    );
    for shown in list {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            code(&shown.action),
            code(&shown.resource),
            shown.evidence.events,
            format_time(shown.evidence.last_time_us),
            plain(&shown.reason),
            code(&shown.evidence.example_event_id),
        );
    }
}
