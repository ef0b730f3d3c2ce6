//! The one process that may write to a store.

use std::fs::{self, File};
use std::path::PathBuf;

use rusqlite::Connection;

use super::connection::{check_whole, connect};
use super::create::remove_begun;
use super::error::StoreError;
use super::layout::{catalog_path, staging_dir};
use super::open::Store;
use super::place::no_links;
use super::private::{self, Mode, mode_of, note_mode};
use super::recover::recover_locked;
use super::{lock, migrate};

/// The one process that may write to a store, as long as this value lives.
#[derive(Debug)]
pub struct Writer {
    store: Store,
    connection: Connection,
    mode: Mode,
    // Held for its lock; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl Writer {
    /// Takes the store's lock, mends what an earlier process left half done, and empties the staging folder.
    pub(super) fn open(store: Store) -> Result<Writer, StoreError> {
        let lock = lock::take_within(&store.dir, store.wait)?;
        check_whole(&store.dir)?;
        Writer::with_lock(store, lock)
    }

    /// The same for who has the lock.
    pub(super) fn with_lock(store: Store, lock: File) -> Result<Writer, StoreError> {
        let mut connection = connect(&store.dir)?;
        recover_locked(&store.dir, &connection)?;
        let mode = mode_of(&store.dir, &connection)?;
        migrate::migrate(&mut connection).map_err(StoreError::catalog(&catalog_path(&store.dir)))?;
        let staging = staging_dir(&store.dir);
        no_links(&store.dir, &staging)?;
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(StoreError::io(&staging, "cannot empty"))?;
        }
        private::create_folder(&staging, mode).map_err(StoreError::io(&staging, "cannot create"))?;
        remove_begun(&store.dir)?;
        Ok(Writer { store, connection, mode, _lock: lock })
    }

    /// Who may read the store.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Says who may read the store from now on, all of it.
    pub fn set_mode(&mut self, mode: Mode) -> Result<(), StoreError> {
        note_mode(&self.store.dir, &self.connection, mode)?;
        self.mode = mode;
        Ok(())
    }

    /// The store that is written to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where data files are written before they are committed.
    pub fn staging(&self) -> PathBuf {
        staging_dir(&self.store.dir)
    }

    /// The catalog's connection, for the ledger.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Likewise, for transactions.
    pub(super) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Store {
    /// Becomes the one writer of this store.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process writes.
    pub fn writer(&self) -> Result<Writer, StoreError> {
        Writer::open(self.clone())
    }
}
