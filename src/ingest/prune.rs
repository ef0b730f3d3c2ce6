//! Retention: days that are kept no longer go, events, usage and what is counted of them; and what that takes from
//! whoever makes policies of the rest.

use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::time::Duration;

use arrow::array::{Array, AsArray};

use super::budget;
use super::error::IngestError;
use crate::store::{DataFile, Mode, Reclaimed, Snapshot, Store, StoreError, Table, read_batches};
use crate::time::now_us;
use crate::usage;

/// What to let go of.
#[derive(Clone, Debug)]
pub struct PruneOptions {
    /// Days before this one, days since 1970-01-01.
    pub before: i32,
    /// Snapshots that had those days go once they have not been the newest for this long.
    pub expire_older_than: Duration,
    /// Peak resident memory to stay below.
    pub memory_limit_bytes: u64,
    /// Who may read the store from now on; `None`: as it is.
    pub mode: Option<Mode>,
    /// Only say what would go.
    pub is_dry: bool,
}

/// What pruning came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PruneSummary {
    /// Days before this one went.
    pub before: i32,
    /// Days with events that went: the first and the last of them.
    pub days: Option<(i32, i32)>,
    /// How many these are.
    pub day_count: u64,
    /// Days that are left.
    pub days_left: u64,
    /// Events that went.
    pub events: u64,
    /// Rows of usage that went.
    pub usage_rows: u64,
    /// Data files that left the tables.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Principals who are in no day that is left, and how many uses they had, the first `NAMES_MAX`.
    pub principals_gone: BTreeMap<String, u64>,
    /// Principals who are in days that are left and used actions in those that went alone: how many.
    pub principals_thinned: BTreeMap<String, u64>,
    /// What was given back.
    pub reclaimed: Reclaimed,
    /// The newest snapshot.
    pub snapshot: i64,
}

/// Principals that are named.
pub const NAMES_MAX: usize = 10_000;

/// Pairs of principal and action that are told apart.
const PAIRS_MAX: usize = 4_000_000;

/// Lets go of days.
///
/// # Errors
/// The store, the disk; either all of the days are gone or none.
pub fn prune(store: &Store, options: &PruneOptions) -> Result<PruneSummary, IngestError> {
    if options.is_dry {
        let snapshot = store.snapshot_with(None, &[])?;
        let mut sum = sum(&snapshot, options.before)?;
        sum.reclaimed = store.reclaimable(stale_since_us(options))?;
        return Ok(sum);
    }
    let mut writer = store.writer()?;
    options.mode.map_or(Ok(()), |mode| writer.set_mode(mode))?;
    let snapshot = store.snapshot_with(None, &[])?;
    let mut sum = sum(&snapshot, options.before)?;
    let is_known = store.pruned()?.before.is_some_and(|before| before >= options.before);
    if sum.files > 0 || !is_known {
        writer.prune(options.before, &files(&snapshot, options.before))?;
    }
    // Also those that a run which was killed behind its commit left.
    writer.drop_usage_months_until(options.before - 1)?;
    usage::refresh_months(&writer, usage::MONTH_ROWS_MIN, budget::month_rows(options.memory_limit_bytes))?;
    sum.reclaimed = writer.reclaim(stale_since_us(options))?;
    sum.snapshot = store.snapshot_with(None, &[])?.id;
    Ok(sum)
}

fn stale_since_us(options: &PruneOptions) -> i64 {
    now_us().saturating_sub(i64::try_from(options.expire_older_than.as_micros()).unwrap_or(i64::MAX))
}

/// The files of days before one.
fn files(snapshot: &Snapshot, before: i32) -> Vec<(Table, DataFile)> {
    let of = |table: Table| snapshot.files(table).iter().map(move |file| (table, file.clone()));
    Table::ALL.into_iter().flat_map(of).filter(|(_, file)| file.event_date < before).collect()
}

fn sum(snapshot: &Snapshot, before: i32) -> Result<PruneSummary, StoreError> {
    let mut sum = PruneSummary { before, snapshot: snapshot.id, ..PruneSummary::default() };
    for (table, file) in files(snapshot, before) {
        sum.files += 1;
        sum.bytes += file.size_bytes;
        match table {
            Table::Events => sum.events += file.rows,
            Table::Usage => sum.usage_rows += file.rows,
        }
    }
    let days: HashSet<i32> = snapshot.files(Table::Events).iter().map(|file| file.event_date).collect();
    let gone = || days.iter().copied().filter(|day| *day < before);
    sum.days = gone().min().zip(gone().max());
    sum.day_count = gone().count() as u64;
    sum.days_left = days.len() as u64 - sum.day_count;
    principals(snapshot, before, &mut sum)?;
    Ok(sum)
}

/// Whose use goes, altogether or of some actions.
fn principals(snapshot: &Snapshot, before: i32, sum: &mut PruneSummary) -> Result<(), StoreError> {
    let hasher = foldhash::quality::RandomState::default();
    let (mut kept, mut kept_pairs) = (HashSet::new(), HashSet::new());
    for file in snapshot.files(Table::Usage).iter().filter(|file| file.event_date >= before) {
        each_use(file, |principal, action, _| {
            kept.insert(hasher.hash_one(principal));
            if kept_pairs.len() < PAIRS_MAX {
                kept_pairs.insert(hasher.hash_one((principal, action)));
            }
        })?;
    }
    let tells_actions = kept_pairs.len() < PAIRS_MAX;
    let mut said = HashSet::new();
    for file in snapshot.files(Table::Usage).iter().filter(|file| file.event_date < before) {
        each_use(file, |principal, action, uses| {
            let map = match kept.contains(&hasher.hash_one(principal)) {
                false => &mut sum.principals_gone,
                true => {
                    let pair = hasher.hash_one((principal, action));
                    if !tells_actions || kept_pairs.contains(&pair) || !said.insert(pair) {
                        return;
                    }
                    &mut sum.principals_thinned
                }
            };
            let count = if kept.contains(&hasher.hash_one(principal)) { 1 } else { uses };
            if map.len() < NAMES_MAX || map.contains_key(principal) {
                *map.entry(principal.to_owned()).or_default() += count;
            }
        })?;
    }
    Ok(())
}

/// Each row of usage that has an action: who, what, how often.
fn each_use(file: &DataFile, mut each: impl FnMut(&str, &str, u64)) -> Result<(), StoreError> {
    for batch in read_batches(file, Some(&["principal_arn", "action", "event_count"]), None)? {
        let batch = batch?;
        let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (Some(principals), Some(actions)) = (text("principal_arn"), text("action")) else { continue };
        let counts = batch.column_by_name("event_count");
        let counts = counts.and_then(|column| column.as_primitive_opt::<arrow::datatypes::Int64Type>());
        for row in (0..batch.num_rows()).filter(|row| principals.is_valid(*row) && actions.is_valid(*row)) {
            let count = counts.filter(|counts| counts.is_valid(row)).map_or(1, |counts| counts.value(row));
            each(principals.value(row), actions.value(row), u64::try_from(count).unwrap_or(0));
        }
    }
    Ok(())
}
