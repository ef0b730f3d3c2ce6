//! Keeping the stored usage whole, of the present catalogue and form, and in few files.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::budget;
use super::cross_account_calls::HeldCalls;
use super::error::IngestError;
use super::usage_files::write_rows;
use crate::iam::Catalog;
use crate::store::{Commit, DataFile, OutdatedDay, Snapshot, StagedFile, Store, StoreError, Table, UsageState, Writer};
use crate::usage::{self, Rows, Space};

/// Derives the usage of every day anew that was derived under another catalogue, or is not whole; returns how many
/// days that were.
///
/// # Errors
/// [`StoreError::Locked`] when another process writes.
pub fn refresh_usage(store: &Store, catalog: &Catalog) -> Result<usize, IngestError> {
    refresh_usage_within(store, catalog, budget::MEMORY_LIMIT_BYTES)
}

fn refresh_usage_within(store: &Store, catalog: &Catalog, memory_limit_bytes: u64) -> Result<usize, IngestError> {
    if store.outdated_usage_days(&usage::version(catalog))?.is_empty() {
        return Ok(0);
    }
    let mut writer = store.writer()?;
    let memory = Days::one(&writer, memory_limit_bytes);
    let days = refresh(&mut writer, catalog, None, &memory)?;
    // The copies of whole months sum up what is there no more.
    usage::refresh_months(&writer, usage::MONTH_ROWS_MIN, budget::month_rows(memory_limit_bytes))?;
    Ok(days)
}

/// What [`refresh_usage`] does, where it can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// This many days were derived anew; 0 when all was as it should be.
    Days(usize),
    /// This many days should be, but the store can't be written to now, and why.
    Waiting(usize, String),
}

/// [`refresh_usage`], for commands that read: a store that can't be written to is read as it is.
pub fn refresh_usage_if_outdated(
    store: &Store,
    catalog: &Catalog,
    memory_limit_bytes: u64,
) -> Result<Refreshed, IngestError> {
    let days = store.outdated_usage_days(&usage::version(catalog))?.len();
    if store.is_cut_short() {
        // Whoever only reads mends nothing.
        return Ok(Refreshed::Waiting(days, "the last commit has to be mended first".to_owned()));
    }
    match refresh_usage_within(store, catalog, memory_limit_bytes) {
        Ok(days) => Ok(Refreshed::Days(days)),
        Err(IngestError::Store(StoreError::Locked { .. })) => {
            Ok(Refreshed::Waiting(days, "another process is writing to the store".to_owned()))
        }
        Err(IngestError::Store(error)) if error.is_of_writing() => {
            Ok(Refreshed::Waiting(days, format!("the store can't be written to: {error}")))
        }
        Err(error) => Err(error),
    }
}

pub(super) fn refresh(
    writer: &mut Writer,
    catalog: &Catalog,
    held: Option<&mut HeldCalls>,
    memory: &Days,
) -> Result<usize, IngestError> {
    let days = writer.store().outdated_usage_days(&usage::version(catalog))?;
    let (unresolved, outdated): (Vec<OutdatedDay>, Vec<OutdatedDay>) = days.iter().partition(|day| day.is_unresolved);
    let unresolved: Vec<i32> = unresolved.iter().map(|day| day.event_date).collect();
    resolve(writer, &unresolved, catalog, held, memory)?;
    if outdated.is_empty() {
        return Ok(days.len());
    }
    // Each day has its own files, so that what is done to one changes no other.
    let snapshot = writer.store().snapshot_with(None, &[])?;
    for day in outdated {
        let commit = rebuild(writer, &snapshot, day.event_date, catalog, &memory.space)?;
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
    space: &Space,
) -> Result<(), IngestError> {
    let waiting = writer.store().outdated_usage_days(&usage::version(catalog))?;
    let is_waiting = |date: &i32| waiting.iter().any(|day| day.event_date == *date && day.is_unresolved);
    let (waiting, others): (Vec<i32>, Vec<i32>) = days.iter().copied().partition(is_waiting);
    for date in others {
        held.take(date, &[]);
    }
    resolve(writer, &waiting, catalog, Some(held), &Days { space: space.clone(), threads: 1 })
}

/// Memory for the usage of days, and how many of them may be worked on at once.
pub(super) struct Days {
    space: Space,
    threads: usize,
}

impl Days {
    /// One after the other.
    pub fn one(writer: &Writer, memory_limit_bytes: u64) -> Days {
        Days { space: Space::new(&writer.staging(), budget::day_bytes(memory_limit_bytes)), threads: 1 }
    }

    /// As many as there are threads.
    pub fn beside_each_other(writer: &Writer, memory_limit_bytes: u64) -> Days {
        Days { threads: rayon::current_num_threads(), ..Days::one(writer, memory_limit_bytes) }
    }

    /// Does something for each day: for several at once where each has no more than so many rows, and so many fit.
    fn each<D: Send, T: Send>(
        &self,
        days: Vec<D>,
        rows_max: u64,
        of: impl Fn(D, &Space) -> Result<T, IngestError> + Send + Sync,
    ) -> Result<Vec<T>, IngestError> {
        let share = self.space.share(self.threads);
        if self.threads > 1 && share.fits(rows_max) {
            days.into_par_iter().map(|day| of(day, &share)).collect()
        } else {
            days.into_iter().map(|day| of(day, &self.space)).collect()
        }
    }
}

/// Ends an ingest: tells apart what the called accounts logged, and merges what lies in many files.
pub(super) fn tidy(
    writer: &mut Writer,
    catalog: &Catalog,
    mut held: Option<HeldCalls>,
    memory: &Days,
) -> Result<(), IngestError> {
    refresh(writer, catalog, held.as_mut(), memory)?;
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
    let merge = |(date, files): (i32, Vec<&DataFile>), space: &Space| {
        write_rows(&staging, date, usage::merge_day(&files, space)?)
    };
    commit.add = memory.each(days, rows, merge)?.into_iter().flatten().collect();
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

fn resolve(
    writer: &mut Writer,
    days: &[i32],
    catalog: &Catalog,
    mut held: Option<&mut HeldCalls>,
    memory: &Days,
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
    let resolve = |(date, calls, files): (i32, _, Vec<&DataFile>), space: &Space| {
        write_rows(&staging, date, usage::resolve_day(&files, calls, catalog, space)?)
    };
    commit.add = memory.each(waiting, most, resolve)?.into_iter().flatten().collect();
    for date in days.iter().copied() {
        let old = files_of(&snapshot, Table::Usage, date).into_iter().filter(|file| is_cross_account(file));
        commit.replace.extend(old.map(|file| (Table::Usage, file.clone())));
        commit.usage.push((date, UsageState::Whole(usage::version(catalog))));
    }
    writer.commit(&commit)?;
    Ok(())
}

fn rebuild(
    writer: &Writer,
    snapshot: &Snapshot,
    date: i32,
    catalog: &Catalog,
    space: &Space,
) -> Result<Commit, IngestError> {
    let (events, old) = (files_of(snapshot, Table::Events, date), files_of(snapshot, Table::Usage, date));
    let staging = writer.staging();
    // One after the other, so that there is memory for one only.
    let own = write_rows(&staging, date, usage::derive_own(&events, catalog, space)?)?;
    let foreign = write_rows(&staging, date, usage::resolve_day(&events, None, catalog, space)?)?;
    Ok(Commit {
        add: [own, foreign].into_iter().flatten().collect(),
        replace: old.into_iter().map(|file| (Table::Usage, file.clone())).collect(),
        usage: vec![(date, UsageState::Whole(usage::version(catalog)))],
        message: "derive usage anew".to_owned(),
        ..Default::default()
    })
}

/// Lets a commit that adds events bring the usage of their days along, derived from all events that these have then: so
/// that no snapshot has the ones without the other.
pub(super) fn derive_along(
    writer: &Writer,
    commit: &mut Commit,
    catalog: &Catalog,
    memory: &Days,
) -> Result<(), IngestError> {
    let snapshot = writer.store().snapshot_with(None, &[])?;
    let mut days: BTreeMap<i32, Vec<DataFile>> = BTreeMap::new();
    for file in commit.add.iter().filter(|file| file.table == Table::Events) {
        days.entry(file.event_date).or_default().push(file.as_data_file());
    }
    for (date, files) in &mut days {
        files.extend(files_of(&snapshot, Table::Events, *date).into_iter().cloned());
        commit
            .replace
            .extend(files_of(&snapshot, Table::Usage, *date).into_iter().map(|old| (Table::Usage, old.clone())));
        commit.usage.push((*date, UsageState::Whole(usage::version(catalog))));
    }
    let rows = days.values().map(|files| files.iter().map(|file| file.rows).sum::<u64>()).max().unwrap_or(0);
    let staging = writer.staging();
    let derive = |(date, files): (i32, Vec<DataFile>), space: &Space| -> Result<Vec<StagedFile>, IngestError> {
        let files: Vec<&DataFile> = files.iter().collect();
        // One after the other, so that there is memory for one only.
        let own = write_rows(&staging, date, usage::derive_own(&files, catalog, space)?)?;
        let foreign = write_rows(&staging, date, usage::resolve_day(&files, None, catalog, space)?)?;
        Ok([own, foreign].into_iter().flatten().collect())
    };
    let derived = memory.each(days.into_iter().collect(), rows, derive)?;
    commit.add.extend(derived.into_iter().flatten());
    Ok(())
}

/// The usage of a day as its events say it: what its principals' own accounts logged, and what only called ones did.
pub(super) fn derive_day(files: &[&DataFile], catalog: &Catalog, space: &Space) -> Result<[Rows; 2], IngestError> {
    Ok([usage::derive_own(files, catalog, space)?, usage::resolve_day(files, None, catalog, space)?])
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::ingest::{Options, Progress, ingest};
    use crate::synth::{self, Config};

    /// What the account called in others is known from their trails alone, then.
    fn without_one_account(archive: &Path) {
        let files =
            walkdir::WalkDir::new(archive).sort_by_file_name().into_iter().map(|entry| entry.expect("an entry"));
        let objects: Vec<PathBuf> =
            files.filter(|file| file.file_type().is_file()).map(|file| file.into_path()).collect();
        let account = |path: &Path| path.components().nth_back(6).map(|name| name.as_os_str().to_owned());
        let missing = account(&objects[0]);
        objects
            .iter()
            .filter(|path| account(path) == missing)
            .for_each(|path| std::fs::remove_file(path).expect("removed"));
    }

    /// In so little memory that everything goes by way of the disk, in parts.
    #[test]
    fn days_are_the_same_in_any_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("archive");
        let config = Config { objects: Some(60), events: Some(9_000), days: 3, accounts: 4, ..Config::default() };
        synth::generate(&config, &archive, |_, _| {}).expect("an archive");
        without_one_account(&archive);
        let store = Store::open_or_create(&folder.path().join("store")).expect("a store");
        let catalog = Catalog::embedded();
        ingest(&store, &Options::of(vec![archive]), catalog, &Progress::default()).expect("an ingest");
        let snapshot = store.snapshot_with(None, STATISTICS).expect("a snapshot");
        let mut days: Vec<i32> = snapshot.files(Table::Events).iter().map(|file| file.event_date).collect();
        days.sort_unstable();
        days.dedup();
        let rows = |rows: Rows| rows.into_iter().collect::<Result<Vec<_>, _>>().expect("rows");
        let (mut own, mut foreign) = (0, 0);
        for date in days {
            let files = files_of(&snapshot, Table::Events, date);
            let of = |space: &Space| derive_day(&files, catalog, space).expect("usage").map(rows);
            let expected = of(&Space::unlimited());
            own += expected[0].len();
            foreign += expected[1].len();
            let stored = files_of(&snapshot, Table::Usage, date);
            let merged = |space: &Space| rows(usage::merge_day(&stored, space).expect("usage"));
            let expected_merged = merged(&Space::unlimited());
            for bytes in [0, 100_000, 1 << 20] {
                let space = Space::new(folder.path(), bytes);
                assert!(of(&space) == expected, "{date}: {bytes}");
                assert!(merged(&space) == expected_merged, "{date}: {bytes}");
            }
        }
        assert!(own > 500 && foreign > 0, "{own}, {foreign}");
    }
}
