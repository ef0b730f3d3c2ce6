//! What ends an ingest.

use std::path::PathBuf;

use crate::store::StoreError;
use crate::usage::ReadError;
use crate::util::shown;
use crate::verify::VerifyError;

/// An error that ends an ingest; what was committed before it stays.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Reading the store's own files back.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Columns that don't fit together.
    #[error("the columns of a batch don't fit together: {0}")]
    Columns(#[from] arrow::error::ArrowError),
    /// Of the paths that were given none is there.
    #[error("{}: no such file or directory\nhint: give the folder that the archive was copied to", shown::path(.0))]
    NoArchive(PathBuf),
    /// Object storage that nothing more can be had of.
    #[error("{0}")]
    Remote(String),
    /// Too little memory to work with.
    #[error("{given} bytes is too little")]
    MemoryLimit {
        /// What was given.
        given: u64,
        /// The least that works.
        least: u64,
    },
    /// Too little memory for what the store knows.
    #[error("{given} bytes is too little for a store that knows {known} objects")]
    KnownObjects {
        /// What was given.
        given: u64,
        /// The least that works.
        least: u64,
        /// Objects that were taken in.
        known: usize,
    },
    /// The spill file of the duplicates check.
    #[error("{}: {source}", shown::path(path))]
    Spill {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Public keys that can't be read, or no room for what digests list.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// A file that carries days of a store, or is to.
    #[error("{}: {what}", shown::path(path))]
    Transfer {
        /// Which one.
        path: PathBuf,
        /// What is wrong, and what helps.
        what: String,
    },
    /// No threads to be had.
    #[error("threads can't be started: {0}")]
    Threads(rayon::ThreadPoolBuildError),
    /// A worker died.
    #[error("a worker thread ended unexpectedly\nhint: run it again; nothing was committed that isn't whole")]
    Worker,
}
