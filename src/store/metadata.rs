//! Settings in the catalog: those of DuckLake, and our own beside them.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// Makes the folder of the data relative to the catalog.
const METADATA_SQL: &str = include_str!("metadata.sql");

/// Where DuckLake finds the data.
const DATA_PATH: &str = "data_path";

/// Whether the folder of the data is relative to the catalog.
fn is_relative(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'trailpare_metadata' AND type = 'table')";
    connection.query_row(sql, [], |row| row.get(0))
}

/// The table that has the settings. DuckLake's own name is a view's, which only SQLite with trust in the schema reads.
pub(super) fn table(connection: &Connection) -> rusqlite::Result<&'static str> {
    Ok(if is_relative(connection)? { "trailpare_metadata" } else { "ducklake_metadata" })
}

/// A setting of the whole catalog.
pub(super) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    let sql = format!("SELECT value FROM {} WHERE key = ?1 AND scope IS NULL", table(connection)?);
    connection.query_row(&sql, [key], |row| row.get(0)).optional()
}

/// Sets it.
pub(super) fn set(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let table = table(connection)?;
    connection.execute(&format!("DELETE FROM {table} WHERE key = ?1 AND scope IS NULL"), [key])?;
    connection.execute(&format!("INSERT INTO {table} (key, value) VALUES (?1, ?2)"), [key, value])?;
    Ok(())
}

/// Makes the catalog of a store from before name its data relative to itself.
pub(super) fn make_relative(connection: &mut Connection) -> rusqlite::Result<()> {
    if is_relative(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_relative(&transaction)? {
        transaction.execute_batch(METADATA_SQL)?;
    }
    transaction.commit()
}

/// The folder in which DuckDB looks for the data of a store, where that is another than the store's own.
pub(super) fn data_elsewhere(connection: &Connection, data: &Path) -> rusqlite::Result<Option<String>> {
    if is_relative(connection)? {
        return Ok(None);
    }
    let said = get(connection, DATA_PATH)?;
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    Ok(said.filter(|said| real(Path::new(said)) != real(data)))
}

/// Whether a catalog has a table: stores that an older version wrote and none has written to since lack some.
pub(super) fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    connection.query_row(sql, [name], |row| row.get(0))
}
