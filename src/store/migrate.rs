//! Columns that tables got after a store was made: the catalog lists them, files from before have none of them.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::tables::{CatalogColumn, Table, catalog_columns};
use crate::time::{format_ducklake_time, now_us};

/// Lists what is missing, as DuckLake's `ALTER TABLE … ADD COLUMN` would, in a snapshot of its own. Only for who holds
/// the store's lock.
pub(super) fn add_missing_columns(connection: &mut Connection) -> rusqlite::Result<()> {
    let mut missing = Vec::new();
    for table in Table::ALL {
        let columns = missing_columns(connection, table)?;
        if !columns.is_empty() {
            missing.push((table, columns));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: Vec<Table> = missing.iter().map(|(table, _)| *table).collect();
    let (snapshot, schema_version) = insert_snapshot(&transaction, &tables)?;
    for (table, columns) in &missing {
        transaction.execute(
            "INSERT INTO ducklake_schema_versions VALUES (?1, ?2, ?3)",
            params![snapshot, schema_version, table.id()],
        )?;
        for (order, column) in columns {
            insert_column(&transaction, *table, *order, column, snapshot)?;
        }
    }
    transaction.commit()
}

/// With their places in the table.
fn missing_columns(connection: &Connection, table: Table) -> rusqlite::Result<Vec<(i64, CatalogColumn)>> {
    let mut statement = connection.prepare("SELECT 1 FROM ducklake_column WHERE table_id = ?1 AND column_id = ?2")?;
    let mut missing = Vec::new();
    for (order, column) in (1..).zip(catalog_columns(table)) {
        let known: Option<i64> = statement.query_row([table.id(), column.id], |row| row.get(0)).optional()?;
        if known.is_none() {
            missing.push((order, column));
        }
    }
    Ok(missing)
}

fn insert_snapshot(transaction: &Transaction<'_>, tables: &[Table]) -> rusqlite::Result<(i64, i64)> {
    let (snapshot, schema_version) = transaction.query_row(
        "SELECT snapshot_id + 1, schema_version + 1 FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    transaction.execute(
        "INSERT INTO ducklake_snapshot SELECT ?1, ?2, ?3, next_catalog_id, next_file_id FROM ducklake_snapshot \
         ORDER BY snapshot_id DESC LIMIT 1",
        params![snapshot, format_ducklake_time(now_us()), schema_version],
    )?;
    let changes: Vec<String> = tables.iter().map(|table| format!("altered_table:{}", table.id())).collect();
    transaction.execute(
        "INSERT INTO ducklake_snapshot_changes VALUES (?1, ?2, ?3, 'new columns', NULL)",
        params![snapshot, changes.join(","), concat!("trailpare ", env!("CARGO_PKG_VERSION"))],
    )?;
    Ok((snapshot, schema_version))
}

pub(super) fn insert_column(
    connection: &Connection,
    table: Table,
    order: i64,
    column: &CatalogColumn,
    snapshot: i64,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO ducklake_column VALUES (?1, ?2, NULL, ?3, ?4, ?5, ?6, NULL, 'NULL', ?7, ?8, 'literal', 'duckdb')",
        params![
            column.id,
            snapshot,
            table.id(),
            order,
            column.name,
            column.ducklake_type,
            column.nullable,
            column.parent
        ],
    )?;
    Ok(())
}
