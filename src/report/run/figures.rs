//! The figures of each kind of run.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Figures, path_text, seconds};
use crate::ingest::{Exported, Imported, Optimized, PruneSummary, REFUSALS_MAX, Summary, Verdicts};
use crate::report::Day;
use crate::store::{Forgotten, Reclaimed};
use crate::util::hex::hex;

fn figures(value: Value) -> Figures {
    match value {
        Value::Object(figures) => figures,
        _ => Figures::new(),
    }
}

/// Of an ingest of these archives; `stages` has the seconds of all threads.
pub fn ingest(archives: &[PathBuf], summary: &Summary, stages: &[(&'static str, f64)]) -> Figures {
    let run = &summary.run;
    let refused_left_out = run.refused.saturating_sub(REFUSALS_MAX as u64);
    let days = summary.days.iter().map(|(day, events)| json!({"day": Day(*day).to_string(), "new_events": events}));
    let accounts = summary.accounts.iter().map(|(id, events)| json!({"account_id": id, "new_events": events}));
    let stages: Figures = stages.iter().map(|(name, spent)| ((*name).to_owned(), seconds(*spent))).collect();
    figures(json!({
        "archives": archives.iter().map(|path| path_text(path)).collect::<Vec<_>>(),
        "objects": {
            "found": run.found,
            "new": run.taken,
            "known": run.known,
            "refused": run.refused,
            "refused_as_accepted": summary.forgotten,
            "outside_filters": summary.filtered,
            "digests": run.digests,
            "of_other_services": run.other_services,
            "other_files": run.foreign_files,
        },
        "other_logs": summary.other_logs,
        "refused": summary.refusals,
        "refused_left_out": refused_left_out,
        "bytes": {"objects": summary.object_bytes, "json": summary.json_bytes},
        "events": {
            "records": summary.records,
            "new": summary.events,
            "duplicates": summary.duplicates,
            "kept_out": summary.broken,
            "of_other_content": summary.conflicts,
        },
        "days": days.collect::<Vec<_>>(),
        "accounts": accounts.collect::<Vec<_>>(),
        "first_new_day": summary.days.first_key_value().map(|(day, _)| Day(*day).to_string()),
        "last_new_day": summary.days.last_key_value().map(|(day, _)| Day(*day).to_string()),
        "proof": proof(summary),
        "problems": summary.problem_count,
        "snapshot": summary.snapshot,
        "seconds_by_stage": stages,
    }))
}

/// What digests say.
fn proof(summary: &Summary) -> Value {
    let Verdicts { valid, unchecked, altered, not_covered } = summary.verified;
    json!({
        "valid": valid,
        "unchecked": unchecked,
        "altered": altered,
        "not_covered": not_covered,
        "altered_or_missing": summary.tampered,
        "missing": summary.missing,
        "has_digests": summary.has_digests,
        "has_keys": summary.has_keys,
    })
}

/// Of an optimisation, or of what one would come to.
pub fn optimize(sum: &Optimized, is_dry: bool) -> Figures {
    figures(json!({
        "dry_run": is_dry,
        "days": sum.days,
        "files": {"before": sum.files_before, "after": sum.files_after},
        "bytes": {"before": sum.bytes_before, "after": sum.bytes_after},
        "reclaimed": reclaimed(&sum.reclaimed),
        "snapshot": sum.snapshot,
    }))
}

fn reclaimed(sum: &Reclaimed) -> Value {
    json!({"snapshots": sum.snapshots, "files": sum.files, "bytes": sum.bytes})
}

/// Of pruning.
pub fn prune(sum: &PruneSummary, is_dry: bool) -> Figures {
    let day = |day: i32| Day(day).to_string();
    let gone = sum.principals_gone.iter().map(|(arn, uses)| json!({"principal_arn": arn, "uses": uses}));
    let thinned = sum.principals_thinned.iter().map(|(arn, n)| json!({"principal_arn": arn, "actions": n}));
    figures(json!({
        "dry_run": is_dry,
        "before": day(sum.before),
        "days": {
            "first": sum.days.map(|(first, _)| day(first)),
            "last": sum.days.map(|(_, last)| day(last)),
            "gone": sum.day_count,
            "left": sum.days_left,
        },
        "events": sum.events,
        "usage_rows": sum.usage_rows,
        "files": sum.files,
        "bytes": sum.bytes,
        "principals_gone": gone.collect::<Vec<_>>(),
        "principals_with_actions_gone": thinned.collect::<Vec<_>>(),
        "reclaimed": reclaimed(&sum.reclaimed),
        "snapshot": sum.snapshot,
    }))
}

/// Days of an export.
fn span(days: Option<(i32, i32)>, count: u64) -> Value {
    let day = |day: i32| Day(day).to_string();
    json!({"first": days.map(|(first, _)| day(first)), "last": days.map(|(_, last)| day(last)), "count": count})
}

/// Of an export to this file or folder.
pub fn export(sum: &Exported, out: &Path) -> Figures {
    figures(json!({
        "out": path_text(out),
        "sha256": hex(&sum.sha256),
        "bytes": sum.bytes,
        "store_id": sum.store_id,
        "days": span(sum.days, sum.day_count),
        "files": sum.files,
        "exported_events": sum.events,
        "objects": sum.objects,
        "conflicts": sum.conflicts,
        "snapshot": sum.snapshot,
    }))
}

/// Of an import of this file or folder.
pub fn import(sum: &Imported, file: &Path) -> Figures {
    figures(json!({
        "file": path_text(file),
        "sha256": hex(&sum.sha256),
        "source": {"store_id": sum.store_id, "snapshot": sum.source_snapshot},
        "days": span(sum.days, sum.day_count),
        "days_changed": sum.days_changed,
        "files": sum.files,
        "events": {"new": sum.events, "known": sum.known_events, "of_other_content": sum.conflicts},
        "objects": {"new": sum.objects, "known": sum.known_objects},
        "problems": sum.problem_count,
        "snapshot": sum.snapshot,
    }))
}

/// Of accepting what was not taken.
pub fn forget(forgotten: &[Forgotten], by: &str, is_dry: bool) -> Figures {
    figures(json!({"dry_run": is_dry, "by": by, "forgotten": forgotten}))
}
