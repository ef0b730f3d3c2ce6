//! What `trailpare status` says of the history, of what is due, and of silence.

use crate::report::status::{Pruned, Status};
use crate::util::shown;

/// Hours without anything new from which on it is said: one night may be late.
const SILENT_HOURS: i64 = 36;

/// The lines, none where there is nothing to say.
pub(super) fn text(status: &Status) -> String {
    let mut out = String::new();
    if let Some(run) = &status.last_done {
        let by = run.by.as_deref().map_or_else(String::new, |by| format!(" by {}", shown::name(by)));
        let why = run.error.as_deref().and_then(|text| text.lines().next());
        let why = why.map_or_else(String::new, |why| format!(": {}", shown::name(why)));
        out += &format!("last done  {}{by} at {}: {}{why}\n", run.command, run.started, run.outcome);
    }
    if let Some(pruned) = &status.pruned {
        let Pruned { before, days, events } = pruned;
        out += &format!("pruned     days before {before}: {days} with {events} events\n");
    }
    let due = &status.due;
    let mut parts = Vec::new();
    if due.optimize {
        parts.push(format!(
            "`trailpare optimize` ({} small files of {} days)",
            due.mergeable_files + due.mergeable_days,
            due.mergeable_days
        ));
    }
    for (count, what) in [
        (due.refused_objects, "refused objects"),
        (due.missing_objects, "missing objects"),
        (due.gap_days, "days without events in between"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if !parts.is_empty() {
        out += &format!("due        {}\n", parts.join("; "));
    }
    if let (Some(since), Some(hours)) = (&status.silent.since, status.silent.hours)
        && hours >= SILENT_HOURS
    {
        out += &format!("silent     since {since}: nothing has brought an event for {hours} hours\n");
    }
    out
}
