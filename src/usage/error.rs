//! What can go wrong while usage is read or derived.

use std::path::PathBuf;

use arrow::error::ArrowError;

use crate::store::StoreError;

/// What can go wrong while usage is read or derived.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Columns that are not as the store's tables have them.
    #[error(
        "the store's files don't have the columns they should: {0}\nhint: was the store changed by another program?"
    )]
    Columns(#[from] ArrowError),
    /// Rows that don't fit in memory, on their way to the disk and back.
    #[error("cannot keep rows of usage in {}: {source}\nhint: is the disk full?", folder.display())]
    Spill {
        /// The folder.
        folder: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// An answer that takes all its rows at once, and more memory than there is.
    #[error("{rows} uses take more memory than there is for them")]
    TooMany {
        /// How many there are.
        rows: u64,
        /// What those that were counted take.
        bytes: u64,
        /// What there is.
        space_bytes: u64,
    },
}
