//! Why nothing could be said about an archive.

use std::io;
use std::path::PathBuf;

use crate::archive::{FindError, ReadError};
use crate::util::shown;

/// Why an archive was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// An archive that isn't there.
    #[error(transparent)]
    Archive(#[from] FindError),
    /// A file of keys or signatures that can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of keys or signatures that holds something else.
    #[error("{}: {reason}", shown::path(path))]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What is put aside on the way.
    #[error("temporary file: {0}")]
    Temporary(#[from] io::Error),
}
