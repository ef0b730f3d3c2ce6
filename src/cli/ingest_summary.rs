//! What an ingest came to: of `trailpare ingest`, and of `--archive` of other commands.

use std::collections::BTreeMap;

use super::signers::say_signers;
use super::{Context, Exit};
use crate::ingest::{Summary, Verdicts};
use crate::util::shown;

const OTHER_SERVICES: &str = "of other services";

/// How many of which kind. Names of services come from keys, which anybody may have chosen.
fn kinds(other_logs: &BTreeMap<String, u64>) -> String {
    const SHOWN: usize = 12;
    let mut parts: Vec<String> =
        other_logs.iter().take(SHOWN).map(|(kind, count)| format!("{count} {}", shown::name(kind))).collect();
    if other_logs.len() > SHOWN {
        parts.push(format!("{} kinds more", other_logs.len() - SHOWN));
    }
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// Says on standard error what could not be read of archives that a query has read.
pub(super) fn archives(summaries: &[Summary], context: &Context) -> Exit {
    for summary in summaries {
        summary.problems.iter().for_each(|problem| context.warn(problem));
        let unsaid = summary.problem_count - summary.problems.len() as u64;
        if unsaid > 0 {
            context.warn(&format!("and {unsaid} problems more"));
        }
    }
    if summaries.iter().any(|summary| summary.problem_count > 0) { Exit::Refused } else { Exit::Done }
}

/// Says on standard error what an ingest came to.
pub(super) fn say(summary: &Summary, context: &Context) -> Exit {
    let run = &summary.run;
    for problem in &summary.problems {
        context.warn(problem);
    }
    let unsaid = summary.problem_count - summary.problems.len() as u64;
    if unsaid > 0 {
        context.warn(&format!("and {unsaid} problems more: see `trailpare status`"));
    }
    let mut parts = vec![format!("{} objects taken in", run.taken), format!("{} known", run.known)];
    let others = [
        (run.refused, "refused"),
        (summary.forgotten, "refused as accepted"),
        (summary.filtered, "outside the filters"),
        (run.digests, "digests"),
        (run.other_services, OTHER_SERVICES),
        (run.foreign_files, "other files"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        let kinds = if what == OTHER_SERVICES { kinds(&summary.other_logs) } else { String::new() };
        parts.push(format!("{count} {what}{kinds}"));
    }
    context.say(&parts.join(", "));
    let counted = |count: u64, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    let broken = counted(summary.broken, "broken") + &counted(summary.conflicts, "of other content than stored");
    context.say(&format!(
        "{} records: {} new events, {} duplicates{broken}; snapshot {}",
        summary.records, summary.events, summary.duplicates, summary.snapshot
    ));
    proof(summary, context);
    if summary.interrupted {
        context.say("interrupted: what was taken in is kept; run it again for the rest");
    }
    exit(summary)
}

/// How an ingest ends.
pub(super) fn exit(summary: &Summary) -> Exit {
    if summary.interrupted {
        Exit::Interrupted
    } else if summary.tampered > 0 {
        Exit::Tampered
    } else if summary.problem_count > 0 {
        Exit::Refused
    } else {
        Exit::Done
    }
}

/// What digests say.
fn proof(summary: &Summary, context: &Context) {
    let Verdicts { valid, unchecked, altered, not_covered } = summary.verified;
    let counts = [
        (valid, "proved"),
        (unchecked, "hash right, signature not checkable"),
        (not_covered, "not covered by any digest yet"),
        (altered, "altered, of those taken in before"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if !counts.is_empty() {
        context.say(&format!("by the digests: {}", counts.join(", ")));
        if !summary.has_digests && !summary.interrupted {
            context.warn("no digests: nothing is proved\nhint: copy the folders CloudTrail-Digest as well");
        }
    }
    if summary.has_keys {
        say_signers(&summary.signers, context);
    } else if summary.has_digests {
        context.say("hint: --public-keys proves signatures as well (`aws cloudtrail list-public-keys`)");
    }
    if summary.missing > 0 {
        context.say(&format!(
            "{} log objects that digests list are not here\nhint: `trailpare status --coverage` shows the hours",
            summary.missing
        ));
    }
}
