//! `trailpare status`: what is in the store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::json;

use super::select::{StoreArgs, open_store};
use super::table::{Format, render, row, table};
use super::{CliError, Context, Exit};
use crate::store::{
    Activity, BrokenEntry, Conflict, DayCount, Forgotten, NO_LOG, RefusedObject, Run, Snapshot, Store, Table, Totals,
    place_in,
};
use crate::time::format_date;
use crate::util::shown;

/// Say what is in the store: days, accounts, regions, objects, events, duplicates, refused objects and why, gaps.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A gap is a day without events of an account, between its first and its last day.
The exit code is 3 while something stands that was not taken: refused objects, unreadable folders, links not followed,
archives without log objects, records kept out, records of other content than the stored one of their id. It stands until
it is taken or `trailpare forget` accepts it.

Examples:
  trailpare status
  trailpare status --store /data/store --format json")]
pub struct StatusArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Everything that `status` tells.
struct Status {
    snapshot: Snapshot,
    totals: Totals,
    accounts: Vec<Account>,
    days: BTreeMap<i32, u64>,
    regions: BTreeMap<String, u64>,
    refused: Vec<RefusedObject>,
    /// What holds no events and is expected to hold none.
    no_logs: Vec<RefusedObject>,
    broken: Vec<(String, BrokenEntry)>,
    conflicts: Vec<Conflict>,
    forgotten: Vec<Forgotten>,
    last_run: Option<(String, Option<String>, Run)>,
    /// Where DuckDB looks for the data, if that is elsewhere.
    data_elsewhere: Option<String>,
    /// Files without a recorded checksum.
    unrecorded: u64,
    activity: Activity,
}

struct Account {
    id: String,
    events: u64,
    first: i32,
    last: i32,
    gaps: Vec<(i32, i32)>,
}

impl Status {
    fn read(store: &Store) -> Result<Status, CliError> {
        let counts = store.days()?;
        let (mut days, mut regions) = (BTreeMap::new(), BTreeMap::new());
        for count in &counts {
            *days.entry(count.event_date).or_default() += count.events;
            *regions.entry(count.aws_region.clone()).or_default() += count.events;
        }
        let snapshot = store.snapshot_with(None, &[])?;
        let files = Table::ALL.iter().flat_map(|table| snapshot.files(*table));
        let unrecorded = files.filter(|file| file.checks.is_none()).count() as u64;
        let (no_logs, refused) = store.refused_objects()?.into_iter().partition(|one| one.reason.starts_with(NO_LOG));
        Ok(Status {
            snapshot,
            unrecorded,
            data_elsewhere: store.data_elsewhere()?,
            totals: store.totals()?,
            accounts: accounts(&counts),
            days,
            regions,
            refused,
            no_logs,
            broken: store.broken_records()?,
            conflicts: store.conflicts()?,
            forgotten: store.forgotten()?,
            last_run: store.last_run()?,
            activity: store.activity(),
        })
    }
}

fn accounts(counts: &[DayCount]) -> Vec<Account> {
    let mut days: BTreeMap<&str, (BTreeSet<i32>, u64)> = BTreeMap::new();
    for count in counts {
        let (seen, events) = days.entry(&count.account_id).or_default();
        seen.insert(count.event_date);
        *events += count.events;
    }
    days.into_iter()
        .map(|(id, (seen, events))| Account {
            id: id.to_owned(),
            events,
            first: seen.first().copied().unwrap_or_default(),
            last: seen.last().copied().unwrap_or_default(),
            gaps: gaps(&seen),
        })
        .collect()
}

/// The runs of days that are missing between the first and the last.
fn gaps(days: &BTreeSet<i32>) -> Vec<(i32, i32)> {
    days.iter().zip(days.iter().skip(1)).filter(|(a, b)| *b - *a > 1).map(|(a, b)| (a + 1, b - 1)).collect()
}

fn days_text((first, last): (i32, i32)) -> String {
    if first == last { format_date(first) } else { format!("{} to {}", format_date(first), format_date(last)) }
}

pub fn run(args: &StatusArgs, context: &Context) -> Result<Exit, CliError> {
    let store = open_store(&args.store.store, context)?;
    let status = Status::read(&store)?;
    let text = match args.format {
        Format::Table => text(&store, &status),
        Format::Json => json_text(&status)?,
    };
    io::stdout().write_all(text.as_bytes())?;
    let is_clean = status.refused.is_empty() && status.broken.is_empty() && status.conflicts.is_empty();
    Ok(if is_clean { Exit::Done } else { Exit::Refused })
}

fn text(store: &Store, status: &Status) -> String {
    let (snapshot, totals) = (&status.snapshot, &status.totals);
    let mut out = format!("store      {}, snapshot {} of {}\n", shown::path(store.dir()), snapshot.id, snapshot.time);
    out += &format!("objects    {} taken in, {} bytes\n", totals.objects, totals.object_bytes);
    out += &format!(
        "records    {}: {} events, {} duplicates, {} kept out\n",
        totals.records, totals.events, totals.duplicates, totals.broken
    );
    let usage: u64 = snapshot.rows(Table::Usage);
    let bytes: u64 = Table::ALL.iter().flat_map(|t| snapshot.files(*t)).map(|f| f.size_bytes).sum();
    out +=
        &format!("tables     {} events, {usage} usage rows, {bytes} bytes of Parquet\n", snapshot.rows(Table::Events));
    if let (Some((first, _)), Some((last, _))) = (status.days.first_key_value(), status.days.last_key_value()) {
        out += &format!("days       {} with events, {}\n", status.days.len(), days_text((*first, *last)));
    }
    if let Some((started, finished, run)) = &status.last_run {
        let is_running = status.activity.writer.is_some();
        let end = finished.as_deref().unwrap_or(if is_running { "now, still running" } else { "cut short" });
        out += &format!(
            "last run   {started} to {end}: {} files found, {} taken in, {} known, {} refused, {} digests, {} of other services, {} other files\n",
            run.found, run.taken, run.known, run.refused, run.digests, run.other_services, run.foreign_files
        );
    }
    if let Some(elsewhere) = &status.data_elsewhere {
        out += &format!(
            "paths      DuckDB looks for the data in {}: the next ingest or optimize makes it find this store's\n",
            shown::name(elsewhere)
        );
    }
    if status.unrecorded > 0 {
        out +=
            &format!("checksums  {} files have none recorded: `trailpare fsck` reads them whole\n", status.unrecorded);
    }
    out + &activity_text(status) + &accounts_text(status) + &no_logs_text(status) + &problems_text(status)
}

/// What goes on, and what was cut short.
fn activity_text(status: &Status) -> String {
    let activity = &status.activity;
    let is_cut = status.last_run.as_ref().is_some_and(|(_, finished, _)| finished.is_none());
    let mut out = match &activity.writer {
        Some(process) => {
            format!("writing    process {process} is writing to this store; what it committed is counted here\n")
        }
        None if is_cut => {
            "cut short  the last run did not end: what it had committed is whole; run it again for the rest\n"
                .to_owned()
        }
        None => String::new(),
    };
    if activity.staged_files > 0 {
        let what = if activity.writer.is_some() { "not committed yet" } else { "left over, the next run removes them" };
        out += &format!("staged     {} files, {} bytes: {what}\n", activity.staged_files, activity.staged_bytes);
    }
    match (activity.is_committing, &activity.writer) {
        (true, Some(_)) => out += "commit     is being made\n",
        (true, None) => out += "commit     was cut short; it is undone or finished by whatever writes next\n",
        (false, _) => {}
    }
    if !status.forgotten.is_empty() {
        out += &format!("forgotten  {} that were not taken are accepted\n", status.forgotten.len());
    }
    out
}

fn accounts_text(status: &Status) -> String {
    let mut accounts = table(&["ACCOUNT", "EVENTS", "FIRST DAY", "LAST DAY", "GAPS"], &[1]);
    for account in &status.accounts {
        let gaps: Vec<String> = account.gaps.iter().map(|gap| days_text(*gap)).collect();
        row(
            &mut accounts,
            [
                or_dash(&account.id),
                &account.events.to_string(),
                &format_date(account.first),
                &format_date(account.last),
                or_dash(&gaps.join(", ")),
            ],
        );
    }
    let mut regions = table(&["REGION", "EVENTS"], &[1]);
    for (region, events) in &status.regions {
        row(&mut regions, [or_dash(region), &events.to_string()]);
    }
    let mut out = String::new();
    if !status.accounts.is_empty() {
        out = format!("\n{}\n{}", render(&accounts), render(&regions));
    }
    out
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn problems_text(status: &Status) -> String {
    let mut out = String::new();
    if !status.refused.is_empty() {
        let mut refused = table(&["NOT TAKEN", "AT BYTE", "REASON"], &[1]);
        for object in &status.refused {
            let offset = object.offset_bytes.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
            row(&mut refused, [&shown::name(&object.path), &offset, &object.reason]);
        }
        out += &format!(
            "\n{}hint: mend or replace these; the next ingest tries them again, and `trailpare forget` accepts them\n",
            render(&refused)
        );
    }
    if !status.broken.is_empty() {
        let mut broken = table(&["RECORD KEPT OUT OF", "RECORD", "AT BYTE", "REASON"], &[1, 2]);
        for (name, record) in &status.broken {
            row(
                &mut broken,
                [
                    &shown::name(place_in(name)),
                    &record.index.to_string(),
                    &record.offset_bytes.to_string(),
                    &record.reason,
                ],
            );
        }
        out += &format!("\n{}", render(&broken));
    }
    if !status.conflicts.is_empty() {
        let mut conflicts = table(&["OTHER CONTENT THAN STORED", "EVENT", "RECORD", "AT BYTE", "STORED FROM"], &[2, 3]);
        for conflict in &status.conflicts {
            let Conflict { path, event_id, index, offset_bytes, .. } = conflict;
            row(
                &mut conflicts,
                [
                    &shown::name(path),
                    &shown::name(event_id),
                    &index.to_string(),
                    &offset_bytes.to_string(),
                    &first_of(conflict),
                ],
            );
        }
        out += &format!("\n{}hint: two records have one id; the store keeps the first\n", render(&conflicts));
    }
    out
}

fn no_logs_text(status: &Status) -> String {
    if status.no_logs.is_empty() {
        return String::new();
    }
    let mut no_logs = table(&["NO LOG"], &[]);
    status.no_logs.iter().for_each(|one| row(&mut no_logs, [&*shown::name(&one.path)]));
    format!("\n{}", render(&no_logs))
}

fn first_of(conflict: &Conflict) -> String {
    conflict
        .first
        .as_ref()
        .map_or_else(|| "-".to_owned(), |(path, offset)| format!("{} at byte {offset}", shown::name(path)))
}

fn json_text(status: &Status) -> Result<String, CliError> {
    let totals = &status.totals;
    let days: serde_json::Map<_, _> = status.days.iter().map(|(day, n)| (format_date(*day), json!(n))).collect();
    let accounts: Vec<_> = status
        .accounts
        .iter()
        .map(|a| {
            let gaps: Vec<_> =
                a.gaps.iter().map(|(from, to)| json!({"from": format_date(*from), "to": format_date(*to)})).collect();
            json!({
                "account_id": a.id, "events": a.events, "first_day": format_date(a.first),
                "last_day": format_date(a.last), "gaps": gaps,
            })
        })
        .collect();
    let no_logs: Vec<_> = status.no_logs.iter().map(|o| json!({"path": o.path, "reason": o.reason})).collect();
    let refused: Vec<_> = status
        .refused
        .iter()
        .map(|o| json!({"name": o.name, "path": o.path, "reason": o.reason, "offset_bytes": o.offset_bytes}))
        .collect();
    let broken: Vec<_> = status
        .broken
        .iter()
        .map(|(name, r)| json!({"object": place_in(name), "index": r.index, "offset_bytes": r.offset_bytes, "reason": r.reason}))
        .collect();
    let conflicts: Vec<_> = status
        .conflicts
        .iter()
        .map(|c| {
            let (path, offset) = c.first.clone().unzip();
            json!({
                "event_id": c.event_id, "path": c.path, "index": c.index, "offset_bytes": c.offset_bytes,
                "first_path": path, "first_offset_bytes": offset,
            })
        })
        .collect();
    let forgotten: Vec<_> = status
        .forgotten
        .iter()
        .map(|f| {
            json!({
                "what": f.what, "name": f.name, "path": f.path, "index": f.index, "reason": f.reason, "by": f.by,
                "time": f.time, "note": f.note,
            })
        })
        .collect();
    let activity = &status.activity;
    let last_run = status.last_run.as_ref().map(|(started, finished, run)| {
        json!({
            "started": started, "finished": finished, "found": run.found, "taken": run.taken, "known": run.known,
            "refused": run.refused, "digests": run.digests, "other_services": run.other_services,
            "foreign_files": run.foreign_files,
        })
    });
    let value = json!({
        "snapshot": status.snapshot.id,
        "snapshot_time": status.snapshot.time,
        "objects": totals.objects,
        "object_bytes": totals.object_bytes,
        "records": totals.records,
        "events": totals.events,
        "duplicates": totals.duplicates,
        "records_kept_out": totals.broken,
        "usage_rows": status.snapshot.rows(Table::Usage),
        "days": days,
        "accounts": accounts,
        "regions": status.regions,
        "refused_objects": refused,
        "no_logs": no_logs,
        "broken_records": broken,
        "conflicts": conflicts,
        "forgotten": forgotten,
        "writer": activity.writer,
        "commit_in_progress": activity.is_committing,
        "staged_files": activity.staged_files,
        "staged_bytes": activity.staged_bytes,
        "last_run": last_run,
        "data_elsewhere": status.data_elsewhere,
        "files_without_checksum": status.unrecorded,
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_days() {
        let days: BTreeSet<i32> = [1, 2, 4, 8].into();
        assert_eq!(gaps(&days), [(3, 3), (5, 7)]);
        assert!(gaps(&BTreeSet::new()).is_empty());
    }
}
