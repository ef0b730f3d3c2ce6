//! What is in a store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::Day;
use super::due::{Due, Silent};
use super::evidence::Evidence;
use super::history::{self, History};
use crate::store::{self, DayCount, NO_LOG, OTHER_LOG, Store, StoreError, Table, place_in};

/// What is in a store, what could not be taken into it, and what goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// The store's folder.
    #[serde(skip)]
    pub dir: PathBuf,
    /// Rows of `events`.
    #[serde(skip)]
    pub event_rows: u64,
    /// Bytes of all data files.
    #[serde(skip)]
    pub data_bytes: u64,
    /// The newest snapshot.
    pub snapshot: i64,
    /// When it was committed, as the catalog keeps it (UTC).
    pub snapshot_time: String,
    /// Log objects taken in.
    pub objects: u64,
    /// Their bytes as stored.
    pub object_bytes: u64,
    /// Records in them.
    pub records: u64,
    /// Events in the store.
    pub events: u64,
    /// Records that repeat an event.
    pub duplicates: u64,
    /// Records that could not be read.
    pub records_kept_out: u64,
    /// What was pruned; `None` where nothing ever was.
    pub pruned: Option<Pruned>,
    /// Rows of `usage`.
    pub usage_rows: u64,
    /// Day → events.
    pub days: BTreeMap<Day, u64>,
    /// By their ids.
    pub accounts: Vec<Account>,
    /// Region → events; the name is empty where records have none.
    pub regions: BTreeMap<String, u64>,
    /// Objects that were not taken, and are expected to be.
    pub refused_objects: Vec<store::RefusedObject>,
    /// Logs of other services and the like, told by their content: how many of which kind.
    pub other_logs: BTreeMap<String, u64>,
    /// What holds no events and is expected to hold none.
    pub no_logs: Vec<NoLog>,
    /// Records that could not be read.
    pub broken_records: Vec<BrokenRecord>,
    /// Records with the id of a stored event and other content.
    pub conflicts: Vec<Conflict>,
    /// What was not taken and somebody accepted.
    pub forgotten: Vec<store::Forgotten>,
    /// The process that writes now.
    pub writer: Option<String>,
    /// A commit is being made, or was cut short.
    pub commit_in_progress: bool,
    /// Files that were written and are not committed.
    pub staged_files: u64,
    /// Bytes of these.
    pub staged_bytes: u64,
    /// The last ingest; `None` if there was none.
    pub last_run: Option<Run>,
    /// The last run that the history has, of whatever command; steps of others apart.
    pub last_done: Option<history::Run>,
    /// What the store waits for.
    pub due: Due,
    /// Since when nothing new has come.
    pub silent: Silent,
    /// Where DuckDB looks for the data, if that is elsewhere.
    pub data_elsewhere: Option<String>,
    /// Files without a recorded checksum.
    pub files_without_checksum: u64,
    /// How much of the events is proved by digests; `None` of a store of an older version.
    pub evidence: Option<Evidence>,
    /// Objects that were taken in and are not what digests say, the first of them.
    pub altered_objects: Vec<store::OddObject>,
    /// Objects that digests list and that never came, the first of them; `evidence` has how many there are.
    pub missing_objects: Vec<store::OddObject>,
}

/// Runs among which the last is looked for that is no step of another.
const STEPS_MAX: u64 = 20;

/// Objects that are listed at the most.
const OBJECTS_MAX: u64 = 1_000;

/// The events of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// `recipientAccountId`, or empty.
    pub account_id: String,
    /// How many.
    pub events: u64,
    /// The first day with events.
    pub first_day: Day,
    /// The last day with events.
    pub last_day: Day,
    /// Days without events, between the first and the last.
    pub gaps: Vec<Gap>,
}

/// A run of days without events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The first of them.
    pub from: Day,
    /// The last of them.
    pub to: Day,
}

/// What holds no events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoLog {
    /// Where it was read.
    pub path: String,
    /// How that is known.
    pub reason: String,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenRecord {
    /// Where it was read.
    pub object: String,
    /// Its position in the object, from 0.
    pub index: u64,
    /// Where it begins in the inflated bytes.
    pub offset_bytes: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// A record with the id of a stored event and other content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The id.
    pub event_id: String,
    /// Where it was read.
    pub path: String,
    /// Its position in the object, from 0.
    pub index: u64,
    /// Where it begins in the inflated bytes.
    pub offset_bytes: u64,
    /// Where the stored one was read, if that is known.
    pub first_path: Option<String>,
    /// Where that begins in the inflated bytes.
    pub first_offset_bytes: Option<u64>,
}

/// One run of ingest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// When it began.
    pub started: String,
    /// `None` if it runs still or was cut short.
    pub finished: Option<String>,
    /// What it found, and what became of that.
    #[serde(flatten)]
    pub counts: store::Run,
}

/// Days that are kept no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Days before this one.
    pub before: Day,
    /// Those of them that had events.
    pub days: u64,
    /// Their events.
    pub events: u64,
}

impl Pruned {
    fn read(store: &Store) -> Result<Option<Pruned>, StoreError> {
        let store::Pruned { before, days, events } = store.pruned()?;
        Ok(before.map(|before| Pruned { before: Day(before), days, events }))
    }
}

impl Status {
    /// Reads it.
    ///
    /// # Errors
    /// Those of reading the store.
    pub fn read(store: &Store) -> Result<Status, StoreError> {
        let counts = store.days()?;
        let (mut days, mut regions) = (BTreeMap::new(), BTreeMap::new());
        for count in &counts {
            *days.entry(Day(count.event_date)).or_default() += count.events;
            *regions.entry(count.aws_region.clone()).or_default() += count.events;
        }
        let snapshot = store.snapshot_with(None, &[])?;
        let files = || Table::ALL.iter().flat_map(|table| snapshot.files(*table));
        let (others, refused): (Vec<_>, Vec<_>) =
            store.refused_objects()?.into_iter().partition(|one| one.reason.starts_with(OTHER_LOG));
        let (no_logs, refused): (Vec<_>, Vec<_>) = refused.into_iter().partition(|one| one.reason.starts_with(NO_LOG));
        let mut other_logs: BTreeMap<String, u64> = BTreeMap::new();
        for one in others {
            let kind = one.reason.trim_start_matches(OTHER_LOG).trim_start_matches([':', ' ']);
            *other_logs.entry(kind.to_owned()).or_default() += 1;
        }
        let totals = store.totals()?;
        let activity = store.activity();
        let accounts = accounts(&counts);
        let evidence = Evidence::read(store, totals.events + totals.pruned)?;
        let missing = evidence.as_ref().map_or(0, |evidence| evidence.missing_objects);
        let due = Due::new(&snapshot, refused.len() as u64, missing, gap_days(&accounts));
        let silent = Silent::read(store, days.last_key_value().map(|(day, _)| *day))?;
        let last_done = History::read(store, STEPS_MAX)?.runs.into_iter().find(|run| run.parent.is_none());
        Ok(Status {
            dir: store.dir().to_owned(),
            event_rows: snapshot.rows(Table::Events),
            data_bytes: files().map(|file| file.size_bytes).sum(),
            snapshot: snapshot.id,
            snapshot_time: snapshot.time.clone(),
            objects: totals.objects,
            object_bytes: totals.object_bytes,
            records: totals.records,
            events: totals.events,
            duplicates: totals.duplicates,
            records_kept_out: totals.broken,
            pruned: Pruned::read(store)?,
            usage_rows: snapshot.rows(Table::Usage),
            days,
            accounts,
            regions,
            refused_objects: refused,
            other_logs,
            no_logs: no_logs.into_iter().map(|one| NoLog { path: one.path, reason: one.reason }).collect(),
            broken_records: store.broken_records()?.into_iter().map(BrokenRecord::from).collect(),
            conflicts: store.conflicts()?.into_iter().map(Conflict::from).collect(),
            forgotten: store.forgotten()?,
            writer: activity
                .writer
                .map(|holder| holder.process.map_or_else(|| "unknown".to_owned(), |p| p.to_string())),
            commit_in_progress: activity.is_committing,
            staged_files: activity.staged_files,
            staged_bytes: activity.staged_bytes,
            last_run: store.last_run()?.map(|(started, finished, counts)| Run { started, finished, counts }),
            data_elsewhere: store.data_elsewhere()?,
            files_without_checksum: files().filter(|file| file.checks.is_none()).count() as u64,
            evidence,
            last_done,
            due,
            silent,
            altered_objects: store.altered_objects(OBJECTS_MAX)?.1,
            missing_objects: store.missing_objects(OBJECTS_MAX)?.1,
        })
    }

    /// Nothing is left that was not taken.
    pub fn is_clean(&self) -> bool {
        self.refused_objects.is_empty() && self.broken_records.is_empty() && self.conflicts.is_empty()
    }
}

/// Days without events between an account's first and last day, of all accounts.
fn gap_days(accounts: &[Account]) -> u64 {
    let days = accounts.iter().flat_map(|account| &account.gaps).map(|gap| gap.to.0.abs_diff(gap.from.0) + 1);
    days.map(u64::from).sum()
}

fn accounts(counts: &[DayCount]) -> Vec<Account> {
    let mut days: BTreeMap<&str, (BTreeSet<Day>, u64)> = BTreeMap::new();
    for count in counts {
        let (seen, events) = days.entry(&count.account_id).or_default();
        seen.insert(Day(count.event_date));
        *events += count.events;
    }
    let account = |(id, (seen, events)): (&str, (BTreeSet<Day>, u64))| {
        let (first_day, last_day) = (*seen.first()?, *seen.last()?);
        Some(Account { account_id: id.to_owned(), events, first_day, last_day, gaps: gaps(&seen) })
    };
    days.into_iter().filter_map(account).collect()
}

/// The runs of days that are missing between the first and the last.
fn gaps(days: &BTreeSet<Day>) -> Vec<Gap> {
    let pairs = days.iter().zip(days.iter().skip(1)).filter(|(a, b)| b.0 - a.0 > 1);
    pairs.map(|(a, b)| Gap { from: Day(a.0 + 1), to: Day(b.0 - 1) }).collect()
}

impl From<(String, store::BrokenEntry)> for BrokenRecord {
    fn from((name, record): (String, store::BrokenEntry)) -> BrokenRecord {
        let store::BrokenEntry { index, offset_bytes, reason, .. } = record;
        BrokenRecord { object: place_in(&name).to_owned(), index, offset_bytes, reason }
    }
}

impl From<store::Conflict> for Conflict {
    fn from(conflict: store::Conflict) -> Conflict {
        let store::Conflict { event_id, path, index, offset_bytes, first, .. } = conflict;
        let (first_path, first_offset_bytes) = first.unzip();
        Conflict { event_id, path, index, offset_bytes, first_path, first_offset_bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_days() {
        let days: BTreeSet<Day> = [1, 2, 4, 8].map(Day).into();
        let gaps_of = |days| gaps(days).iter().map(|gap| (gap.from.0, gap.to.0)).collect::<Vec<_>>();
        assert_eq!(gaps_of(&days), [(3, 3), (5, 7)]);
        assert!(gaps(&BTreeSet::new()).is_empty());
    }
}
