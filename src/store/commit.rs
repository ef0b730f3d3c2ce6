//! Making staged files visible: one SQLite transaction a commit, and what to do after one that was cut short.
//!
//! The order of a commit, and what a crash at each place leaves:
//!
//! 1. The files lie synced in `data/.staging/`. Crash: nobody sees them; the next writer empties the folder.
//! 2. `commit-in-progress` names the files that are about to appear in or leave the tables' directories, synced.
//! 3. Within the transaction: rows into the catalog, then the files are renamed into place, directories synced.
//!    Crash: the transaction never happened, [`recover`] undoes the renames.
//! 4. COMMIT, synchronous. From here on the commit holds.
//! 5. Replaced files are moved to `data/replaced/`, where old snapshots find them and a bare glob over the tables does
//!    not. Crash: [`recover`] moves them.
//! 6. The marker goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use super::agreement::{RowCheck, RowFacts, column_crc, note_snapshot};
use super::checks::FileChecks;
use super::datafile::{StagedColumn, StagedFile};
use super::error::StoreError;
use super::ledger::{self, DayCount, LedgerEntry, Run};
use super::passed_over::{Conflict, Struck};
use super::place::no_links;
use super::private::{self, Mode};
use super::recover::recover_locked;
use super::replaced::{FROM_TABLE, replaced_name};
use super::snapshot::DataFile;
use super::tables::Table;
use super::{MODE_KEY, Store, catalog_path, data_dir, metadata, migrate, replaced_dir, staging_dir, table_dir};
use crate::time::{format_date, format_ducklake_time, now_us};

/// Everything that becomes visible at once.
#[derive(Debug, Default)]
pub struct Commit {
    /// Files that are added.
    pub add: Vec<StagedFile>,
    /// Files that are no longer part of their table from this snapshot on.
    pub replace: Vec<(Table, DataFile)>,
    /// Log objects that were taken in or refused.
    pub objects: Vec<LedgerEntry>,
    /// Events added, by day, account and region.
    pub days: Vec<DayCount>,
    /// How the usage of each day in the commit stands.
    pub usage: Vec<(i32, UsageState)>,
    /// Events that were there already and say something else.
    pub conflicts: Vec<Conflict>,
    /// What stood as refused and does no longer.
    pub struck: Vec<Struck>,
    /// Records that had been kept out and have come since: the object's name and their position in it.
    pub mended: Vec<(String, u64)>,
    /// What a run has come to so far, and its id.
    pub run: Option<(i64, Run)>,
    /// For `ducklake_snapshot_changes.commit_message`.
    pub message: String,
}

/// How the stored usage of a day stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageState {
    /// Rows were added, derived under this version of the IAM catalogue.
    Added(String),
    /// Rows were added, and copies of calls by other accounts wait to be told apart.
    Unresolved,
    /// The day is whole, derived under this version.
    Whole(String),
}

/// The one process that may write to a store, as long as this value lives.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    connection: Connection,
    mode: Mode,
    // Held for its lock; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

/// What the marker file of a commit says, as it is written.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenMarker {
    /// Paths below `data/` that the commit adds.
    pub add: Vec<String>,
    /// Paths below `data/` that it moves away.
    pub replace: Vec<String>,
    /// Of both; markers of before had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc: Option<u32>,
}

impl WrittenMarker {
    pub fn new(add: Vec<String>, replace: Vec<String>) -> WrittenMarker {
        let mut marker = WrittenMarker { add, replace, crc: None };
        marker.crc = Some(marker.sum());
        marker
    }

    /// Whether it is what was written, as far as that was recorded.
    pub fn is_sound(&self) -> bool {
        self.crc.is_none_or(|crc| crc == self.sum())
    }

    fn sum(&self) -> u32 {
        let mut crc = libdeflater::Crc::new();
        for (kind, path) in self.add.iter().map(|path| ("+", path)).chain(self.replace.iter().map(|path| ("-", path))) {
            [kind, path, "\n"].iter().for_each(|part| crc.update(part.as_bytes()));
        }
        crc.sum()
    }
}

impl Writer {
    /// Takes the store's lock, mends what an earlier process left half done, and empties the staging folder.
    pub(super) fn open(store: Store) -> Result<Writer, StoreError> {
        let lock = Writer::lock(&store.dir)?;
        super::check_whole(&store.dir)?;
        Writer::with_lock(store, lock)
    }

    /// Takes the store's lock.
    pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
        lock(dir)?.ok_or_else(|| StoreError::Locked {
            path: dir.to_owned(),
            holder: fs::read_to_string(lock_path(dir)).unwrap_or_default().trim().to_owned(),
        })
    }

    /// The same for who has the lock.
    pub(super) fn with_lock(store: Store, lock: File) -> Result<Writer, StoreError> {
        let mut connection = super::connect(&store.dir)?;
        recover_locked(&store.dir, &connection)?;
        let mode = mode_of(&store.dir, &connection)?;
        migrate::migrate(&mut connection).map_err(StoreError::catalog(&catalog_path(&store.dir)))?;
        let staging = staging_dir(&store.dir);
        no_links(&store.dir, &staging)?;
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(StoreError::io(&staging, "cannot empty"))?;
        }
        private::create_folder(&staging, mode).map_err(StoreError::io(&staging, "cannot create"))?;
        super::remove_begun(&store.dir)?;
        Ok(Writer { store, connection, mode, _lock: lock })
    }

    /// Who may read the store.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Says who may read the store from now on, all of it.
    pub fn set_mode(&mut self, mode: Mode) -> Result<(), StoreError> {
        note_mode(&self.store.dir, &self.connection, mode)?;
        self.mode = mode;
        Ok(())
    }

    /// The store that is written to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where data files are written before they are committed.
    pub fn staging(&self) -> PathBuf {
        staging_dir(&self.store.dir)
    }

    /// The catalog's connection, for the ledger.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Likewise, for transactions.
    pub(super) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Makes a commit visible and durable; returns its snapshot id.
    ///
    /// # Errors
    /// When anything fails before the catalog's COMMIT, nothing of it is visible and the renames are undone.
    pub fn commit(&mut self, commit: &Commit) -> Result<i64, StoreError> {
        let dir = self.store.dir.clone();
        let moves: Vec<(i64, PathBuf, PathBuf, String)> =
            commit.replace.iter().map(|(table, file)| retired(&dir, *table, file)).collect();
        write_marker(&dir, commit, &moves)?;
        let outcome = self.transact(&dir, commit, &moves);
        if outcome.is_err() {
            recover_locked(&dir, &self.connection)?;
            return outcome;
        }
        let moves: Vec<(PathBuf, PathBuf)> = moves.into_iter().map(|(_, from, to, _)| (from, to)).collect();
        move_files(&dir, &moves, self.mode)?;
        remove_marker(&dir)?;
        outcome
    }

    fn transact(
        &mut self,
        dir: &Path,
        commit: &Commit,
        moves: &[(i64, PathBuf, PathBuf, String)],
    ) -> Result<i64, StoreError> {
        let catalog = catalog_path(dir);
        let error = StoreError::catalog(&catalog);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&error)?;
        let snapshot = insert_snapshot(&transaction, commit).map_err(&error)?;
        for (id, _, _, path) in moves {
            retire_row(&transaction, *id, snapshot, path).map_err(&error)?;
        }
        insert_files(&transaction, commit, snapshot).map_err(&error)?;
        ledger::insert(&transaction, snapshot, commit).map_err(&error)?;
        note_snapshot(&transaction, snapshot).map_err(&error)?;
        rename_into_place(dir, &commit.add, self.mode)?;
        transaction.commit().map_err(&error)?;
        Ok(snapshot)
    }
}

/// Where a replaced file goes: (id, from, to, its new path in the catalog relative to its table).
fn retired(dir: &Path, table: Table, file: &DataFile) -> (i64, PathBuf, PathBuf, String) {
    let name = replaced_name(table, &file.path);
    (file.id, file.path.clone(), replaced_dir(dir).join(&name), format!("{FROM_TABLE}{name}"))
}

/// Moves files so that they stay moved: the marker may go then.
pub(super) fn move_files(dir: &Path, moves: &[(PathBuf, PathBuf)], mode: Mode) -> Result<(), StoreError> {
    for (from, to) in moves {
        no_links(dir, from)?;
        move_file(dir, from, to, mode)?;
    }
    let (to, from) = (moves.iter().map(|(_, to)| to.as_path()), moves.iter().map(|(from, _)| from.as_path()));
    sync_order(dir, to, from).iter().try_for_each(|folder| sync_dir(folder))
}

/// The folders to sync after moves. Those that files came to are first, then those above them, which may be new; those
/// that files left are last: in the other order a power cut in between leaves a file in neither.
fn sync_order<'p>(
    dir: &'p Path,
    to: impl Iterator<Item = &'p Path>,
    from: impl Iterator<Item = &'p Path>,
) -> Vec<&'p Path> {
    let above = |path: &'p Path| path.ancestors().skip(1).take_while(|folder| *folder != dir);
    let mut folders: Vec<&Path> = to.flat_map(above).collect();
    folders.sort_by_key(|folder| (std::cmp::Reverse(folder.components().count()), *folder));
    folders.dedup();
    let left: BTreeSet<&Path> = from.filter_map(Path::parent).filter(|left| !folders.contains(left)).collect();
    folders.extend(left);
    folders
}

fn move_file(dir: &Path, from: &Path, to: &Path, mode: Mode) -> Result<(), StoreError> {
    if let Some(parent) = to.parent() {
        no_links(dir, parent)?;
        private::create_folder(parent, mode).map_err(StoreError::io(parent, "cannot create"))?;
    }
    fs::rename(from, to).map_err(StoreError::io(from, "cannot move into place"))
}

fn rename_into_place(dir: &Path, files: &[StagedFile], mode: Mode) -> Result<(), StoreError> {
    let mut targets = Vec::with_capacity(files.len());
    for file in files {
        let target = file.place().map_err(|outside| outside.of(dir))?.in_store(dir);
        move_file(dir, &file.staged, &target, mode)?;
        targets.push(target);
    }
    // The staging folder needs no sync: a name that stays in it is removed by the next writer.
    let folders = sync_order(dir, targets.iter().map(PathBuf::as_path), std::iter::empty());
    folders.into_iter().try_for_each(sync_dir)
}

pub(super) fn sync_dir(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(StoreError::io(folder, "cannot sync"))
}

pub(super) fn insert_snapshot(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<i64> {
    let (last, schema_version, next_catalog_id, next_file_id): (i64, i64, i64, i64) = transaction.query_row(
        "SELECT snapshot_id, schema_version, next_catalog_id, next_file_id FROM ducklake_snapshot \
         ORDER BY snapshot_id DESC LIMIT 1",
        [],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
    )?;
    let snapshot = last + 1;
    transaction.execute(
        "INSERT INTO ducklake_snapshot VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            snapshot,
            format_ducklake_time(now_us()),
            schema_version,
            next_catalog_id,
            next_file_id + commit.add.len() as i64
        ],
    )?;
    let mut changes = Vec::new();
    for table in Table::ALL {
        if commit.add.iter().any(|f| f.table == table) {
            changes.push(format!("inserted_into_table:{}", table.id()));
        }
        if commit.replace.iter().any(|(t, _)| *t == table) {
            changes.push(format!("deleted_from_table:{}", table.id()));
        }
    }
    transaction.execute(
        "INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, ?3, ?4, NULL)",
        params![snapshot, changes.join(","), concat!("trailpare ", env!("CARGO_PKG_VERSION")), commit.message],
    )?;
    Ok(snapshot)
}

pub(super) fn retire_row(transaction: &Transaction<'_>, id: i64, snapshot: i64, path: &str) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE ducklake_table_stats AS t SET record_count = t.record_count - f.record_count, \
         file_size_bytes = t.file_size_bytes - f.file_size_bytes \
         FROM ducklake_data_file f WHERE f.data_file_id = ?1 AND f.table_id = t.table_id",
        [id],
    )?;
    let retired = transaction.execute(
        "UPDATE ducklake_data_file SET end_snapshot = ?2, path = ?3 WHERE data_file_id = ?1 AND end_snapshot IS NULL",
        params![id, snapshot, path],
    )?;
    // Gone already, by another program's hand: its rows must not come back in a file that replaces it.
    if retired == 1 { note_end(transaction, id) } else { Err(rusqlite::Error::StatementChangedRows(retired)) }
}

/// Brings what is recorded of a row up to date with its end.
fn note_end(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let facts = connection.query_row(
        "SELECT f.table_id, f.begin_snapshot, f.end_snapshot, f.record_count, f.file_size_bytes, f.footer_size, \
         f.row_id_start, p.partition_value FROM ducklake_data_file f \
         JOIN ducklake_file_partition_value p USING (data_file_id) WHERE data_file_id = ?1",
        [id],
        |row| {
            let day: String = row.get(7)?;
            let facts = RowFacts {
                id,
                table_id: row.get(0)?,
                begin: row.get(1)?,
                end: row.get(2)?,
                rows: row.get(3)?,
                size_bytes: row.get(4)?,
                footer_size_bytes: row.get(5)?,
                row_id_start: row.get(6)?,
                day: &day,
            };
            Ok(facts.crc())
        },
    );
    let Some(crc) = facts.optional()? else { return Ok(()) };
    connection.execute("UPDATE trailpare_row_checks SET row_crc = ?2 WHERE data_file_id = ?1", params![id, crc])?;
    Ok(())
}

fn insert_files(transaction: &Transaction<'_>, commit: &Commit, snapshot: i64) -> rusqlite::Result<()> {
    let next_file_id: i64 = transaction.query_row(
        "SELECT next_file_id FROM ducklake_snapshot WHERE snapshot_id = ?1",
        [snapshot],
        |r| r.get(0),
    )?;
    let first_file_id = next_file_id - commit.add.len() as i64;
    for (i, file) in commit.add.iter().enumerate() {
        insert_file(transaction, file, first_file_id + i as i64, snapshot)?;
    }
    insert_origins(transaction, commit, first_file_id)?;
    for table in Table::ALL {
        let files: Vec<&StagedFile> = commit.add.iter().filter(|f| f.table == table).collect();
        if !files.is_empty() {
            update_table_stats(transaction, table, &files)?;
        }
    }
    Ok(())
}

/// Notes where the events of files come from that take the place of others of their day.
fn insert_origins(transaction: &Transaction<'_>, commit: &Commit, first_file_id: i64) -> rusqlite::Result<()> {
    let events = (first_file_id..).zip(&commit.add).filter(|(_, file)| file.table == Table::Events);
    for (id, file) in events {
        for (_, old) in
            commit.replace.iter().filter(|(table, old)| *table == file.table && old.event_date == file.event_date)
        {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO trailpare_file_origins \
                     SELECT ?1, snapshot_id FROM trailpare_file_origins WHERE data_file_id = ?2 UNION ALL \
                     SELECT ?1, begin_snapshot FROM ducklake_data_file WHERE data_file_id = ?2 AND NOT EXISTS \
                     (SELECT 1 FROM trailpare_file_origins WHERE data_file_id = ?2)",
                )?
                .execute([id, old.id])?;
        }
    }
    Ok(())
}

fn insert_file(transaction: &Transaction<'_>, file: &StagedFile, id: i64, snapshot: i64) -> rusqlite::Result<()> {
    let table_id = file.table.id();
    let row_id_start: i64 =
        transaction
            .query_row("SELECT next_row_id FROM ducklake_table_stats WHERE table_id = ?1", [table_id], |r| r.get(0))?;
    transaction.execute(
        "INSERT INTO ducklake_data_file (data_file_id, table_id, begin_snapshot, path, path_is_relative, file_format, \
         record_count, file_size_bytes, footer_size, row_id_start, partition_id) \
         VALUES (?1, ?2, ?3, ?4, 1, 'parquet', ?5, ?6, ?7, ?8, ?9)",
        params![
            id,
            table_id,
            snapshot,
            file.relative,
            file.rows,
            file.size_bytes,
            file.footer_size_bytes,
            row_id_start,
            file.table.partition_id()
        ],
    )?;
    transaction.execute(
        "INSERT INTO ducklake_file_partition_value VALUES (?1, ?2, 0, ?3)",
        params![id, table_id, format_date(file.event_date)],
    )?;
    transaction.execute(
        "UPDATE ducklake_table_stats SET record_count = record_count + ?2, next_row_id = next_row_id + ?2, \
         file_size_bytes = file_size_bytes + ?3 WHERE table_id = ?1",
        params![table_id, file.rows, file.size_bytes],
    )?;
    insert_checks(transaction, id, &file.checks)?;
    insert_columns(transaction, file.table, id, &file.columns)?;
    row_check(file, id, snapshot, row_id_start).insert(transaction, id)
}

fn row_check(file: &StagedFile, id: i64, snapshot: i64, row_id_start: i64) -> RowCheck {
    let row = RowFacts {
        id,
        table_id: file.table.id(),
        begin: snapshot,
        end: None,
        rows: file.rows as i64,
        size_bytes: file.size_bytes as i64,
        footer_size_bytes: file.footer_size_bytes as i64,
        row_id_start,
        day: &format_date(file.event_date),
    };
    RowCheck::new(&row, column_crcs(&file.columns))
}

/// Ids of columns that have statistics, and the checksums of these.
pub(super) fn column_crcs(columns: &[StagedColumn]) -> impl Iterator<Item = (i64, u32)> {
    columns.iter().filter(|column| !column.unbounded).map(|column| {
        let (min, max) = column.bounds.as_ref().map(|(min, max)| (min.as_str(), max.as_str())).unzip();
        (column.id, column_crc(column.id, column.null_count, min, max))
    })
}

/// What a file's bytes are.
pub(super) fn insert_checks(connection: &Connection, id: i64, checks: &FileChecks) -> rusqlite::Result<()> {
    let FileChecks { sha256, size_bytes, block_bytes, blocks } = checks;
    connection.execute(
        "INSERT OR REPLACE INTO trailpare_file_checks VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, size_bytes, sha256, block_bytes, blocks],
    )?;
    Ok(())
}

/// What the catalog says of a file's columns.
pub(super) fn insert_columns(
    transaction: &Connection,
    table: Table,
    id: i64,
    columns: &[StagedColumn],
) -> rusqlite::Result<()> {
    let table_id = table.id();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO ducklake_file_column_stats (data_file_id, table_id, column_id, column_size_bytes, value_count, \
         null_count, min_value, max_value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for column in columns.iter().filter(|c| !c.unbounded) {
        let (min, max) = column.bounds.as_ref().map(|(a, b)| (a, b)).unzip();
        insert.execute(params![
            id,
            table_id,
            column.id,
            column.size_bytes,
            column.value_count,
            column.null_count,
            min,
            max
        ])?;
    }
    Ok(())
}

/// Widens the table's bounds by those of the new files. Once a column has had a file without bounds it stays without.
fn update_table_stats(transaction: &Transaction<'_>, table: Table, files: &[&StagedFile]) -> rusqlite::Result<()> {
    let mut columns: BTreeMap<i64, Vec<&StagedColumn>> = BTreeMap::new();
    for column in files.iter().flat_map(|f| &f.columns) {
        columns.entry(column.id).or_default().push(column);
    }
    for (id, seen) in columns {
        let known: Option<(bool, Option<String>, Option<String>)> = transaction
            .query_row(
                "SELECT contains_null, min_value, max_value FROM ducklake_table_column_stats \
                 WHERE table_id = ?1 AND column_id = ?2",
                [table.id(), id],
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
            )
            .optional()?;
        if seen.iter().any(|c| c.unbounded) {
            // No row means "no values yet" to us and "unknown" to readers: both are sound.
            transaction.execute(
                "DELETE FROM ducklake_table_column_stats WHERE table_id = ?1 AND column_id = ?2",
                [table.id(), id],
            )?;
            continue;
        }
        let is_new_table: bool = transaction.query_row(
            "SELECT NOT EXISTS (SELECT 1 FROM ducklake_data_file WHERE table_id = ?1 AND begin_snapshot < \
             (SELECT max(snapshot_id) FROM ducklake_snapshot))",
            [table.id()],
            |r| r.get(0),
        )?;
        if known.is_none() && !is_new_table {
            continue;
        }
        let (mut contains_null, min, max) = known.unwrap_or_default();
        let mut bounds = min.zip(max);
        for column in seen {
            contains_null |= column.null_count > 0;
            if let Some((min, max)) = &column.bounds {
                let (low, high) = bounds.get_or_insert_with(|| (min.clone(), max.clone()));
                if min < low {
                    low.clone_from(min);
                }
                if max > high {
                    high.clone_from(max);
                }
            }
        }
        let (min, max) = bounds.unzip();
        transaction.execute(
            "DELETE FROM ducklake_table_column_stats WHERE table_id = ?1 AND column_id = ?2",
            [table.id(), id],
        )?;
        transaction.execute(
            "INSERT INTO ducklake_table_column_stats (table_id, column_id, contains_null, min_value, max_value) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![table.id(), id, contains_null, min, max],
        )?;
    }
    Ok(())
}

pub(super) fn lock_path(dir: &Path) -> PathBuf {
    dir.join("ingest.lock")
}

/// Takes the writer's lock; `None` when somebody else holds it.
fn lock(dir: &Path) -> Result<Option<File>, StoreError> {
    let path = lock_path(dir);
    no_links(dir, &path)?;
    let mut options = OpenOptions::new();
    options.truncate(false).read(true).write(true);
    let file = match options.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private::create_file_with(&path, Mode::Private, options.create(true))
        }
        outcome => outcome,
    };
    let mut file = file.map_err(StoreError::io(&path, "cannot open"))?;
    // A reader that asks whether anybody writes has it for a moment.
    let mut taken = file.try_lock();
    for _ in 0..LOCK_TRIES {
        if !matches!(taken, Err(fs::TryLockError::WouldBlock)) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {
            let note = |file: &mut File| {
                file.set_len(0)?;
                file.rewind()?;
                writeln!(file, "{}", std::process::id())
            };
            note(&mut file).map_err(StoreError::io(&path, "cannot write"))?;
            Ok(Some(file))
        }
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(StoreError::io(&path, "cannot lock")(source)),
    }
}

pub(super) fn marker_path(dir: &Path) -> PathBuf {
    dir.join("commit-in-progress")
}

fn write_marker(dir: &Path, commit: &Commit, moves: &[(i64, PathBuf, PathBuf, String)]) -> Result<(), StoreError> {
    let path = marker_path(dir);
    let data = data_dir(dir);
    let below = |p: &Path| p.strip_prefix(&data).unwrap_or(p).to_string_lossy().into_owned();
    let marker = WrittenMarker::new(
        commit.add.iter().map(|f| below(&table_dir(dir, f.table).join(&f.relative))).collect(),
        moves.iter().map(|(_, from, _, _)| below(from)).collect(),
    );
    let text = serde_json::to_vec(&marker).map_err(|e| StoreError::io(&path, "cannot write")(e.into()))?;
    no_links(dir, &path)?;
    let write = || {
        let mut options = OpenOptions::new();
        let mode = Mode::Private;
        let mut file = private::create_file_with(&path, mode, options.create(true).write(true).truncate(true))?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(StoreError::io(&path, "cannot write"))?;
    sync_dir(dir)
}

pub(super) fn remove_marker(dir: &Path) -> Result<(), StoreError> {
    let path = marker_path(dir);
    fs::remove_file(&path).map_err(StoreError::io(&path, "cannot remove"))
}

/// How often the writer's lock is asked for, 10 ms apart.
const LOCK_TRIES: usize = 5;

/// Who may read a store. One of a version that didn't say becomes private.
pub(super) fn mode_of(dir: &Path, connection: &Connection) -> Result<Mode, StoreError> {
    let said = metadata::get(connection, MODE_KEY).map_err(StoreError::catalog(&catalog_path(dir)))?;
    match said.as_deref().and_then(Mode::named) {
        Some(mode) => Ok(mode),
        None => note_mode(dir, connection, Mode::default()).map(|()| Mode::default()),
    }
}

fn note_mode(dir: &Path, connection: &Connection, mode: Mode) -> Result<(), StoreError> {
    private::set_all(dir, mode).map_err(StoreError::io(dir, "cannot set the permissions"))?;
    metadata::set(connection, MODE_KEY, mode.name()).map_err(StoreError::catalog(&catalog_path(dir)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_came_to_is_synced_before_what_they_left() {
        let dir = Path::new("/s");
        let from = [Path::new("/s/data/main/events/day=1/a"), Path::new("/s/data/main/usage/day=1/b")];
        let to = [Path::new("/s/data/replaced/events-a"), Path::new("/s/data/replaced/usage-b")];
        let order = sync_order(dir, to.into_iter(), from.into_iter());
        let expected = ["/s/data/replaced", "/s/data", "/s/data/main/events/day=1", "/s/data/main/usage/day=1"];
        assert_eq!(order, expected.map(Path::new));
        let order = sync_order(dir, from.into_iter(), std::iter::empty());
        let at = |folder: &str| order.iter().position(|path| *path == Path::new(folder)).unwrap();
        assert!(at("/s/data/main/events/day=1") < at("/s/data/main/events") && at("/s/data/main") < at("/s/data"));
        assert!(!order.contains(&dir));
    }
}
