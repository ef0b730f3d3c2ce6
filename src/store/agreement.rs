//! Second records in the catalog of what it says of files and snapshots, so that no flipped bit in a number that
//! answers are taken from (rows, nulls, bounds, days) goes unseen. Rows of stores and programs that keep none are
//! believed.

use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Contradicts;
use super::metadata::has_table;
use super::tables::Table;

/// What is recorded of a file's row in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowCheck {
    pub row_crc: u32,
    pub column_crcs: Vec<u8>,
}

/// What of a file's row is recorded. Its path is not: another path is another file, whose bytes have other checksums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowFacts<'a> {
    pub id: i64,
    pub table_id: i64,
    pub begin: i64,
    pub end: Option<i64>,
    pub rows: i64,
    pub size_bytes: i64,
    pub footer_size_bytes: i64,
    pub row_id_start: i64,
    pub day: &'a str,
}

impl RowFacts<'_> {
    pub fn crc(&self) -> u32 {
        let RowFacts { id, table_id, begin, end, rows, size_bytes, footer_size_bytes, row_id_start, day } = self;
        let end = end.map_or(-1, |end| end);
        let text =
            format!("{id} {table_id} {begin} {end} {rows} {size_bytes} {footer_size_bytes} {row_id_start} {day}");
        libdeflater::crc32(text.as_bytes())
    }
}

/// Of what the catalog says of one column of a file.
pub(super) fn column_crc(column_id: i64, null_count: i64, min: Option<&str>, max: Option<&str>) -> u32 {
    let mut text = format!("{column_id} {null_count}");
    for bound in [min, max] {
        let _ = match bound {
            Some(bound) => write!(text, " {} {bound}", bound.len()),
            None => write!(text, " -"),
        };
    }
    libdeflater::crc32(text.as_bytes())
}

/// A checksum that SQLite kept as an integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "32 bits were written")]
pub(super) fn kept_crc(number: i64) -> u32 {
    number as u32
}

impl RowCheck {
    /// `columns`: ids and checksums.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes for a checksum")]
    pub fn new(row: &RowFacts<'_>, columns: impl Iterator<Item = (i64, u32)>) -> RowCheck {
        let bytes = columns.flat_map(|(id, crc)| [(id as u32).to_le_bytes(), crc.to_le_bytes()]).flatten();
        RowCheck { row_crc: row.crc(), column_crcs: bytes.collect() }
    }

    /// Reads it; `None` where none was kept.
    pub fn of_row(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<RowCheck>> {
        let (row_crc, column_crcs): (Option<i64>, Option<Vec<u8>>) = (row.get(at)?, row.get(at + 1)?);
        Ok(row_crc.zip(column_crcs).map(|(crc, column_crcs)| RowCheck { row_crc: kept_crc(crc), column_crcs }))
    }

    /// The checksum of a column's statistics; `None` where it had none.
    pub fn of_column(&self, column_id: i64) -> Option<u32> {
        self.column_crcs
            .as_chunks::<4>()
            .0
            .as_chunks::<2>()
            .0
            .iter()
            .find_map(|[id, crc]| (i64::from(u32::from_le_bytes(*id)) == column_id).then(|| u32::from_le_bytes(*crc)))
    }

    pub fn insert(&self, connection: &Connection, id: i64) -> rusqlite::Result<()> {
        connection
            .prepare_cached("INSERT OR REPLACE INTO trailpare_row_checks VALUES (?1, ?2, ?3)")?
            .execute(params![id, self.row_crc, self.column_crcs])?;
        Ok(())
    }
}

/// Whether a catalog has these records.
pub(super) fn has_agreement(connection: &Connection) -> rusqlite::Result<bool> {
    has_table(connection, "trailpare_row_checks")
}

/// Notes how many files and rows each table has at a snapshot.
pub(super) fn note_snapshot(connection: &Connection, snapshot: i64) -> rusqlite::Result<()> {
    for table in Table::ALL {
        let (files, rows) = amount(connection, table, snapshot)?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO trailpare_snapshot_checks VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![snapshot, table.id(), files, rows])?;
    }
    Ok(())
}

/// Files and rows of a table at a snapshot, as the catalog lists them.
pub(super) fn amount(connection: &Connection, table: Table, snapshot: i64) -> rusqlite::Result<(i64, i64)> {
    connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(record_count), 0) FROM ducklake_data_file WHERE table_id = ?1 AND \
             begin_snapshot <= ?2 AND (end_snapshot IS NULL OR end_snapshot > ?2)",
        )?
        .query_row([table.id(), snapshot], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Files and rows that were noted; `None` where nobody did.
pub(super) fn noted(connection: &Connection, table: Table, snapshot: i64) -> rusqlite::Result<Option<(i64, i64)>> {
    if !has_table(connection, "trailpare_snapshot_checks")? {
        return Ok(None);
    }
    connection
        .prepare_cached(
            "SELECT files, row_count FROM trailpare_snapshot_checks WHERE snapshot_id = ?1 AND table_id = ?2",
        )?
        .query_row([snapshot, table.id()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Compares what is listed of a table at a snapshot with what was noted.
pub(super) fn compare_amount(
    connection: &Connection,
    table: Table,
    snapshot: i64,
    (files, rows): (i64, i64),
) -> rusqlite::Result<()> {
    match noted(connection, table, snapshot)? {
        Some((noted_files, noted_rows)) if (noted_files, noted_rows) != (files, rows) => Err(Contradicts(format!(
            "snapshot {snapshot} was made with {noted_files} files and {noted_rows} rows of {}, and has {files} and {rows} now",
            table.name()
        ))
        .in_row()),
        _ => Ok(()),
    }
}
