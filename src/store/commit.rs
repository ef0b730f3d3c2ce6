//! Making staged files visible: one SQLite transaction a commit. What a commit that was cut
//! short left is mended in `recover.rs`.
//!
//! The order of a commit, and what a crash at each place leaves:
//!
//! 1. The files lie in `data/.staging/`, and are synced. Crash: nobody sees them; the next writer empties the folder.
//! 2. `commit-in-progress` names the files that are about to appear in or leave the tables' directories, synced.
//! 3. Within the transaction: rows into the catalog, then the files are renamed into place, directories synced.
//!    Crash: the transaction never happened, `recover` undoes the renames.
//! 4. COMMIT, synchronous. From here on the commit holds.
//! 5. Replaced files are moved to `data/replaced/`, where old snapshots find them and a bare glob over the tables does
//!    not. Crash: `recover` moves them.
//! 6. The marker goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::agreement::{RowCheck, RowFacts, column_crc, note_snapshot};
use super::change::Commit;
use super::checks::FileChecks;
use super::datafile::{StagedColumn, StagedFile};
use super::displaced_read::NO_OBJECT;
use super::error::StoreError;
use super::layout::{FROM_TABLE, catalog_path, replaced_dir};
use super::ledger;
use super::marker::{remove_marker, write_marker};
use super::moves::{move_file, move_files, sync_dir, sync_files, sync_order};
use super::private::Mode;
use super::recover::recover_locked;
use super::retired_files::replaced_name;
use super::snapshot::DataFile;
use super::tables::Table;
use super::writer::Writer;
use crate::time::{format_date, format_ducklake_time, now_us};

impl Writer {
    /// Makes a commit visible and durable; returns its snapshot id.
    ///
    /// # Errors
    /// When anything fails before the catalog's COMMIT, nothing of it is visible and the renames are undone.
    pub fn commit(&mut self, commit: &Commit) -> Result<i64, StoreError> {
        let dir = self.store().dir().to_owned();
        let staged: Vec<&Path> = commit.add.iter().map(|file| file.staged.as_path()).collect();
        sync_files(&staged)?;
        let moves: Vec<(i64, PathBuf, PathBuf, String)> =
            commit.replace.iter().map(|(table, file)| retired(&dir, *table, file)).collect();
        write_marker(&dir, commit, &moves)?;
        let outcome = self.transact(&dir, commit, &moves);
        if outcome.is_err() {
            recover_locked(&dir, self.connection())?;
            return outcome;
        }
        let moves: Vec<(PathBuf, PathBuf)> = moves.into_iter().map(|(_, from, to, _)| (from, to)).collect();
        move_files(&dir, &moves, self.mode())?;
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
        let mode = self.mode();
        let transaction =
            self.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate).map_err(&error)?;
        let snapshot = insert_snapshot(&transaction, commit).map_err(&error)?;
        for (id, _, _, path) in moves {
            retire_row(&transaction, *id, snapshot, path).map_err(&error)?;
        }
        insert_files(&transaction, commit, snapshot).map_err(&error)?;
        ledger::insert(&transaction, snapshot, commit).map_err(&error)?;
        note_snapshot(&transaction, snapshot).map_err(&error)?;
        rename_into_place(dir, &commit.add, mode)?;
        transaction.commit().map_err(&error)?;
        Ok(snapshot)
    }
}

/// Where a replaced file goes: (id, from, to, its new path in the catalog relative to its table).
fn retired(dir: &Path, table: Table, file: &DataFile) -> (i64, PathBuf, PathBuf, String) {
    let name = replaced_name(table, &file.path);
    (file.id, file.path.clone(), replaced_dir(dir).join(&name), format!("{FROM_TABLE}{name}"))
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
    insert_origins(transaction, commit, snapshot, first_file_id)?;
    for table in Table::ALL {
        let files: Vec<&StagedFile> = commit.add.iter().filter(|f| f.table == table).collect();
        if !files.is_empty() {
            update_table_stats(transaction, table, &files)?;
        }
    }
    Ok(())
}

/// Notes where the events of files come from that take the place of others of their day, or that may be of no object.
fn insert_origins(
    transaction: &Transaction<'_>,
    commit: &Commit,
    snapshot: i64,
    first_file_id: i64,
) -> rusqlite::Result<()> {
    let events = (first_file_id..).zip(&commit.add).filter(|(_, file)| file.table == Table::Events);
    for (id, file) in events {
        let mut is_mixed = false;
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
            is_mixed = !commit.objects.is_empty();
        }
        if commit.may_lack_objects {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO trailpare_file_origins VALUES (?1, ?2)")?
                .execute([id, NO_OBJECT])?;
        }
        if is_mixed || commit.may_lack_objects {
            // What is new in it came with this commit.
            transaction
                .prepare_cached("INSERT OR IGNORE INTO trailpare_file_origins VALUES (?1, ?2)")?
                .execute([id, snapshot])?;
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
                if *min < *low {
                    low.clone_from(min);
                }
                if *max > *high {
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
