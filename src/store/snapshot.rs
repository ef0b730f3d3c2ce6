//! Reading the catalog: which files make up each table at one snapshot, with their statistics.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::datatypes::Field;
use rusqlite::{Connection, OptionalExtension, Row};

use super::agreement::{RowCheck, RowFacts, column_crc, compare_amount, has_agreement};
use super::checks::{FileChecks, Stored};
use super::error::{Contradicts, Outside, StoreError};
use super::layout::catalog_path;
use super::month_checks::{MonthChecks, has_checks, read_checks};
use super::place::{DataPath, no_links};
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
    /// What there is to say of copies of usage that can't be read, and whether it was said.
    pub(super) left_out: Arc<Mutex<BTreeMap<String, bool>>>,
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
    /// Whether it is known to have all the columns that the table has today.
    pub has_all_columns: bool,
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
    let catalog = catalog_path(dir);
    let error = StoreError::catalog(&catalog);
    // All of it from one state of the catalog, whoever writes meanwhile.
    let connection = connection.unchecked_transaction().map_err(&error)?;
    let connection: &Connection = &connection;
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
        let (mut files, checks) = table_files(connection, dir, table, id)?;
        let rows = files.iter().map(|file| file.rows as i64).sum();
        compare_amount(connection, table, id, (files.len() as i64, rows))?;
        add_statistics(connection, table, columns, &mut files, &checks)?;
        Ok(files)
    };
    let (events, usage) = (files(Table::Events).map_err(&error)?, files(Table::Usage).map_err(&error)?);
    let folders: HashSet<&Path> = events.iter().chain(&usage).filter_map(|file| file.path.parent()).collect();
    folders.into_iter().try_for_each(|folder| no_links(dir, folder))?;
    let month_checks = read_checks(connection).map_err(&error)?;
    Ok(Snapshot { id, time, dir: dir.to_owned(), events, usage, month_checks, left_out: Arc::default() })
}

/// Files, and what is recorded of their rows in the catalog.
type Listed = (Vec<DataFile>, Vec<Option<RowCheck>>);

/// The snapshot since which a table has had all the columns that it has today; `i64::MAX` where it hasn't them yet.
fn columns_since(connection: &Connection, table: Table) -> rusqlite::Result<i64> {
    let (count, since): (usize, Option<i64>) = connection.query_row(
        "SELECT count(*), max(begin_snapshot) FROM ducklake_column \
         WHERE table_id = ?1 AND parent_column IS NULL AND end_snapshot IS NULL",
        [table.id()],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(since.filter(|_| count == table.schema().fields().len()).unwrap_or(i64::MAX))
}

/// The files of a table at a snapshot.
fn table_files(connection: &Connection, dir: &Path, table: Table, snapshot: i64) -> rusqlite::Result<Listed> {
    // Stores from before checksums were recorded have no table of them.
    let (columns, join) = match has_checks(connection)? {
        true => ("c.sha256, c.block_bytes, c.blocks", JOIN_CHECKS),
        false => ("NULL, NULL, NULL", ""),
    };
    let (row_columns, row_join) = match has_agreement(connection)? {
        true => ("r.row_crc, r.column_crcs", "LEFT JOIN trailpare_row_checks r ON r.data_file_id = f.data_file_id"),
        false => ("NULL, NULL", ""),
    };
    let columns_since = columns_since(connection, table)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT f.data_file_id, f.path, f.record_count, f.file_size_bytes, f.footer_size, p.partition_value, \
         f.path_is_relative, {columns}, {row_columns}, f.begin_snapshot, f.end_snapshot, f.row_id_start, \
         (SELECT author FROM ducklake_snapshot_changes WHERE snapshot_id = f.end_snapshot) \
         FROM ducklake_data_file f LEFT JOIN ducklake_file_partition_value p ON p.data_file_id = f.data_file_id \
         {join} {row_join} WHERE f.table_id = ?1 AND f.begin_snapshot <= ?2 AND \
         (f.end_snapshot IS NULL OR f.end_snapshot > ?2) ORDER BY p.partition_value, f.data_file_id"
    ))?;
    let listed = statement.query_map([table.id(), snapshot], |row| data_file(row, dir, table, columns_since))?;
    let (files, checks): Listed = listed.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().unzip();
    let mut paths = HashSet::new();
    match files.iter().find(|file| !paths.insert(&file.path)) {
        Some(twice) => Err(Contradicts(format!("{} is listed twice", twice.path.display())).in_row()),
        None => Ok((files, checks)),
    }
}

/// Where another program wrote a file anew, and says so in the catalog, nobody took note of its bytes.
const JOIN_CHECKS: &str = "LEFT JOIN trailpare_file_checks c \
                           ON c.data_file_id = f.data_file_id AND c.size_bytes = f.file_size_bytes";

fn add_statistics(
    connection: &Connection,
    table: Table,
    columns: Option<&[&str]>,
    files: &mut [DataFile],
    checks: &[Option<RowCheck>],
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
        let column_id = row.get(1)?;
        let Some(&column) = column_at.get(&column_id) else { continue };
        let Some(&at) = position.get(&row.get::<_, i64>(0)?) else { continue };
        let Some((file, check)) = files.get_mut(at).zip(checks.get(at)) else { continue };
        let (null_count, min, max): (i64, Option<String>, Option<String>) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let crc = column_crc(column_id, null_count, min.as_deref(), max.as_deref());
        if check.as_ref().is_some_and(|check| check.of_column(column_id) != Some(crc)) {
            let name = schema.field(column).name();
            return Err(Contradicts(format!(
                "what it says of {name} in {} is not what was recorded",
                file.path.display()
            ))
            .in_row());
        }
        let null_count =
            u64::try_from(null_count).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(2, null_count))?;
        file.columns.push(ColumnStats { column, null_count, min, max });
    }
    Ok(())
}

fn data_file(
    row: &Row<'_>,
    dir: &Path,
    table: Table,
    columns_since: i64,
) -> rusqlite::Result<(DataFile, Option<RowCheck>)> {
    let id = row.get(0)?;
    let Some(day) = row.get::<_, Option<String>>(5)? else {
        return Err(Contradicts(format!("the file of number {id} has no day")).in_row());
    };
    let event_date = parse_date(&day).ok_or_else(|| Contradicts(format!("{day:?} is no day")).in_row())?;
    let path = DataPath::of_row(table.id(), &row.get::<_, String>(1)?, row.get(6)?).map_err(Outside::in_row)?;
    let size_bytes = row.get(3)?;
    let checks = match (row.get(7)?, row.get(8)?, row.get(9)?) {
        (Some(sha256), Some(block_bytes), Some(blocks)) => FileChecks::new(sha256, size_bytes, block_bytes, blocks),
        _ => None,
    };
    let check = RowCheck::of_row(row, 10)?;
    if let Some(check) = &check {
        let facts = RowFacts {
            id,
            table_id: table.id(),
            begin: row.get(12)?,
            end: row.get(13)?,
            rows: row.get(2)?,
            size_bytes: row.get(3)?,
            footer_size_bytes: row.get(4)?,
            row_id_start: row.get(14)?,
            day: &day,
        };
        let author: Option<String> = row.get(15)?;
        // Another program that takes files out of a table keeps no record of that.
        let is_others = facts.end.is_some() && author.is_none_or(|author| !author.starts_with("trailpare"));
        let is_right =
            facts.crc() == check.row_crc || is_others && RowFacts { end: None, ..facts }.crc() == check.row_crc;
        if !is_right {
            return Err(Contradicts(format!("what it says of {} is not what was recorded", path.as_str())).in_row());
        }
    }
    let file = DataFile {
        id,
        path: whole_path(dir, &path, table, &day),
        rows: row.get(2)?,
        size_bytes,
        footer_size_bytes: row.get(4)?,
        event_date,
        has_all_columns: row.get::<_, i64>(12)? >= columns_since,
        columns: Vec::new(),
        checks: checks.map(Arc::new),
    };
    Ok((file, check))
}

/// Where a file is. One that a commit replaced is where it was until the commit has moved it, which a crash may have
/// kept it from.
pub(super) fn whole_path(dir: &Path, path: &DataPath, table: Table, day: &str) -> PathBuf {
    let at = path.in_store(dir);
    let before = path.name().strip_prefix(table.name()).and_then(|name| name.strip_prefix('-'));
    let Some(before) = before.filter(|_| path.table().is_none() && !at.exists()) else { return at };
    match DataPath::of_table(table, &format!("day={day}/{before}")).map(|path| path.in_store(dir)) {
        Ok(before) if before.is_file() => before,
        _ => at,
    }
}

impl Stored for DataFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn checks(&self) -> Option<&Arc<FileChecks>> {
        self.checks.as_ref()
    }

    fn event_date(&self) -> Option<i32> {
        Some(self.event_date)
    }
}
