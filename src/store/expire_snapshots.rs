//! Giving back what nobody needs: old snapshots, the files that only they had, what crashes left, free catalog pages.
//!
//! Files go the way that DuckLake describes: the transaction that forgets them lists them in
//! `ducklake_files_scheduled_for_deletion`; then they are removed, then taken off the list. A crash at any place leaves
//! a list for the next run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, Row, Transaction, TransactionBehavior, params};

use super::error::{Outside, StoreError};
use super::layout::{catalog_path, replaced_dir, staging_dir};
use super::open::Store;
use super::place::{DataPath, no_links};
use super::recover::paths_of;
use super::writer::Writer;
use crate::time::{format_ducklake_time, now_us};

/// Free pages of the catalog are worth a rewrite from this many bytes on, and from a quarter of it on.
const VACUUM_MIN_BYTES: u64 = 1 << 20;

/// What was given back, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Snapshots that can't be asked for any more.
    pub snapshots: u64,
    /// Data files removed.
    pub files: u64,
    /// Bytes of files and of the catalog.
    pub bytes: u64,
}

impl Reclaimed {
    fn add_file(&mut self, size_bytes: u64) {
        self.files += 1;
        self.bytes += size_bytes;
    }
}

impl Store {
    /// What [`Writer::reclaim`] would give back now.
    pub fn reclaimable(&self, stale_since_us: i64) -> Result<Reclaimed, StoreError> {
        let catalog = catalog_path(self.dir());
        let error = StoreError::catalog(&catalog);
        let connection = self.connect()?;
        let mut sum = Reclaimed::default();
        let first = first_kept(&connection, stale_since_us).map_err(&error)?;
        sum.snapshots = count_before(&connection, first).map_err(&error)?;
        let mut below = scheduled(&connection).map_err(&error)?;
        below.extend(unneeded(&connection, first).map_err(&error)?.into_iter().map(|(_, path)| path));
        let mut paths: BTreeSet<PathBuf> = below.iter().map(|path| path.in_store(self.dir())).collect();
        paths.extend(self.orphans(&connection)?);
        for metadata in paths.iter().filter_map(|path| fs::metadata(path).ok()) {
            sum.add_file(metadata.len());
        }
        sum.bytes += self.staged_bytes();
        Ok(sum)
    }

    /// Bytes of files that were written and never committed. The next writer removes them.
    pub fn staged_bytes(&self) -> u64 {
        let files = files_in(&staging_dir(self.dir())).unwrap_or_default();
        files.iter().filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len()).sum()
    }

    /// The replaced files that no snapshot has.
    fn orphans(&self, connection: &Connection) -> Result<Vec<PathBuf>, StoreError> {
        let catalog = catalog_path(self.dir());
        let known = paths_of(connection).map_err(StoreError::catalog(&catalog))?;
        no_links(self.dir(), &replaced_dir(self.dir()))?;
        let known: BTreeSet<PathBuf> = known.iter().map(|path| path.in_store(self.dir())).collect();
        let is_known = |path: &PathBuf| known.contains(path);
        Ok(files_in(&replaced_dir(self.dir()))?.into_iter().filter(|path| !is_known(path)).collect())
    }
}

impl Writer {
    /// Lets go of every snapshot that was not the newest any more at `stale_since_us`, and of the files that only such
    /// snapshots have; then of orphaned files, and of the catalog's free pages where they are many.
    pub fn reclaim(&mut self, stale_since_us: i64) -> Result<Reclaimed, StoreError> {
        let mut sum = Reclaimed { snapshots: self.expire(stale_since_us)?, ..Default::default() };
        self.remove_scheduled(&mut sum)?;
        for path in self.store().orphans(self.connection())? {
            remove(&path, &mut sum)?;
        }
        sum.bytes += self.vacuum()?;
        Ok(sum)
    }

    /// Forgets snapshots and lists the files that go with them.
    fn expire(&mut self, stale_since_us: i64) -> Result<u64, StoreError> {
        let catalog = catalog_path(self.store().dir());
        let expire = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let first = first_kept(&transaction, stale_since_us)?;
            let count = count_before(&transaction, first)?;
            if count > 0 {
                forget(&transaction, first)?;
            }
            transaction.commit()?;
            Ok(count)
        };
        expire(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }

    fn remove_scheduled(&self, sum: &mut Reclaimed) -> Result<(), StoreError> {
        let catalog = catalog_path(self.store().dir());
        let error = StoreError::catalog(&catalog);
        let known = paths_of(self.connection()).map_err(&error)?;
        let paths = scheduled(self.connection()).map_err(&error)?;
        // All are checked before the first one goes.
        let gone = paths.iter().filter(|path| !known.contains(path)).map(|path| path.checked(self.store().dir()));
        for path in gone.collect::<Result<Vec<_>, _>>()? {
            remove(&path, sum)?;
        }
        if !paths.is_empty() {
            let sql = "DELETE FROM ducklake_files_scheduled_for_deletion WHERE path_is_relative";
            self.connection().execute(sql, []).map_err(&error)?;
        }
        Ok(())
    }

    /// Rewrites the catalog without its free pages, where they are many and nobody reads it; returns their bytes.
    fn vacuum(&self) -> Result<u64, StoreError> {
        let catalog = catalog_path(self.store().dir());
        let pragma = |name: &str| self.connection().pragma_query_value(None, name, |r| r.get::<_, u64>(0));
        let vacuum = || {
            let (free, pages, page_bytes) = (pragma("freelist_count")?, pragma("page_count")?, pragma("page_size")?);
            if free * page_bytes < VACUUM_MIN_BYTES || free * 4 < pages {
                return Ok(0);
            }
            match self.connection().execute_batch("VACUUM") {
                Ok(()) => Ok(pages.saturating_sub(pragma("page_count")?) * page_bytes),
                Err(rusqlite::Error::SqliteFailure(failure, _)) if failure.code == ErrorCode::DatabaseBusy => Ok(0),
                Err(error) => Err(error),
            }
        };
        vacuum().map_err(StoreError::catalog(&catalog))
    }
}

/// The oldest snapshot that is still wanted: the first one that was the newest at that time or later.
fn first_kept(connection: &Connection, stale_since_us: i64) -> rusqlite::Result<i64> {
    connection.query_row(
        "SELECT min(snapshot_id) FROM (SELECT snapshot_id, lead(snapshot_time) OVER (ORDER BY snapshot_id) AS replaced \
         FROM ducklake_snapshot) WHERE replaced IS NULL OR replaced >= ?1",
        [format_ducklake_time(stale_since_us)],
        |r| r.get(0),
    )
}

fn count_before(connection: &Connection, first: i64) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM ducklake_snapshot WHERE snapshot_id < ?1", [first], |r| r.get(0))
}

/// The files that no snapshot from `first` on has: id, path below `data/`.
fn unneeded(connection: &Connection, first: i64) -> rusqlite::Result<Vec<(i64, DataPath)>> {
    let mut statement = connection.prepare(
        "SELECT data_file_id, table_id, path, path_is_relative FROM ducklake_data_file WHERE end_snapshot <= ?1 ORDER BY 1",
    )?;
    let rows = statement.query_map([first], |row| {
        let path = DataPath::of_row(row.get(1)?, &row.get::<_, String>(2)?, row.get(3)?).map_err(Outside::in_row)?;
        Ok((row.get(0)?, path))
    })?;
    rows.collect()
}

fn forget(transaction: &Transaction<'_>, first: i64) -> rusqlite::Result<()> {
    let mut schedule =
        transaction.prepare("INSERT INTO ducklake_files_scheduled_for_deletion VALUES (?1, ?2, 1, ?3)")?;
    let now = format_ducklake_time(now_us());
    for (id, path) in unneeded(transaction, first)? {
        schedule.execute(params![id, path.as_str(), now])?;
    }
    for table in [
        "ducklake_file_column_stats",
        "ducklake_file_partition_value",
        "trailpare_file_checks",
        "trailpare_file_origins",
        "trailpare_row_checks",
        "trailpare_set_aside",
    ] {
        let sql = format!(
            "DELETE FROM {table} WHERE data_file_id IN (SELECT data_file_id FROM ducklake_data_file WHERE end_snapshot <= ?1)"
        );
        transaction.execute(&sql, [first])?;
    }
    transaction.execute("DELETE FROM ducklake_data_file WHERE end_snapshot <= ?1", [first])?;
    transaction.execute("DELETE FROM trailpare_snapshot_checks WHERE snapshot_id < ?1", [first])?;
    transaction.execute("DELETE FROM ducklake_snapshot_changes WHERE snapshot_id < ?1", [first])?;
    transaction.execute("DELETE FROM ducklake_snapshot WHERE snapshot_id < ?1", [first])?;
    Ok(())
}

/// Paths below `data/` that are to be removed.
fn scheduled(connection: &Connection) -> rusqlite::Result<Vec<DataPath>> {
    let mut statement =
        connection.prepare("SELECT path FROM ducklake_files_scheduled_for_deletion WHERE path_is_relative")?;
    let path = |row: &Row<'_>| DataPath::new(&row.get::<_, String>(0)?).map_err(Outside::in_row);
    statement.query_map([], path)?.collect()
}

fn remove(path: &Path, sum: &mut Reclaimed) -> Result<(), StoreError> {
    let size_bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
    match fs::remove_file(path) {
        Ok(()) => sum.add_file(size_bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io(path, "cannot remove")(error)),
    }
    Ok(())
}

/// The files in a folder; none where there is no folder.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io(folder, "cannot list")(error)),
    };
    let entries = entries.map(|entry| entry.map_err(StoreError::io(folder, "cannot list")));
    // Links are no files of the store.
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let files = entries.filter(|entry| entry.as_ref().map_or(true, is_file));
    files.map(|entry| Ok(entry?.path())).collect()
}
