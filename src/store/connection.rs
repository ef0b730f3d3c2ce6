//! Connections to the catalog, the versions of it that are read, and whether its database holds together.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata;

/// Version of DuckLake in `ducklake_metadata`.
pub(super) const DUCKLAKE_VERSION: &str = "1.0";

/// Version of our own tables beside it.
pub(super) const TRAILPARE_VERSION: &str = "2";

/// Versions of our own tables that are read; a writer brings them up to [`TRAILPARE_VERSION`] first.
pub(super) const READ_VERSIONS: [&str; 2] = ["1", TRAILPARE_VERSION];

/// Bytes of a page of the catalog. A table takes at least one, and most of DuckLake's are empty.
pub(super) const CATALOG_PAGE_BYTES: u32 = 1024;

/// Key under which stands which catalog a new one is made in the place of, until that is done; empty afterwards.
pub(super) const REBUILDING_KEY: &str = "trailpare_rebuilding";

/// A catalog up to this size is looked at whole by everybody who opens it, a larger one in part.
pub(super) const CHECKED_MAX_BYTES: u64 = 16 << 20;

/// The tables of log objects.
pub(super) const OBJECTS_SQL: &str = include_str!("objects.sql");

/// The tables of checksums.
pub(super) const CHECKS_SQL: &str = include_str!("checks.sql");

/// Further tables of the ledger, which stores from before get when they are written to.
pub(super) const PASSED_OVER_SQL: &str = include_str!("passed_over.sql");

/// The table of what was pruned, likewise.
pub(super) const PRUNED_SQL: &str = include_str!("pruned.sql");

/// Whose events the store has where objects contradict each other, likewise.
pub(super) const EVIDENCE_SQL: &str = include_str!("evidence.sql");

/// The tables of what digests say, likewise.
pub(super) const PROOF_SQL: &str = include_str!("proof.sql");

/// How long to wait for another process that holds the catalog.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// The catalog, for writing. Rollback journal, synced at every commit, so that a copied catalog is one file and a
/// reader needs no write access.
pub(super) fn connect(dir: &Path) -> Result<Connection, StoreError> {
    let path = catalog_path(dir);
    let open = || {
        let connection = Connection::open(&path)?;
        prepare(&connection)?;
        connection.pragma_update(None, "journal_mode", "DELETE")?;
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    };
    open().map_err(StoreError::catalog(&path))
}

pub(super) fn connect_read_only(dir: &Path) -> Result<Connection, StoreError> {
    let path = catalog_path(dir);
    let open = || {
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        prepare(&connection)?;
        // A hot journal of a crashed writer can only be rolled back with write access.
        match metadata::table(&connection) {
            Ok(_) => Ok(connection),
            Err(_) => {
                let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                prepare(&connection)?;
                Ok(connection)
            }
        }
    };
    open().map_err(StoreError::catalog(&path))
}

/// Sets what every connection has: what somebody else may have put into the schema does nothing but read its database.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// Makes sure that the versions are those that this program reads. The database's header has ours as well, so that a
/// damaged one is told from one of another program.
pub(super) fn check_version(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
    let path = catalog_path(dir);
    let error = StoreError::catalog(&path);
    let header: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&error)?;
    for (key, expected) in [("version", &[DUCKLAKE_VERSION][..]), ("trailpare_version", &READ_VERSIONS)] {
        let found = metadata::get(connection, key).map_err(&error)?;
        let is_known = found.as_deref().is_some_and(|found| expected.contains(&found));
        let is_ours = header.to_string() == TRAILPARE_VERSION;
        // A repair sets it right.
        let is_mendable = is_ours && (key == "trailpare_version" || found.as_deref().is_none_or(|f| !is_version(f)));
        if !is_known && !is_mendable {
            let expected = expected.last().copied().unwrap_or_default();
            let found = format!("{key} {}", found.unwrap_or_default());
            return Err(StoreError::Version { path: path.clone(), found, expected });
        }
    }
    Ok(())
}

pub(super) fn is_version(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
}

/// Makes sure that the settings are those of a whole catalog.
pub(super) fn check_rebuilt(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
    let path = catalog_path(dir);
    let error = StoreError::catalog(&path);
    let get = |key| metadata::get(connection, key).map_err(&error);
    let header: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&error)?;
    let what = if get(REBUILDING_KEY)?.is_some_and(|said| !said.is_empty()) {
        "making it anew from the data files was cut short"
    } else if header != 0 && get("trailpare_version")? != Some(header.to_string()) {
        "its version is not the one that its header has"
    } else if get("version")?.as_deref() != Some(DUCKLAKE_VERSION) {
        "it doesn't say of which version of DuckLake it is"
    } else {
        return Ok(());
    };
    Err(StoreError::Contradiction { path: path.clone(), what: what.to_owned() })
}

/// Makes sure that all pages of a large catalog hold together; of a small one everybody who opens it does.
pub(super) fn check_whole(dir: &Path) -> Result<(), StoreError> {
    let path = catalog_path(dir);
    let size_bytes = fs::metadata(&path).map_err(StoreError::io(&path, "cannot stat"))?.len();
    if size_bytes <= CHECKED_MAX_BYTES {
        return Ok(());
    }
    match quick_check(&connect_read_only(dir)?, "(1)").map_err(StoreError::catalog(&path))? {
        Some(what) => Err(StoreError::Contradiction { path, what }),
        None => Ok(()),
    }
}

/// Makes sure that the catalog's pages hold together: of a large one those of the tables that answers are taken from.
pub(super) fn check_pages(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
    let path = catalog_path(dir);
    let size_bytes = fs::metadata(&path).map_err(StoreError::io(&path, "cannot stat"))?.len();
    let tables: &[&str] = match size_bytes > CHECKED_MAX_BYTES {
        true => &["('ducklake_snapshot')", "('ducklake_data_file')", "('ducklake_file_partition_value')"],
        false => &["(1)"],
    };
    for table in tables {
        if let Some(what) = quick_check(connection, table).map_err(StoreError::catalog(&path))? {
            return Err(StoreError::Contradiction { path, what });
        }
    }
    Ok(())
}

/// What SQLite finds wrong first.
pub(super) fn quick_check(connection: &Connection, of: &str) -> rusqlite::Result<Option<String>> {
    let said = connection.query_row(&format!("PRAGMA quick_check{of}"), [], |row| row.get::<_, String>(0))?;
    Ok(Some(said).filter(|said| said != "ok"))
}

pub(super) fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}
