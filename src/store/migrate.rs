//! Stores of older versions: columns that tables got after a store was made (the catalog lists them, files from before
//! have none of them), and log objects whose names and paths were kept whole.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use super::agreement::note_snapshot;
use super::change::LedgerEntry;
use super::connection::{
    BUSY_TIMEOUT, CATALOG_PAGE_BYTES, CHECKS_SQL, OBJECTS_SQL, PASSED_OVER_SQL, PRUNED_SQL, TRAILPARE_VERSION,
};
use super::displaced;
use super::history_table;
use super::metadata;
use super::object_rows::Objects;
use super::proof;
use super::tables::{CatalogColumn, Table, catalog_columns};
use crate::time::{format_ducklake_time, now_us};

/// Key of the version of our own tables.
const VERSION: &str = "trailpare_version";

/// Brings a catalog up to what this program writes. Only for who holds the store's lock. A crash leaves it as it was or
/// one step further.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.execute_batch(CHECKS_SQL)?;
    add_missing_columns(connection)?;
    connection.execute_batch(PASSED_OVER_SQL)?;
    connection.execute_batch(PRUNED_SQL)?;
    displaced::migrate(connection)?;
    if metadata::get(connection, VERSION)?.as_deref() == Some("1") {
        normalise_objects(connection)?;
    }
    proof::migrate(connection)?;
    history_table::migrate(connection)?;
    // Last: SQLite renames no table beside a view that asks for more trust than a connection has.
    metadata::make_relative(connection)?;
    connection.pragma_update(None, "user_version", TRAILPARE_VERSION)
}

/// From version 1, in which one table had every object with its whole name and path.
fn normalise_objects(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch("ALTER TABLE trailpare_objects RENAME TO trailpare_objects_1")?;
    transaction.execute_batch(OBJECTS_SQL)?;
    copy_objects(&transaction)?;
    transaction.execute_batch("DROP TABLE trailpare_objects_1")?;
    metadata::set(&transaction, VERSION, TRAILPARE_VERSION)?;
    transaction.commit()?;
    shrink(connection)
}

fn copy_objects(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut objects = Objects::new(transaction);
    let mut statement = transaction.prepare(
        "SELECT name, path, size_bytes, sha256, records, events, duplicates, state, reason, offset_bytes, broken, \
         snapshot_id FROM trailpare_objects_1",
    )?;
    let mut refused = Vec::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        if entry.refused.is_some() {
            refused.push((row.get(11)?, entry));
        } else {
            objects.insert(row.get(11)?, &entry, row.get(10)?)?;
        }
    }
    // Last, because an object that is taken in strikes its refusals: these came after it.
    refused.iter().try_for_each(|(snapshot, entry)| objects.insert(*snapshot, entry, 0))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
    let (state, reason): (String, Option<String>) = (row.get(7)?, row.get(8)?);
    let offset_bytes = row.get(9)?;
    Ok(LedgerEntry {
        refused: (state == "refused").then(|| (reason.unwrap_or_default(), offset_bytes)),
        ..LedgerEntry::of_row(row)?
    })
}

/// Gives back what the old tables took. Where somebody reads, or the disk is full, later writes use it instead.
fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "page_size", CATALOG_PAGE_BYTES)?;
    let _ = connection.execute_batch("VACUUM");
    connection.busy_timeout(BUSY_TIMEOUT)
}

/// Lists what is missing, as DuckLake's `ALTER TABLE … ADD COLUMN` would, in a snapshot of its own.
fn add_missing_columns(connection: &mut Connection) -> rusqlite::Result<()> {
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
    note_snapshot(&transaction, snapshot)?;
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::connection::connect;
    use super::super::{Commit, LedgerEntry, Store};
    use super::*;

    /// The table of log objects as version 1 made it.
    const VERSION_1: &str = "
        PRAGMA user_version = 0;
        DROP VIEW trailpare_objects;
        DROP TABLE trailpare_taken_objects;
        DROP TABLE trailpare_refused_objects;
        DROP TABLE trailpare_places;
        DROP TABLE trailpare_name_prefixes;
        CREATE TABLE trailpare_objects (
            name TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('taken', 'refused')), path TEXT NOT NULL,
            size_bytes INTEGER NOT NULL, sha256 BLOB, records INTEGER NOT NULL, events INTEGER NOT NULL,
            duplicates INTEGER NOT NULL, broken INTEGER NOT NULL, snapshot_id INTEGER NOT NULL, reason TEXT,
            offset_bytes INTEGER, PRIMARY KEY (name, state)
        ) WITHOUT ROWID;
        CREATE INDEX trailpare_objects_state ON trailpare_objects (state) WHERE state = 'refused';
        DROP VIEW ducklake_metadata;
        ALTER TABLE trailpare_metadata RENAME TO ducklake_metadata;
        UPDATE ducklake_metadata SET value = '1' WHERE key = 'trailpare_version';
        INSERT INTO trailpare_objects VALUES
            ('111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA', 'taken',
             '/a/111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA.json.gz', 579,
             x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff', 9, 7, 1, 1, 3, NULL, NULL),
            ('111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA', 'refused',
             '/b/111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA.json.gz', 580, NULL, 0, 0, 0, 0, 4,
             'changed', NULL),
            ('111122223333_CloudTrail_us-east-1_20240302T0710Z_BBBBBBBBBBBBBBBB', 'taken',
             '/a/111122223333_CloudTrail_us-east-1_20240302T0710Z_BBBBBBBBBBBBBBBB.json', 5, NULL, 0, 0, 0, 0, 3,
             NULL, NULL),
            ('x/y/one.json', 'taken', 'C:\\logs\\x\\y\\one.json', 11, NULL, 1, 1, 0, 0, 3, NULL, NULL),
            ('x/y/one.json.json', 'taken', '/a/x/y/one.json.json', 12, NULL, 1, 1, 0, 0, 3, NULL, NULL),
            ('half_CloudTrail.json', 'refused', '/a/half_CloudTrail.json', 2, NULL, 0, 0, 0, 0, 3, 'truncated', 25),
            ('elsewhere', 'taken', '/somewhere', 3, NULL, 1, 1, 0, 0, 3, NULL, NULL);";

    fn of_version_1(folder: &Path) -> Store {
        let store = Store::open_or_create(folder).expect("a store");
        connect(folder).expect("a catalog").execute_batch(VERSION_1).expect("version 1");
        store
    }

    /// All that the ledger says of objects.
    fn rows(folder: &Path) -> Vec<String> {
        let connection = connect(folder).expect("a catalog");
        let mut statement = connection
            .prepare(
                "SELECT concat_ws('|', name, state, path, size_bytes, coalesce(hex(sha256), '-'), records, events, \
                 duplicates, broken, snapshot_id, coalesce(reason, '-'), coalesce(offset_bytes, '-')) \
                 FROM trailpare_objects ORDER BY 1",
            )
            .expect("the columns");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("texts")
    }

    fn version(folder: &Path) -> String {
        metadata::get(&connect(folder).expect("a catalog"), VERSION).expect("a setting").expect("a version")
    }

    #[test]
    fn a_store_of_version_1_answers_the_same_before_and_after() {
        let folder = tempfile::tempdir().expect("a folder");
        of_version_1(folder.path());
        // A reader leaves it as it is.
        let store = Store::open(folder.path()).expect("readable");
        let (before, refused) = (rows(folder.path()), store.refused_objects().expect("refused"));
        assert_eq!((before.len(), refused.len(), version(folder.path()).as_str()), (7, 2, "1"));
        let writer = store.writer().expect("a writer");
        assert_eq!(version(folder.path()), TRAILPARE_VERSION);
        assert_eq!(rows(folder.path()), before);
        assert_eq!(store.refused_objects().expect("refused"), refused);
        let known = writer.known_objects().expect("known");
        let name = "111122223333_CloudTrail_eu-west-1_20240302T0710Z_AAAAAAAAAAAAAAAA";
        for (name, size_bytes) in [(name, 579), ("x/y/one.json", 11), ("x/y/one.json.json", 12), ("elsewhere", 3)] {
            assert_eq!(known.size_bytes(name), Some(size_bytes), "{name}");
        }
        assert_eq!(known.size_bytes("half_CloudTrail.json"), None);
        assert_eq!(writer.known_digest(name).expect("a digest").map(|d| (d[1], d[31])), Some((1, 255)));
        assert_eq!(writer.known_digest("half_CloudTrail.json").expect("none"), None);
        drop(writer);
        drop(store.writer().expect("a writer again"));
        assert_eq!(rows(folder.path()), before);
    }

    #[test]
    fn what_is_cut_short_leaves_version_1() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = of_version_1(folder.path());
        let before = rows(folder.path());
        // The last step fails.
        let trigger = "CREATE TRIGGER cut BEFORE DELETE ON ducklake_metadata WHEN old.key = 'trailpare_version' \
                       BEGIN SELECT RAISE(ABORT, 'cut'); END";
        connect(folder.path()).expect("a catalog").execute_batch(trigger).expect("a trigger");
        store.writer().expect_err("it is cut short");
        assert_eq!((rows(folder.path()), version(folder.path()).as_str()), (before.clone(), "1"));
        connect(folder.path()).expect("a catalog").execute_batch("DROP TRIGGER cut").expect("no trigger");
        drop(store.writer().expect("a writer"));
        assert_eq!(rows(folder.path()), before);
    }

    #[test]
    fn an_object_that_is_sound_now_is_no_longer_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = of_version_1(folder.path());
        let mut writer = store.writer().expect("a writer");
        let entry = LedgerEntry {
            name: "half_CloudTrail.json".to_owned(),
            path: "/a/half_CloudTrail.json".to_owned(),
            size_bytes: 30,
            sha256: Some([7; 32]),
            records: 1,
            events: 1,
            duplicates: 0,
            broken: Vec::new(),
            is_again: false,
            proof: None,
            far: None,
            strays: Vec::new(),
            displaces: None,
            version: None,
            refused: None,
        };
        writer.commit(&Commit { objects: vec![entry], ..Commit::default() }).expect("a commit");
        assert_eq!(store.refused_objects().expect("refused").len(), 1);
        assert_eq!(writer.known_objects().expect("known").size_bytes("half_CloudTrail.json"), Some(30));
        assert_eq!(writer.known_digest("half_CloudTrail.json").expect("a digest"), Some([7; 32]));
    }
}
