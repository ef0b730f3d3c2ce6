//! `trailpare status`: what is in the store.

use super::answer::OutputArgs;
use super::select::{StoreArgs, open_store};
use super::table::{render, row, table};
use super::{CliError, Context, Exit, coverage_map, oddities, status_due};
use crate::query::Format;
use crate::report::Day;
use crate::report::evidence::{Evidence, Place, Span, percent, thousands};
use crate::report::rows;
use crate::report::status::{Conflict, Status};
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
  trailpare status --store /data/store --format json
  trailpare status --coverage
  trailpare status --oddities --format json")]
pub struct StatusArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// For which hours there are log objects, for which they are proved, and what is missing, by account and region.
    #[arg(long, conflicts_with = "oddities")]
    coverage: bool,
    /// What an auditor should look at: conflicting copies, objects of one name, events far from their object's time,
    /// accounts that appear or fall silent, gaps between digests, what was altered or is missing.
    #[arg(long)]
    oddities: bool,
    #[command(flatten)]
    answer: OutputArgs,
}

/// Objects of one kind that the table has at the most.
const OBJECTS_MAX: usize = 100;

fn days_text(first: Day, last: Day) -> String {
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}

pub fn run(args: &StatusArgs, context: &Context) -> Result<Exit, CliError> {
    let store = open_store(&args.store.store, context)?;
    if args.coverage {
        return coverage_map::run(&store, &args.answer, context);
    }
    if args.oddities {
        return oddities::run(&store, &args.answer);
    }
    let status = Status::read(&store)?;
    match args.answer.format {
        Format::Table => args.answer.text(&text(&status))?,
        Format::Json => args.answer.text(&(serde_json::to_string_pretty(&status)? + "\n"))?,
        _ => args.answer.rows(rows::STATUS, rows::status(&status))?,
    }
    Ok(if status.is_clean() { Exit::Done } else { Exit::Refused })
}

fn text(status: &Status) -> String {
    let Status { snapshot, snapshot_time, .. } = status;
    let mut out = format!("store      {}, snapshot {snapshot} of {snapshot_time}\n", shown::path(&status.dir));
    out += &format!("objects    {} taken in, {} bytes\n", status.objects, status.object_bytes);
    out += &format!(
        "records    {}: {} events, {} duplicates, {} kept out\n",
        status.records, status.events, status.duplicates, status.records_kept_out
    );
    out += &format!(
        "tables     {} events, {} usage rows, {} bytes of Parquet\n",
        status.event_rows, status.usage_rows, status.data_bytes
    );
    if let (Some((first, _)), Some((last, _))) = (status.days.first_key_value(), status.days.last_key_value()) {
        out += &format!("days       {} with events, {}\n", status.days.len(), days_text(*first, *last));
    }
    if let Some(run) = &status.last_run {
        let is_running = status.writer.is_some();
        let end = run.finished.as_deref().unwrap_or(if is_running { "now, still running" } else { "cut short" });
        out += &format!(
            "last run   {} to {end}: {} files found, {} taken in, {} known, {} refused, {} digests, {} of other services, \
             {} other files\n",
            run.started,
            run.counts.found,
            run.counts.taken,
            run.counts.known,
            run.counts.refused,
            run.counts.digests,
            run.counts.other_services,
            run.counts.foreign_files
        );
    }
    out += &status_due::text(status);
    if !status.other_logs.is_empty() {
        let kinds = status.other_logs.iter().map(|(kind, count)| format!("{count} {}", shown::name(kind)));
        out += &format!("other logs {}\n", kinds.collect::<Vec<_>>().join(", "));
    }
    if let Some(elsewhere) = &status.data_elsewhere {
        out += &format!(
            "paths      DuckDB looks for the data in {}: the next ingest or optimize makes it find this store's\n",
            shown::name(elsewhere)
        );
    }
    if status.files_without_checksum > 0 {
        out += &format!(
            "checksums  {} files have none recorded: `trailpare fsck` reads them whole\n",
            status.files_without_checksum
        );
    }
    if let Some(evidence) = status.evidence.as_ref().filter(|evidence| evidence.events > 0) {
        out += &evidence_text(evidence);
    }
    out + &activity_text(status) + &accounts_text(status) + &no_logs_text(status) + &problems_text(status)
}

/// Places and days of which something is not proved, of each so many.
const UNPROVED_MAX: usize = 8;

/// How much is proved, and what is not.
fn evidence_text(evidence: &Evidence) -> String {
    let Evidence { events, proved_events, unchecked_events, unnamed_events, altered_objects, missing_objects, .. } =
        evidence;
    let mut out = String::new();
    if !evidence.is_verified() {
        out += "evidence   not verified: `trailpare ingest --verify` proves it by CloudTrail's digests\n";
    } else {
        out += &format!(
            "evidence   {} of {} events proved by digests\n",
            percent(*proved_events, *events),
            thousands(*events)
        );
        let rest = events.saturating_sub(proved_events + unchecked_events + unnamed_events);
        let parts = [
            (*unchecked_events, "whose digest's signature nobody could check"),
            (*unnamed_events, "in objects whose names no digest can list"),
            (rest, "not covered"),
        ];
        for (count, what) in parts.iter().filter(|(count, _)| *count > 0) {
            out += &format!("           {} {what}\n", thousands(*count));
        }
        let unproved = evidence.places.iter().filter(|place| !place.unproved_days.is_empty());
        for place in unproved.clone().take(UNPROVED_MAX) {
            let Place { account_id, region, unproved_days, .. } = place;
            let days = unproved_days.iter().take(UNPROVED_MAX).map(Span::to_string).collect::<Vec<_>>().join(", ");
            let more = unproved_days.len().saturating_sub(UNPROVED_MAX);
            let more = if more > 0 { format!(", … {more} more") } else { String::new() };
            out +=
                &format!("           not all of {} {}: {days}{more}\n", shown::name(account_id), shown::name(region));
        }
        let more = unproved.count().saturating_sub(UNPROVED_MAX);
        if more > 0 {
            out += &format!("           … and of {more} accounts and regions more (--coverage)\n");
        }
    }
    if *altered_objects > 0 {
        out += &format!("altered    {altered_objects} log objects that were taken in are not what digests say\n");
    }
    if *missing_objects > 0 {
        out += &format!("missing    {missing_objects} log objects that digests list never came (--coverage)\n");
    }
    out
}

/// What goes on, and what was cut short.
fn activity_text(status: &Status) -> String {
    let is_cut = status.last_run.as_ref().is_some_and(|run| run.finished.is_none());
    let mut out = match &status.writer {
        Some(process) => {
            format!("writing    process {process} is writing to this store; what it committed is counted here\n")
        }
        None if is_cut => {
            "cut short  the last run did not end: what it had committed is whole; run it again for the rest\n"
                .to_owned()
        }
        None => String::new(),
    };
    if status.staged_files > 0 {
        let what = if status.writer.is_some() { "not committed yet" } else { "left over, the next run removes them" };
        out += &format!("staged     {} files, {} bytes: {what}\n", status.staged_files, status.staged_bytes);
    }
    match (status.commit_in_progress, &status.writer) {
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
        let gaps: Vec<String> = account.gaps.iter().map(|gap| days_text(gap.from, gap.to)).collect();
        row(
            &mut accounts,
            [
                or_dash(&account.account_id),
                &account.events.to_string(),
                &account.first_day.to_string(),
                &account.last_day.to_string(),
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
    if !status.refused_objects.is_empty() {
        let mut refused = table(&["NOT TAKEN", "AT BYTE", "REASON"], &[1]);
        for object in &status.refused_objects {
            let offset = object.offset_bytes.map_or_else(|| "-".to_owned(), |offset| offset.to_string());
            row(&mut refused, [&shown::name(&object.path), &offset, &object.reason]);
        }
        out += &format!(
            "\n{}hint: mend or replace these; the next ingest tries them again, and `trailpare forget` accepts them\n",
            render(&refused)
        );
    }
    for (objects, heading) in
        [(&status.altered_objects, "TAKEN IN AND ALTERED"), (&status.missing_objects, "LISTED AND NOT HERE")]
    {
        if objects.is_empty() {
            continue;
        }
        let mut odd = table(&[heading, "REASON"], &[]);
        for object in objects.iter().take(OBJECTS_MAX) {
            row(&mut odd, [&*shown::name(&object.object), &object.reason]);
        }
        out += &format!("\n{}", render(&odd));
        if objects.len() > OBJECTS_MAX {
            out += "… and more (--format json)\n";
        }
    }
    if !status.broken_records.is_empty() {
        let mut broken = table(&["RECORD KEPT OUT OF", "RECORD", "AT BYTE", "REASON"], &[1, 2]);
        for record in &status.broken_records {
            row(
                &mut broken,
                [
                    &shown::name(&record.object),
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
    match (&conflict.first_path, conflict.first_offset_bytes) {
        (Some(path), Some(offset)) => format!("{} at byte {offset}", shown::name(path)),
        _ => "-".to_owned(),
    }
}
