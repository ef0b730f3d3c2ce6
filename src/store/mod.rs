//! The tables on disk: a DuckLake 1.0 lakehouse with its catalog in SQLite and its rows in Parquet.
//!
//! A store is a directory:
//!
//! ```text
//! catalog.sqlite                              snapshots, data files, statistics, the ledger of log objects
//! data/main/events/day=2023-07-10/….parquet   one row a CloudTrail event
//! data/main/usage/day=2023-07-10/….parquet    who used what
//! data/replaced/                              files that only older snapshots have
//! data/.staging/                              files not committed yet
//! data/quarantine/                            damaged files that `fsck --repair` set aside
//! usage-months/                               copies of usage, summed up, for reading it sooner
//! ```

mod activity;
mod agreement;
mod bounds;
mod check;
mod checks;
mod chunk;
mod commit;
mod datafile;
mod encoded;
mod error;
mod forget;
#[doc(hidden)]
pub mod fuzzing;
mod hybrid;
mod ledger;
mod mended;
mod merge;
mod metadata;
mod migrate;
mod months;
mod objects;
mod passed_over;
mod place;
mod private;
mod read;
mod reclaim;
mod recover;
mod replaced;
mod snapshot;
mod tables;
mod texts;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

pub use activity::Activity;
pub use check::{Checked, Finding, FindingKind, Repaired, Repairer};
pub use checks::{CheckedFile, FileChecks, Stored};
pub use commit::{Commit, UsageState, Writer};
pub use datafile::{DataFileWriter, ROW_GROUP_ROWS, StagedFile};
pub use encoded::EventsFileWriter;
pub use error::StoreError;
pub use forget::{Forget, Forgotten};
pub use ledger::{BrokenEntry, DayCount, LedgerEntry, OutdatedDay, RefusedObject, Run, Totals};
pub use mended::{KeptOut, Neighbours};
pub use merge::{MERGE_MEMORY_MIN_BYTES, merge};
pub use months::UsageMonth;
pub use objects::{Known, place_in, placed_name};
pub use passed_over::{Conflict, NO_LOG, Struck, Unread, refusal_key};
pub(crate) use private::create_or_replace_private;
pub use private::{Mode, create_private_folder, write_private};
pub use read::{RowPredicate, read_batches, read_dictionaries};
pub use reclaim::Reclaimed;
pub use replaced::replaced_path;
pub use snapshot::{ColumnStats, DataFile, Snapshot};
pub use tables::Table;

use crate::time::{format_ducklake_time, now_us};

/// Version of DuckLake in `ducklake_metadata`.
const DUCKLAKE_VERSION: &str = "1.0";

/// Version of our own tables beside it.
const TRAILPARE_VERSION: &str = "2";

/// Versions of our own tables that are read; a writer brings them up to [`TRAILPARE_VERSION`] first.
const READ_VERSIONS: [&str; 2] = ["1", TRAILPARE_VERSION];

/// Bytes of a page of the catalog. A table takes at least one, and most of DuckLake's are empty.
const CATALOG_PAGE_BYTES: u32 = 1024;

/// Key of the catalog under which it stands who may read the store.
const MODE_KEY: &str = "trailpare_mode";

/// Key under which stands which catalog a new one is made in the place of, until that is done; empty afterwards.
const REBUILDING_KEY: &str = "trailpare_rebuilding";

/// A catalog up to this size is looked at whole by everybody who opens it, a larger one in part.
const CHECKED_MAX_BYTES: u64 = 16 << 20;

/// The tables of log objects.
const OBJECTS_SQL: &str = include_str!("objects.sql");

/// The tables of checksums.
const CHECKS_SQL: &str = include_str!("checks.sql");

/// Further tables of the ledger, which stores from before get when they are written to.
const PASSED_OVER_SQL: &str = include_str!("passed_over.sql");

/// How long to wait for another process that holds the catalog.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// A store that exists.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// Opens a store for reading. Nothing of it is changed, whatever state it is in: see [`Store::is_cut_short`].
    ///
    /// # Errors
    /// When there is no store, one of another version, or one that reaches for what is not its own.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let store = Store::open_to_check(dir)?;
        let connection = store.connect()?;
        check_rebuilt(dir, &connection)?;
        check_pages(dir, &connection)?;
        Ok(store)
    }

    /// Opens a store to look for damage in it.
    ///
    /// # Errors
    /// As [`Store::open`], but for a catalog that contradicts itself.
    pub fn open_to_check(dir: &Path) -> Result<Store, StoreError> {
        place::check_store(dir)?;
        let catalog = catalog_path(dir);
        if !catalog.is_file() {
            return Err(match has_data_files(dir) {
                true => StoreError::NoCatalog(catalog),
                false => StoreError::Missing(dir.to_owned()),
            });
        }
        check_version(dir, &connect_read_only(dir)?)?;
        Ok(Store { dir: dir.to_owned() })
    }

    /// Whether the last commit was cut short. Until a writer has mended that, the newest snapshot is the last whole
    /// one.
    pub fn is_cut_short(&self) -> bool {
        recover::is_cut_short(&self.dir)
    }

    /// Opens a store, making it first where there is none.
    pub fn open_or_create(dir: &Path) -> Result<Store, StoreError> {
        place::check_store(dir)?;
        if catalog_path(dir).is_file() || has_data_files(dir) {
            return Store::open(dir);
        }
        let is_empty = match fs::read_dir(dir) {
            Ok(mut entries) => entries.all(|e| e.is_ok_and(|e| is_leftover(&e.file_name().to_string_lossy()))),
            Err(_) => true,
        };
        if !is_empty {
            return Err(StoreError::NotAStore(dir.to_owned()));
        }
        create(dir, None)?;
        Store::open(dir)
    }

    /// The store's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Becomes the one writer of this store.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process writes.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Writer::open(self.clone())
    }

    /// One snapshot of the store, the newest where `at` is `None`.
    pub fn snapshot(&self, at: Option<i64>) -> Result<Snapshot, StoreError> {
        snapshot::read(&self.connect()?, &self.dir, at, None)
    }

    /// The same, with nothing known of the files' columns but of these: that takes much of the time.
    pub fn snapshot_with(&self, at: Option<i64>, columns: &[&str]) -> Result<Snapshot, StoreError> {
        snapshot::read(&self.connect()?, &self.dir, at, Some(columns))
    }

    /// The folder in which DuckDB looks for the data, where that is another than this store's: one of an older version
    /// that was moved or copied.
    pub fn data_elsewhere(&self) -> Result<Option<String>, StoreError> {
        self.query(|connection| metadata::data_elsewhere(connection, &data_dir(&self.dir)))
    }

    pub(crate) fn connect(&self) -> Result<Connection, StoreError> {
        connect_read_only(&self.dir)
    }
}

/// What a creation that was cut short may have left.
fn is_leftover(name: &str) -> bool {
    name == "data" || name.starts_with("catalog.sqlite") || name == "ingest.lock"
}

fn catalog_path(dir: &Path) -> PathBuf {
    dir.join("catalog.sqlite")
}

fn data_dir(dir: &Path) -> PathBuf {
    dir.join("data")
}

fn staging_dir(dir: &Path) -> PathBuf {
    data_dir(dir).join(".staging")
}

fn replaced_dir(dir: &Path) -> PathBuf {
    data_dir(dir).join(replaced::FOLDER)
}

fn table_dir(dir: &Path, table: Table) -> PathBuf {
    data_dir(dir).join("main").join(table.name())
}

/// The catalog, for writing. Rollback journal, synced at every commit, so that a copied catalog is one file and a
/// reader needs no write access.
fn connect(dir: &Path) -> Result<Connection, StoreError> {
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

/// Sets what every connection has: what somebody else may have put into the schema does nothing but read its database.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn connect_read_only(dir: &Path) -> Result<Connection, StoreError> {
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

/// Whether there are data files, of whatever catalog.
fn has_data_files(dir: &Path) -> bool {
    let folders = [data_dir(dir).join("main"), replaced_dir(dir)];
    let files = folders.iter().flat_map(walkdir::WalkDir::new).flatten().filter(|entry| entry.file_type().is_file());
    files.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "parquet"))
}

/// Makes sure that the versions are those that this program reads. The database's header has ours as well, so that a
/// damaged one is told from one of another program.
fn check_version(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
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

fn is_version(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-')
}

/// Makes sure that the settings are those of a whole catalog.
fn check_rebuilt(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
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
fn check_whole(dir: &Path) -> Result<(), StoreError> {
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

/// What SQLite finds wrong first.
fn quick_check(connection: &Connection, of: &str) -> rusqlite::Result<Option<String>> {
    let said = connection.query_row(&format!("PRAGMA quick_check{of}"), [], |row| row.get::<_, String>(0))?;
    Ok(Some(said).filter(|said| said != "ok"))
}

/// Makes sure that the catalog's pages hold together: of a large one those of the tables that answers are taken from.
fn check_pages(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
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

/// Makes an empty store: the catalog is built aside and renamed, so that a store either is there or not.
///
/// `rebuilding`: a repair registers data files in it before anybody reads it, the catalog set aside being the one given.
fn create(dir: &Path, rebuilding: Option<Option<&Path>>) -> Result<(), StoreError> {
    let is_new = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let new: Vec<&Path> = dir.ancestors().take_while(is_new).collect();
    for folder in Table::ALL.map(|t| table_dir(dir, t)).iter().chain([&staging_dir(dir)]) {
        place::no_links(dir, folder)?;
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
        fill(&transaction)?;
        if let Some(old) = rebuilding {
            note_rebuilding(&transaction, old)?;
        }
        agreement::note_snapshot(&transaction, newest(&transaction)?)?;
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
    commit::sync_dir(dir)?;
    for above in new.iter().filter_map(|folder| folder.parent()) {
        commit::sync_dir(if above.as_os_str().is_empty() { Path::new(".") } else { above })?;
    }
    Ok(())
}

/// Removes the catalogs of creations that were cut short. One that goes on elsewhere finds that the store is there.
fn remove_begun(dir: &Path) -> Result<(), StoreError> {
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

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io(path, "cannot remove")(error)),
        _ => Ok(()),
    }
}

fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT max(snapshot_id) FROM ducklake_snapshot", [], |row| row.get(0))
}

/// Goes on with the numbers of snapshots, so that none means two things, and with who may read the store.
fn note_rebuilding(connection: &Connection, old: Option<&Path>) -> rusqlite::Result<()> {
    let name =
        old.and_then(Path::file_name).map_or_else(|| "none".to_owned(), |name| name.to_string_lossy().into_owned());
    metadata::set(connection, REBUILDING_KEY, &name)?;
    let (newest, mode) = old.map(check::before).unwrap_or_default();
    if let Some(newest) = newest {
        for table in ["ducklake_snapshot", "ducklake_snapshot_changes"] {
            connection.execute(&format!("UPDATE {table} SET snapshot_id = ?1"), [newest + 1])?;
        }
    }
    mode.map_or(Ok(()), |mode| metadata::set(connection, MODE_KEY, &mode))
}

fn fill(connection: &Connection) -> rusqlite::Result<()> {
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

fn fill_table(connection: &Connection, table: Table) -> rusqlite::Result<()> {
    let id = table.id();
    connection.execute(
        "INSERT INTO ducklake_table VALUES (?1, ?2, 0, NULL, 0, ?3, ?4, 1)",
        params![id, uuid::Uuid::new_v4().to_string(), table.name(), format!("{}/", table.name())],
    )?;
    connection.execute("INSERT INTO ducklake_schema_versions VALUES (0, 0, ?1)", [id])?;
    connection.execute("INSERT INTO ducklake_table_stats VALUES (?1, 0, 0, 0)", [id])?;
    for (order, column) in (1..).zip(tables::catalog_columns(table)) {
        migrate::insert_column(connection, table, order, &column, 0)?;
    }
    connection.execute("INSERT INTO ducklake_partition_info VALUES (?1, ?2, 0, NULL)", [table.partition_id(), id])?;
    let event_date = tables::catalog_columns(table).iter().find(|c| c.name == "event_date").map(|c| c.id);
    connection.execute(
        "INSERT INTO ducklake_partition_column VALUES (?1, ?2, 0, ?3, 'identity')",
        params![table.partition_id(), id, event_date],
    )?;
    Ok(())
}
