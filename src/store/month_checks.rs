//! The checksums that the catalog has of copies of usage.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::checks::FileChecks;

/// The checksums of copies by their names; `None` in a store that has none of any.
pub(super) type MonthChecks = Option<HashMap<String, Arc<FileChecks>>>;

/// Reads the checksums of copies.
pub(super) fn read_checks(connection: &Connection) -> rusqlite::Result<MonthChecks> {
    if !has_checks(connection)? {
        return Ok(None);
    }
    let sql = "SELECT name, sha256, size_bytes, block_bytes, blocks FROM trailpare_month_checks";
    let mut statement = connection.prepare(sql)?;
    let checks = |row: &Row<'_>| {
        let checks = FileChecks::new(row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        Ok((row.get(0)?, checks))
    };
    let rows = statement.query_map([], checks)?.collect::<rusqlite::Result<Vec<(String, _)>>>()?;
    Ok(Some(rows.into_iter().filter_map(|(name, checks)| Some((name, Arc::new(checks?)))).collect()))
}

/// Whether a catalog has checksums of files.
pub(super) fn has_checks(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'trailpare_file_checks')";
    connection.query_row(sql, [], |row| row.get(0))
}
