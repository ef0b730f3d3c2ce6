//! Making an empty store, also in the place of one whose catalog can't be used.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::agreement::note_snapshot;
use super::connection::{
    CATALOG_PAGE_BYTES, CHECKS_SQL, DUCKLAKE_VERSION, EVIDENCE_SQL, OBJECTS_SQL, PASSED_OVER_SQL, PROOF_SQL,
    PRUNED_SQL, REBUILDING_KEY, TRAILPARE_VERSION,
};
use super::error::StoreError;
use super::history_table::HISTORY_SQL;
use super::layout::{catalog_path, staging_dir, table_dir};
use super::metadata;
use super::migrate::insert_column;
use super::moves::{remove_if_there, sync_dir};
use super::place::no_links;
use super::private::{self, MODE_KEY, Mode};
use super::tables::{Table, catalog_columns};
use crate::time::{format_ducklake_time, now_us};

/// Makes an empty store: the catalog is built aside and renamed, so that a store either is there or not.
///
/// `rebuilding`: a repair registers data files in it before anybody reads it, the catalog set aside being the one
/// given.
pub(super) fn create(dir: &Path, rebuilding: Option<Option<&Path>>) -> Result<(), StoreError> {
    let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let new: Vec<&Path> = dir.ancestors().take_while(is_new).collect();
    for folder in Table::ALL.map(|t| table_dir(dir, t)).iter().chain([&staging_dir(dir)]) {
        no_links(dir, folder)?;
        private::create_folder(folder, Mode::Private).map_err(StoreError::io(folder, "cannot create"))?;
    }
    private::set_all(dir, Mode::Private).map_err(StoreError::io(dir, "cannot set the permissions"))?;
    let name = format!("catalog.sqlite.{}", uuid::Uuid::new_v4());
    let aside = dir.join(name);
    // Made before SQLite opens it, so that at no time anybody else can read it.
    private::create_file(&aside).map_err(StoreError::io(&aside, "cannot create"))?;
    let write = || {
        let mut connection = Connection::open(&aside)?;
        connection.pragma_update(None, "page_size", CATALOG_PAGE_BYTES)?;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(include_str!("ducklake.sql"))?;
        transaction.execute_batch(OBJECTS_SQL)?;
        transaction.execute_batch(CHECKS_SQL)?;
        transaction.execute_batch(PASSED_OVER_SQL)?;
        transaction.execute_batch(PROOF_SQL)?;
        transaction.execute_batch(HISTORY_SQL)?;
        transaction.execute_batch(PRUNED_SQL)?;
        transaction.execute_batch(EVIDENCE_SQL)?;
        fill(&transaction)?;
        if let Some(old) = rebuilding {
            note_rebuilding(&transaction, old)?;
        }
        note_snapshot(&transaction, newest(&transaction)?)?;
        transaction.pragma_update(None, "user_version", TRAILPARE_VERSION)?;
        transaction.commit()?;
        metadata::make_relative(&mut connection)?;
        connection.close().map_err(|(_, e)| e)
    };
    let catalog = catalog_path(dir);
    match write() {
        // A second process that creates the same store at the same time has won already: its catalog stays, and it took
        // the file aside for one of a creation that was cut short.
        Err(_) if rebuilding.is_none() && catalog.is_file() => return remove_if_there(&aside),
        written => written.map_err(StoreError::catalog(&aside))?,
    }
    let linked = fs::hard_link(&aside, &catalog);
    remove_if_there(&aside)?;
    match linked {
        Err(_) if catalog.is_file() => {}
        outcome => outcome.map_err(StoreError::io(&catalog, "cannot create"))?,
    }
    // The names of folders that are new have to last as well: what is committed in them does.
    sync_dir(dir)?;
    for above in new.iter().filter_map(|folder| folder.parent()) {
        sync_dir(if above.as_os_str().is_empty() { Path::new(".") } else { above })?;
    }
    Ok(())
}

/// Removes the catalogs of creations that were cut short. One that goes on elsewhere finds that the store is there.
pub(super) fn remove_begun(dir: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(dir).map_err(StoreError::io(dir, "cannot list"))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io(dir, "cannot list"))?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("catalog.sqlite."));
        let id = id.map(|id| id.strip_suffix("-journal").unwrap_or(id));
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && id.is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT max(snapshot_id) FROM ducklake_snapshot", [], |row| row.get(0))
}

/// Goes on with the numbers of snapshots, so that none means two things, and with who may read the store.
pub(super) fn note_rebuilding(connection: &Connection, old: Option<&Path>) -> rusqlite::Result<()> {
    let name =
        old.and_then(Path::file_name).map_or_else(|| "none".to_owned(), |name| name.to_string_lossy().into_owned());
    metadata::set(connection, REBUILDING_KEY, &name)?;
    let (newest, mode) = old.map(before).unwrap_or_default();
    if let Some(newest) = newest {
        for table in ["ducklake_snapshot", "ducklake_snapshot_changes"] {
            connection.execute(&format!("UPDATE {table} SET snapshot_id = ?1"), [newest + 1])?;
        }
    }
    mode.map_or(Ok(()), |mode| metadata::set(connection, MODE_KEY, &mode))
}

pub(super) fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let now = format_ducklake_time(now_us());
    let program = concat!("trailpare ", env!("CARGO_PKG_VERSION"));
    for (key, value) in [
        ("version", DUCKLAKE_VERSION),
        ("created_by", program),
        ("data_path", "data/"),
        ("encrypted", "false"),
        // Rows must be in Parquet files for every reader: DuckDB shall not put any into the catalog.
        ("data_inlining_row_limit", "0"),
        ("trailpare_version", TRAILPARE_VERSION),
        (MODE_KEY, Mode::default().name()),
    ] {
        connection.execute("INSERT INTO ducklake_metadata (key, value) VALUES (?1, ?2)", [key, value])?;
    }
    connection.execute("INSERT INTO ducklake_snapshot VALUES (0, ?1, 0, 5, 0)", [&now])?;
    let tables = Table::ALL.map(|t| format!("created_table:\"main\".\"{}\"", t.name())).join(",");
    connection.execute(
        "INSERT INTO ducklake_snapshot_changes VALUES (0, ?1, ?2, 'empty store', NULL)",
        [format!("created_schema:\"main\",{tables}"), program.to_owned()],
    )?;
    connection.execute(
        "INSERT INTO ducklake_schema VALUES (0, ?1, 0, NULL, 'main', 'main/', 1)",
        [uuid::Uuid::new_v4().to_string()],
    )?;
    Table::ALL.iter().try_for_each(|table| fill_table(connection, *table))
}

pub(super) fn fill_table(connection: &Connection, table: Table) -> rusqlite::Result<()> {
    let id = table.id();
    connection.execute(
        "INSERT INTO ducklake_table VALUES (?1, ?2, 0, NULL, 0, ?3, ?4, 1)",
        params![id, uuid::Uuid::new_v4().to_string(), table.name(), format!("{}/", table.name())],
    )?;
    connection.execute("INSERT INTO ducklake_schema_versions VALUES (0, 0, ?1)", [id])?;
    connection.execute("INSERT INTO ducklake_table_stats VALUES (?1, 0, 0, 0)", [id])?;
    for (order, column) in (1..).zip(catalog_columns(table)) {
        insert_column(connection, table, order, &column, 0)?;
    }
    connection.execute("INSERT INTO ducklake_partition_info VALUES (?1, ?2, 0, NULL)", [table.partition_id(), id])?;
    let event_date = catalog_columns(table).iter().find(|c| c.name == "event_date").map(|c| c.id);
    connection.execute(
        "INSERT INTO ducklake_partition_column VALUES (?1, ?2, 0, ?3, 'identity')",
        params![table.partition_id(), id, event_date],
    )?;
    Ok(())
}

/// What an old catalog says that only somebody who wrote the store can know; `None` where it can't be read.
pub(super) fn before(old: &Path) -> (Option<i64>, Option<String>) {
    let Ok(connection) = open_old(old) else { return (None, None) };
    let newest = connection.query_row("SELECT max(snapshot_id) FROM ducklake_snapshot", [], |row| row.get(0));
    let newest = newest.ok().filter(|newest| (0..1 << 40).contains(newest));
    let mode = metadata::get(&connection, MODE_KEY).ok().flatten();
    (newest, mode.filter(|mode| Mode::named(mode).is_some()))
}

pub(super) fn open_old(old: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(old, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}
