//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use super::place::Outside;
use crate::time::format_date;

/// An error of the store; every variant names the place and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No store at the place.
    #[error("{}: no store here\nhint: make one with `trailpare ingest ARCHIVE --store {}`", .0.display(), .0.display())]
    Missing(PathBuf),
    /// A directory that isn't ours.
    #[error("{}: not empty and not a store\nhint: give an empty or new directory with --store", .0.display())]
    NotAStore(PathBuf),
    /// Another version of DuckLake or of our tables.
    #[error("{}: catalog of {found}, this program reads {expected}\nhint: use the trailpare version that wrote it", path.display())]
    Version {
        /// The catalog.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What this program reads.
        expected: &'static str,
    },
    /// Somebody else is writing.
    #[error("{}: another ingest or optimize is writing to this store (process {holder})\nhint: wait for it, or use another --store", path.display())]
    Locked {
        /// The store.
        path: PathBuf,
        /// Process id of the other writer, as far as it is known.
        holder: String,
    },
    /// A snapshot that isn't there.
    #[error("{}: no snapshot {id}; the store has {oldest} to {newest}\nhint: `trailpare status` says the newest", path.display())]
    NoSnapshot {
        /// The store.
        path: PathBuf,
        /// The one asked for.
        id: i64,
        /// The oldest one there.
        oldest: i64,
        /// The newest one there.
        newest: i64,
    },
    /// A snapshot that maintenance let go of.
    #[error("{}: snapshot {id} has expired; the store keeps {oldest} to {newest}\nhint: `trailpare optimize --expire-older-than` says how long snapshots are kept", path.display())]
    Expired {
        /// The store.
        path: PathBuf,
        /// The one asked for.
        id: i64,
        /// The oldest one there.
        oldest: i64,
        /// The newest one there.
        newest: i64,
    },
    /// Merging sorted files.
    #[error("cannot merge the files of {}: {source}", format_date(*.event_date))]
    Merge {
        /// Their day, days since 1970-01-01.
        event_date: i32,
        /// The merging library's word.
        source: datafusion::error::DataFusionError,
    },
    /// A merge would have changed how many rows there are.
    #[error("{}: its files have {after} rows where the catalog says {before}\nhint: `trailpare fsck` says which one it is", format_date(*event_date))]
    Rows {
        /// The day, days since 1970-01-01.
        event_date: i32,
        /// Rows that the catalog says.
        before: u64,
        /// Rows that were read.
        after: u64,
    },
    /// The catalog database.
    #[error("{}: {source}", path.display())]
    Catalog {
        /// The catalog.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// A path that is not in the store.
    #[error("{}: the store names a file that is not in it: {named:?}\nhint: its catalog or its commit-in-progress was written by somebody else; nothing was read, moved or removed; take the archives into a new store", store.display())]
    Outside {
        /// The store.
        store: PathBuf,
        /// What it names.
        named: String,
    },
    /// A link inside a store.
    #[error("{}: a link, and links inside a store are not followed\nhint: put what it leads to in its place; --store itself may be a link", .0.display())]
    Link(PathBuf),
    /// A data file that is not what was written.
    #[error("{}: damaged{}: {what}\nhint: `trailpare fsck --repair` sets it aside, and the next ingest takes its log objects in again", path.display(), of_day(*event_date))]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// The day of its rows, days since 1970-01-01.
        event_date: Option<i32>,
        /// What is wrong with it.
        what: String,
    },
    /// A file or directory.
    #[error("{}: {what}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// A Parquet file.
    #[error("{}: {source}\nhint: `trailpare fsck` says which files are damaged and what to do", path.display())]
    Parquet {
        /// Which one.
        path: PathBuf,
        /// The Parquet library's word.
        source: parquet::errors::ParquetError,
    },
}

impl StoreError {
    pub(super) fn io<'a>(path: &'a Path, what: &'static str) -> impl FnOnce(io::Error) -> StoreError + 'a {
        move |source| StoreError::Io { path: path.to_owned(), what, source }
    }

    pub(super) fn catalog(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        move |source| match source {
            rusqlite::Error::FromSqlConversionFailure(_, _, error) if error.is::<Outside>() => {
                let named = error.downcast::<Outside>().map(|outside| outside.0).unwrap_or_default();
                Outside(named).of(path.parent().unwrap_or(path))
            }
            source => StoreError::Catalog { path: path.to_owned(), source },
        }
    }

    pub(super) fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> StoreError + '_ {
        move |source| StoreError::Parquet { path: path.to_owned(), source }
    }
}

fn of_day(event_date: Option<i32>) -> String {
    event_date.map_or_else(String::new, |date| format!(" (rows of {})", format_date(date)))
}
