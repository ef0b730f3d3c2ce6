//! Opening a store.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{check_pages, check_rebuilt, check_version, connect_read_only};
use super::create::{create, newest};
use super::error::StoreError;
use super::layout::{catalog_path, data_dir, replaced_dir};
use super::lock::is_cut_short;
use super::metadata;
use super::place::check_store;
use super::snapshot::{self, Snapshot};

/// A store that exists.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) dir: PathBuf,
    /// How long whoever wants to write waits for who writes.
    pub(super) wait: Duration,
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
        check_store(dir)?;
        let catalog = catalog_path(dir);
        match fs::metadata(&catalog) {
            Ok(_) => {}
            // Only what is not there is missing: a store that may not be read is one.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Err(match has_data_files(dir) {
                    true => StoreError::NoCatalog(catalog),
                    false => StoreError::Missing(dir.to_owned()),
                });
            }
            Err(error) => return Err(StoreError::io(&catalog, "cannot look at")(error)),
        }
        check_version(dir, &connect_read_only(dir)?)?;
        Ok(Store::at(dir))
    }

    /// The one in a folder, whatever is there.
    pub(super) fn at(dir: &Path) -> Store {
        Store { dir: dir.to_owned(), wait: Duration::ZERO }
    }

    /// The same; whoever wants to write to it waits so long for another process that does.
    pub fn waiting(mut self, wait: Duration) -> Store {
        self.wait = wait;
        self
    }

    /// Whether the last commit was cut short. Until a writer has mended that, the newest snapshot is the last whole
    /// one.
    pub fn is_cut_short(&self) -> bool {
        is_cut_short(&self.dir)
    }

    /// Opens a store, making it first where there is none.
    pub fn open_or_create(dir: &Path) -> Result<Store, StoreError> {
        check_store(dir)?;
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

    /// The number of the newest snapshot: whether there is another one than a reader has.
    ///
    /// # Errors
    /// When the catalog can't be read.
    pub fn newest(&self) -> Result<i64, StoreError> {
        self.query(newest)
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

    pub(super) fn query<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.connect()?).map_err(StoreError::catalog(&catalog_path(self.dir())))
    }

    pub(crate) fn connect(&self) -> Result<Connection, StoreError> {
        connect_read_only(&self.dir)
    }
}

/// What a creation that was cut short may have left, and the configuration that somebody has put there first.
fn is_leftover(name: &str) -> bool {
    name == "trailpare.toml" || name == "data" || name.starts_with("catalog.sqlite") || name == "ingest.lock"
}

/// Whether there are data files, of whatever catalog.
fn has_data_files(dir: &Path) -> bool {
    let folders = [data_dir(dir).join("main"), replaced_dir(dir)];
    let files = folders.iter().flat_map(walkdir::WalkDir::new).flatten().filter(|entry| entry.file_type().is_file());
    files.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "parquet"))
}
