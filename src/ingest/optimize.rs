//! Maintenance: the small files of many ingests become few, what only old snapshots need goes.
//!
//! A merge is a commit like any other: the old files end with it, the new ones begin. (DuckLake's own
//! `ducklake_merge_adjacent_files` rewrites history instead, so that old snapshots read the merged file too; but it
//! does so by a column in the file that says which snapshot a row is of, and a bare glob would see that column.)

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};

use super::error::IngestError;
use super::upkeep::{self, Days};
use super::{Progress, budget};
use crate::iam::Catalog;
use crate::store::{Commit, DataFile, Mode, Reclaimed, Snapshot, StagedFile, Store, Table, Writer, merge};
use crate::time::now_us;
use crate::usage;

/// New files that may wait for a commit.
const COMMIT_FILES_MAX: usize = 256;

/// What to do, and with how much of the machine.
#[derive(Clone, Debug)]
pub struct OptimizeOptions {
    /// Peak resident memory to stay below.
    pub memory_limit_bytes: u64,
    /// Days to merge at once.
    pub threads: usize,
    /// Files of this size and above are left as they are.
    pub file_bytes: u64,
    /// A snapshot goes once it has not been the newest for this long.
    pub expire_older_than: Duration,
    /// How long merged days may wait for a commit.
    pub commit_interval: Duration,
    /// Who may read the store from now on; `None`: as it is.
    pub mode: Option<Mode>,
}

/// What an optimisation came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Optimized {
    /// Days of which events were merged.
    pub days: u64,
    /// Files of the tables before.
    pub files_before: u64,
    /// Files of the tables after.
    pub files_after: u64,
    /// Bytes of those before.
    pub bytes_before: u64,
    /// Bytes of those after.
    pub bytes_after: u64,
    /// What was given back.
    pub reclaimed: Reclaimed,
    /// The store's newest snapshot.
    pub snapshot: i64,
    /// Whether it ended early because it was asked to.
    pub interrupted: bool,
}

/// Rows of days that are summed up into their month here: fewer than an ingest would take the time for.
const MONTH_ROWS_MIN: u64 = 1_000;

/// Merges the small files of each day and gives back what no snapshot of the last
/// [`OptimizeOptions::expire_older_than`] needs.
///
/// # Errors
/// The store, the disk; what was committed before stays.
pub fn optimize(
    store: &Store,
    options: &OptimizeOptions,
    catalog: &Catalog,
    progress: &Progress,
) -> Result<Optimized, IngestError> {
    let memory = budget::merges(options.memory_limit_bytes, options.threads)?;
    super::with_threads(memory.0, || optimize_with(memory, store, options, catalog, progress))
}

fn optimize_with(
    memory: (usize, u64),
    store: &Store,
    options: &OptimizeOptions,
    catalog: &Catalog,
    progress: &Progress,
) -> Result<Optimized, IngestError> {
    let staged_bytes = store.staged_bytes();
    let mut writer = store.writer()?;
    options.mode.map_or(Ok(()), |mode| writer.set_mode(mode))?;
    let mut sum = Optimized::default();
    (sum.files_before, sum.bytes_before) = amount(&store.snapshot_with(None, &[])?);
    let rows_max = budget::month_rows(options.memory_limit_bytes);
    let days_memory = Days::beside_each_other(&writer, options.memory_limit_bytes);
    upkeep::tidy(&mut writer, catalog, None, &days_memory)?;
    let days = days(&store.snapshot_with(None, &[])?, options.file_bytes);
    sum.days = merge_days(&mut writer, &days, options, memory, progress)?;
    sum.interrupted = progress.is_stopped();
    if !sum.interrupted {
        sum.reclaimed = writer.reclaim(stale_since_us(options))?;
    }
    sum.reclaimed.bytes += staged_bytes;
    usage::refresh_months(&writer, MONTH_ROWS_MIN, rows_max)?;
    let snapshot = store.snapshot_with(None, &[])?;
    (sum.files_after, sum.bytes_after) = amount(&snapshot);
    sum.snapshot = snapshot.id;
    Ok(sum)
}

/// What [`optimize()`] would find to do now: `files_after` and `bytes_after` are those of files that would stay as they
/// are, and one for each day to merge.
pub fn would_optimize(store: &Store, options: &OptimizeOptions) -> Result<Optimized, IngestError> {
    let snapshot = store.snapshot_with(None, &[])?;
    let days = days(&snapshot, options.file_bytes);
    let (files_before, bytes_before) = amount(&snapshot);
    let merged: usize = days.iter().map(|day| day.files.len() - 1).sum();
    Ok(Optimized {
        days: days.len() as u64,
        files_before,
        files_after: files_before - merged as u64,
        bytes_before,
        bytes_after: bytes_before,
        reclaimed: store.reclaimable(stale_since_us(options))?,
        snapshot: snapshot.id,
        interrupted: false,
    })
}

/// Days of which [`optimize()`] would merge files smaller than `file_bytes`, and how many files fewer there would be.
pub fn mergeable(snapshot: &Snapshot, file_bytes: u64) -> (u64, u64) {
    let days = days(snapshot, file_bytes);
    (days.len() as u64, days.iter().map(|day| day.files.len() as u64 - 1).sum())
}

fn stale_since_us(options: &OptimizeOptions) -> i64 {
    now_us().saturating_sub(i64::try_from(options.expire_older_than.as_micros()).unwrap_or(i64::MAX))
}

fn amount(snapshot: &Snapshot) -> (u64, u64) {
    let files = || Table::ALL.into_iter().flat_map(|table| snapshot.files(table));
    (files().count() as u64, files().map(|file| file.size_bytes).sum())
}

/// A day whose events lie in several small files.
struct Day {
    files: Vec<DataFile>,
    size_bytes: u64,
}

/// The days to merge, the largest first, so that the threads end together. Files that are large enough stay: a late
/// event doesn't rewrite a day of gigabytes.
fn days(snapshot: &Snapshot, file_bytes: u64) -> Vec<Day> {
    let mut by_date: BTreeMap<i32, Vec<DataFile>> = BTreeMap::new();
    for file in snapshot.files(Table::Events).iter().filter(|file| file.size_bytes < file_bytes) {
        by_date.entry(file.event_date).or_default().push(file.clone());
    }
    let several = by_date.into_values().filter(|files| files.len() > 1);
    let mut days: Vec<Day> =
        several.map(|files| Day { size_bytes: files.iter().map(|f| f.size_bytes).sum(), files }).collect();
    days.sort_by_key(|day| std::cmp::Reverse(day.size_bytes));
    days
}

type Merged<'a> = (&'a Day, Result<Vec<StagedFile>, IngestError>);

/// What the worker threads share.
struct CrossAccountCalls<'a> {
    days: &'a [Day],
    next: AtomicUsize,
    memory_bytes: u64,
    file_bytes: u64,
    staging: &'a Path,
    progress: &'a Progress,
}

impl<'a> CrossAccountCalls<'a> {
    fn work(&self, sender: &Sender<Merged<'a>>) {
        while !self.progress.is_stopped() {
            let Some(day) = self.days.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            let files: Vec<&DataFile> = day.files.iter().collect();
            let merged = merge(Table::Events, &files, self.staging, self.memory_bytes, self.file_bytes);
            if sender.send((day, merged.map_err(IngestError::from))).is_err() {
                return;
            }
        }
    }
}

/// Merges days in worker threads and commits them here; returns how many.
fn merge_days(
    writer: &mut Writer,
    days: &[Day],
    options: &OptimizeOptions,
    (threads, memory_bytes): (usize, u64),
    progress: &Progress,
) -> Result<u64, IngestError> {
    progress.bytes_total.store(days.iter().map(|day| day.size_bytes).sum(), Ordering::Relaxed);
    progress.objects_total.store(days.len() as u64, Ordering::Relaxed);
    let staging = writer.staging();
    let (next, file_bytes) = (AtomicUsize::new(0), options.file_bytes);
    let shared = CrossAccountCalls { days, next, memory_bytes, file_bytes, staging: &staging, progress };
    let (sender, receiver) = crossbeam_channel::bounded(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(days.len()) {
            let (shared, sender) = (&shared, sender.clone());
            scope.spawn(move || shared.work(&sender));
        }
        drop(sender);
        let outcome = commit_days(writer, &receiver, options.commit_interval, progress);
        // Whoever still sends finds nobody listening, and ends.
        drop(receiver);
        if outcome.is_err() {
            progress.stop();
        }
        outcome
    })
}

fn commit_days(
    writer: &mut Writer,
    receiver: &Receiver<Merged<'_>>,
    interval: Duration,
    progress: &Progress,
) -> Result<u64, IngestError> {
    let message = "merge events";
    let (mut days, mut since) = (0, Instant::now());
    let mut pending = Commit { message: message.to_owned(), ..Default::default() };
    for (day, merged) in receiver {
        pending.add.extend(merged?);
        pending.replace.extend(day.files.iter().map(|file| (Table::Events, file.clone())));
        days += 1;
        progress.objects.fetch_add(1, Ordering::Relaxed);
        progress.bytes.fetch_add(day.size_bytes, Ordering::Relaxed);
        if since.elapsed() >= interval || pending.add.len() >= COMMIT_FILES_MAX {
            writer.commit(&pending)?;
            pending = Commit { message: message.to_owned(), ..Default::default() };
            since = Instant::now();
        }
    }
    if !pending.add.is_empty() {
        writer.commit(&pending)?;
    }
    Ok(days)
}
