//! Keeping the stored usage whole, of the present catalogue and form, and in few files.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::budget;
use super::committer::write_usage;
use super::error::IngestError;
use super::shared::HeldCalls;
use crate::iam::Catalog;
use crate::store::{
    Commit, DataFile, OutdatedDay, Snapshot, StagedFile, Store, StoreError, Table, UsageState, Writer, read_batches,
};
use crate::usage::{self, Aggregator, EVENT_COLUMNS, EventColumns, UsageRow};

/// Derives the usage of every day anew that was derived under another catalogue, or is not whole; returns how many
/// days that were.
///
/// # Errors
/// [`StoreError::Locked`] when another process writes.
pub fn refresh_usage(store: &Store, catalog: &Catalog) -> Result<usize, IngestError> {
    if store.outdated_usage_days(&usage::version(catalog))?.is_empty() {
        return Ok(0);
    }
    let mut writer = store.writer()?;
    let days = refresh(&mut writer, catalog, None, Beside::One)?;
    // The copies of whole months sum up what is there no more.
    usage::refresh_months(&writer, usage::MONTH_ROWS_MIN, budget::month_rows(budget::MEMORY_LIMIT_BYTES))?;
    Ok(days)
}

/// What [`refresh_usage`] does, where it can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// This many days were derived anew; 0 when all was as it should be.
    Days(usize),
    /// This many days should be, but the store can't be written to now.
    Waiting(usize),
}

/// [`refresh_usage`], for commands that read: a store that can't be written to is read as it is.
pub fn refresh_usage_if_outdated(store: &Store, catalog: &Catalog) -> Result<Refreshed, IngestError> {
    let days = store.outdated_usage_days(&usage::version(catalog))?.len();
    if store.is_cut_short() {
        // Whoever only reads mends nothing.
        return Ok(Refreshed::Waiting(days));
    }
    match refresh_usage(store, catalog) {
        Ok(days) => Ok(Refreshed::Days(days)),
        Err(IngestError::Store(StoreError::Locked { .. } | StoreError::Io { .. })) => Ok(Refreshed::Waiting(days)),
        Err(error) => Err(error),
    }
}

pub(super) fn refresh(
    writer: &mut Writer,
    catalog: &Catalog,
    held: Option<&mut HeldCalls>,
    beside: Beside,
) -> Result<usize, IngestError> {
    let days = writer.store().outdated_usage_days(&usage::version(catalog))?;
    let (unresolved, outdated): (Vec<OutdatedDay>, Vec<OutdatedDay>) = days.iter().partition(|day| day.is_unresolved);
    let unresolved: Vec<i32> = unresolved.iter().map(|day| day.event_date).collect();
    resolve(writer, &unresolved, catalog, held, beside)?;
    if outdated.is_empty() {
        return Ok(days.len());
    }
    // Each day has its own files, so that what is done to one changes no other.
    let snapshot = writer.store().snapshot_with(None, &[])?;
    for day in outdated {
        let commit = rebuild(writer, &snapshot, day.event_date, catalog)?;
        writer.commit(&commit)?;
    }
    Ok(days.len())
}

/// Tells apart what the called accounts logged on those of the days that wait for it, by what is held of them.
pub(super) fn resolve_days(
    writer: &mut Writer,
    days: &[i32],
    catalog: &Catalog,
    held: &mut HeldCalls,
) -> Result<(), IngestError> {
    let waiting = writer.store().outdated_usage_days(&usage::version(catalog))?;
    let is_waiting = |date: &i32| waiting.iter().any(|day| day.event_date == *date && day.is_unresolved);
    let (waiting, others): (Vec<i32>, Vec<i32>) = days.iter().copied().partition(is_waiting);
    for date in others {
        held.take(date, &[]);
    }
    resolve(writer, &waiting, catalog, Some(held), Beside::One)
}

/// What of several days is done at once.
#[derive(Clone, Copy)]
pub(super) enum Beside {
    /// One day.
    One,
    /// As many as there are threads, if they have so many rows of usage together at the most.
    Rows(usize),
}

impl Beside {
    /// Whether so many rows a day fit.
    fn fits(self, rows: u64) -> bool {
        matches!(self, Beside::Rows(max) if rows.saturating_mul(rayon::current_num_threads() as u64) <= max as u64)
    }
}

fn of_days<D: Send, T: Send>(
    days: Vec<D>,
    beside: bool,
    of: impl Fn(D) -> Result<T, IngestError> + Send + Sync,
) -> Result<Vec<T>, IngestError> {
    if beside { days.into_par_iter().map(of).collect() } else { days.into_iter().map(of).collect() }
}

/// Ends an ingest: tells apart what the called accounts logged, and merges what lies in many files.
pub(super) fn tidy(
    writer: &mut Writer,
    catalog: &Catalog,
    mut held: Option<HeldCalls>,
    beside: Beside,
) -> Result<(), IngestError> {
    refresh(writer, catalog, held.as_mut(), beside)?;
    drop(held);
    let snapshot = writer.store().snapshot_with(None, STATISTICS)?;
    let mut commit = Commit { message: "merge usage".to_owned(), ..Default::default() };
    let mut by_day: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
    for file in snapshot.files(Table::Usage).iter().filter(|file| !is_cross_account(file)) {
        by_day.entry(file.event_date).or_default().push(file);
    }
    by_day.retain(|_, files| files.len() > 1);
    let rows = by_day.values().map(|files| files.iter().map(|file| file.rows).sum()).max().unwrap_or(0);
    commit.replace = by_day.values().flatten().map(|file| (Table::Usage, (*file).clone())).collect();
    let staging = writer.staging();
    let days: Vec<(i32, Vec<&DataFile>)> = by_day.into_iter().collect();
    let merge = |(date, files): (i32, Vec<&DataFile>)| write_usage(&staging, date, &usage::merge_day(&files)?);
    commit.add = of_days(days, beside.fits(rows), merge)?;
    if !commit.add.is_empty() {
        writer.commit(&commit)?;
    }
    Ok(())
}

fn files_of(snapshot: &Snapshot, table: Table, date: i32) -> Vec<&DataFile> {
    snapshot.files(table).iter().filter(|file| file.event_date == date).collect()
}

/// What must be known of the files' columns here.
pub(super) const STATISTICS: &[&str] = &[CROSS_ACCOUNT];

const CROSS_ACCOUNT: &str = "cross_account";

/// Whether a usage file has the rows that only called accounts logged: such rows have files of their own.
fn is_cross_account(file: &DataFile) -> bool {
    let column = Table::Usage.schema().index_of(CROSS_ACCOUNT).ok();
    file.columns.iter().any(|c| Some(c.column) == column && c.min.as_deref() == Some("1"))
}

/// The days that have such files.
pub(super) fn cross_account_days(snapshot: &Snapshot) -> HashSet<i32> {
    let files = snapshot.files(Table::Usage).iter();
    files.filter(|file| is_cross_account(file)).map(|file| file.event_date).collect()
}

fn replace(
    writer: &Writer,
    commit: &mut Commit,
    date: i32,
    old: &[&DataFile],
    new: &[Vec<UsageRow>],
) -> Result<(), IngestError> {
    commit.replace.extend(old.iter().map(|file| (Table::Usage, (*file).clone())));
    for rows in new.iter().filter(|rows| !rows.is_empty()) {
        commit.add.push(write_usage(&writer.staging(), date, rows)?);
    }
    Ok(())
}

fn resolve(
    writer: &mut Writer,
    days: &[i32],
    catalog: &Catalog,
    mut held: Option<&mut HeldCalls>,
    beside: Beside,
) -> Result<(), IngestError> {
    if days.is_empty() {
        return Ok(());
    }
    let snapshot = writer.store().snapshot_with(None, STATISTICS)?;
    let mut commit = Commit { message: "tell calls between accounts apart".to_owned(), ..Default::default() };
    let waiting = days.iter().map(|date| {
        let files = files_of(&snapshot, Table::Events, *date);
        let (calls, files) = held.as_deref_mut().map_or((None, files.clone()), |held| held.take(*date, &files));
        (*date, calls, files)
    });
    let waiting: Vec<_> = waiting.collect();
    // There are at most as many rows of a day as it has events that are not held; what is held has a limit of its own.
    let events = |(_, _, files): &(i32, _, Vec<&DataFile>)| files.iter().map(|file| file.rows).sum::<u64>();
    let most = waiting.iter().map(events).max().unwrap_or(0);
    let staging = writer.staging();
    let resolve = |(date, calls, files): (i32, _, Vec<&DataFile>)| -> Result<Option<StagedFile>, IngestError> {
        let rows = usage::bounded(usage::resolve_day(&files, calls, catalog)?);
        (!rows.is_empty()).then(|| write_usage(&staging, date, &rows)).transpose()
    };
    commit.add = of_days(waiting, beside.fits(most), resolve)?.into_iter().flatten().collect();
    for date in days.iter().copied() {
        let old = files_of(&snapshot, Table::Usage, date).into_iter().filter(|file| is_cross_account(file));
        commit.replace.extend(old.map(|file| (Table::Usage, file.clone())));
        commit.usage.push((date, UsageState::Whole(usage::version(catalog))));
    }
    writer.commit(&commit)?;
    Ok(())
}

fn rebuild(writer: &Writer, snapshot: &Snapshot, date: i32, catalog: &Catalog) -> Result<Commit, IngestError> {
    let rows = derive_day(&files_of(snapshot, Table::Events, date), catalog)?;
    let mut commit = Commit {
        usage: vec![(date, UsageState::Whole(usage::version(catalog)))],
        message: "derive usage anew".to_owned(),
        ..Default::default()
    };
    replace(writer, &mut commit, date, &files_of(snapshot, Table::Usage, date), &rows)?;
    Ok(commit)
}

/// The usage of a day as its events say it: what its principals' own accounts logged, and what only called ones did.
pub(super) fn derive_day(files: &[&DataFile], catalog: &Catalog) -> Result<[Vec<UsageRow>; 2], IngestError> {
    let mut aggregator = Aggregator::new(catalog);
    for file in files {
        for batch in read_batches(file, Some(EVENT_COLUMNS), None)? {
            aggregator.add(&EventColumns::try_new(&batch?)?, |_| true);
            aggregator.bound();
        }
    }
    Ok([aggregator.finish().0.into_rows(), usage::resolve_day(files, None, catalog)?].map(usage::bounded))
}
