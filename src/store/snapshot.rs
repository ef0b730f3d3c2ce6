//! Reading the catalog: which files make up each table at one snapshot, with their statistics.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Field;
use rusqlite::{Connection, OptionalExtension, Row};

use super::checks::FileChecks;
use super::error::StoreError;
use super::months::{self, MonthChecks};
use super::place::{DataPath, Outside, no_links};
use super::tables::{Table, field_id};
use crate::time::parse_date;

/// The store as it was after one commit. Later commits don't change it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// `ducklake_snapshot.snapshot_id`.
    pub id: i64,
    /// When it was committed, as the catalog keeps it (UTC).
    pub time: String,
    pub(super) dir: PathBuf,
    events: Vec<DataFile>,
    usage: Vec<DataFile>,
    pub(super) month_checks: MonthChecks,
}

impl Snapshot {
    /// The live data files of a table, by day, then by age.
    pub fn files(&self, table: Table) -> &[DataFile] {
        match table {
            Table::Events => &self.events,
            Table::Usage => &self.usage,
        }
    }

    /// Rows of a table.
    pub fn rows(&self, table: Table) -> u64 {
        self.files(table).iter().map(|file| file.rows).sum()
    }
}

/// One Parquet file of a table.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// `ducklake_data_file.data_file_id`.
    pub id: i64,
    /// Where it is, absolute.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub size_bytes: u64,
    /// Length of the Parquet footer, without the eight bytes behind it.
    pub footer_size_bytes: u64,
    /// The one UTC day of all its rows, in days since 1970-01-01.
    pub event_date: i32,
    /// What is known of its columns; a column without an entry is unknown.
    pub columns: Vec<ColumnStats>,
    /// What its bytes were when it was written; `None` in a file from before that was recorded.
    pub checks: Option<Arc<FileChecks>>,
}

/// Bounds of one column in one file.
#[derive(Clone, Debug)]
pub struct ColumnStats {
    /// Position of the column in the table's schema.
    pub column: usize,
    /// Rows in which it is null.
    pub null_count: u64,
    /// Lower bound, as DuckLake writes values: ISO dates and times (`2024-01-02 03:04:05+00`), `0` and `1` for
    /// booleans.
    pub min: Option<String>,
    /// Upper bound, likewise.
    pub max: Option<String>,
}

/// Reads one snapshot, the newest one where `at` is `None`.
///
/// With `columns` nothing is known of the files' columns but of these.
pub(super) fn read(
    connection: &Connection,
    dir: &Path,
    at: Option<i64>,
    columns: Option<&[&str]>,
) -> Result<Snapshot, StoreError> {
    let catalog = super::catalog_path(dir);
    let error = StoreError::catalog(&catalog);
    let (oldest, newest): (i64, i64) = connection
        .query_row("SELECT min(snapshot_id), max(snapshot_id) FROM ducklake_snapshot", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .map_err(&error)?;
    let id = at.unwrap_or(newest);
    let time: Option<String> = connection
        .query_row("SELECT snapshot_time FROM ducklake_snapshot WHERE snapshot_id = ?1", [id], |r| r.get(0))
        .optional()
        .map_err(&error)?;
    let Some(time) = time else {
        let path = dir.to_owned();
        return Err(match id < oldest && id >= 0 {
            true => StoreError::Expired { path, id, oldest, newest },
            false => StoreError::NoSnapshot { path, id, oldest, newest },
        });
    };
    let files = |table| -> rusqlite::Result<Vec<DataFile>> {
        let mut files = table_files(connection, dir, table, id)?;
        add_statistics(connection, table, columns, &mut files)?;
        Ok(files)
    };
    let (events, usage) = (files(Table::Events).map_err(&error)?, files(Table::Usage).map_err(&error)?);
    let folders: HashSet<&Path> = events.iter().chain(&usage).filter_map(|file| file.path.parent()).collect();
    folders.into_iter().try_for_each(|folder| no_links(dir, folder))?;
    let month_checks = months::read_checks(connection).map_err(&error)?;
    Ok(Snapshot { id, time, dir: dir.to_owned(), events, usage, month_checks })
}

fn table_files(connection: &Connection, dir: &Path, table: Table, snapshot: i64) -> rusqlite::Result<Vec<DataFile>> {
    let live = "f.table_id = ?1 AND f.begin_snapshot <= ?2 AND (f.end_snapshot IS NULL OR f.end_snapshot > ?2)";
    select(connection, dir, table, live, snapshot)
}

/// Every file that some snapshot has, with what is known of its columns, and whether the newest snapshot has it.
pub(super) fn all_files(connection: &Connection, dir: &Path, table: Table) -> rusqlite::Result<Vec<(DataFile, bool)>> {
    let mut all = Vec::new();
    for (state, is_live) in [("IS NULL", true), ("IS NOT NULL", false)] {
        let which = format!("f.table_id = ?1 AND f.end_snapshot {state} AND ?2 = ?2");
        let mut files = select(connection, dir, table, &which, 0)?;
        add_statistics(connection, table, None, &mut files)?;
        all.extend(files.into_iter().map(|file| (file, is_live)));
    }
    Ok(all)
}

/// The files of a table for which `which` holds, a condition on table and snapshot.
fn select(
    connection: &Connection,
    dir: &Path,
    table: Table,
    which: &str,
    snapshot: i64,
) -> rusqlite::Result<Vec<DataFile>> {
    // Stores from before checksums were recorded have no table of them.
    let (columns, join) = match has_checks(connection)? {
        true => ("c.sha256, c.block_bytes, c.blocks", JOIN_CHECKS),
        false => ("NULL, NULL, NULL", ""),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT f.data_file_id, f.path, f.record_count, f.file_size_bytes, f.footer_size, p.partition_value, \
         f.path_is_relative, {columns} \
         FROM ducklake_data_file f JOIN ducklake_file_partition_value p USING (data_file_id) {join} \
         WHERE {which} ORDER BY p.partition_value, f.data_file_id"
    ))?;
    let files = statement.query_map([table.id(), snapshot], |row| data_file(row, dir, table))?;
    files.collect()
}

/// Where another program wrote a file anew, and says so in the catalog, nobody took note of its bytes.
const JOIN_CHECKS: &str = "LEFT JOIN trailpare_file_checks c \
                           ON c.data_file_id = f.data_file_id AND c.size_bytes = f.file_size_bytes";

/// Whether a catalog has checksums of files.
pub(super) fn has_checks(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'trailpare_file_checks')";
    connection.query_row(sql, [], |row| row.get(0))
}

fn add_statistics(
    connection: &Connection,
    table: Table,
    columns: Option<&[&str]>,
    files: &mut [DataFile],
) -> rusqlite::Result<()> {
    let schema = table.schema();
    let is_wanted = |field: &Field| columns.is_none_or(|columns| columns.contains(&field.name().as_str()));
    let fields = schema.fields().iter().enumerate().filter(|(_, field)| is_wanted(field));
    let column_at: HashMap<i64, usize> = fields.map(|(i, field)| (field_id(field), i)).collect();
    if column_at.is_empty() {
        return Ok(());
    }
    let position: HashMap<i64, usize> = files.iter().enumerate().map(|(i, file)| (file.id, i)).collect();
    // Told which, SQLite passes over the others sooner.
    let only = column_at.keys().map(i64::to_string).collect::<Vec<_>>().join(",");
    let mut statement = connection.prepare(&format!(
        "SELECT data_file_id, column_id, null_count, min_value, max_value \
         FROM ducklake_file_column_stats WHERE table_id = ?1 AND column_id IN ({only})"
    ))?;
    let mut rows = statement.query([table.id()])?;
    while let Some(row) = rows.next()? {
        let Some(&column) = column_at.get(&row.get::<_, i64>(1)?) else { continue };
        if let Some(file) = position.get(&row.get::<_, i64>(0)?).and_then(|&i| files.get_mut(i)) {
            let stats = ColumnStats { column, null_count: row.get(2)?, min: row.get(3)?, max: row.get(4)? };
            file.columns.push(stats);
        }
    }
    Ok(())
}

fn data_file(row: &Row<'_>, dir: &Path, table: Table) -> rusqlite::Result<DataFile> {
    let day: String = row.get(5)?;
    let event_date = parse_date(&day).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, format!("not a date: {day}").into())
    })?;
    let path = DataPath::of_row(table.id(), &row.get::<_, String>(1)?, row.get(6)?).map_err(Outside::in_row)?;
    let size_bytes = row.get(3)?;
    let checks = match (row.get(7)?, row.get(8)?, row.get(9)?) {
        (Some(sha256), Some(block_bytes), Some(blocks)) => FileChecks::new(sha256, size_bytes, block_bytes, blocks),
        _ => None,
    };
    Ok(DataFile {
        id: row.get(0)?,
        path: whole_path(dir, &path, table, &day),
        rows: row.get(2)?,
        size_bytes,
        footer_size_bytes: row.get(4)?,
        event_date,
        columns: Vec::new(),
        checks: checks.map(Arc::new),
    })
}

/// Where a file is. One that a commit replaced is where it was until the commit has moved it, which a crash may have
/// kept it from.
fn whole_path(dir: &Path, path: &DataPath, table: Table, day: &str) -> PathBuf {
    let at = path.in_store(dir);
    let before = path.name().strip_prefix(table.name()).and_then(|name| name.strip_prefix('-'));
    let Some(before) = before.filter(|_| path.table().is_none() && !at.exists()) else { return at };
    match DataPath::of_table(table, &format!("day={day}/{before}")).map(|path| path.in_store(dir)) {
        Ok(before) if before.is_file() => before,
        _ => at,
    }
}
