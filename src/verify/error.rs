//! Why nothing could be said about an archive.

use std::io;
use std::path::PathBuf;

use crate::archive::{FindError, ReadError, ReadFault};
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

/// Why something could not be read, without what helps those who take events in.
pub(super) fn in_words(fault: &ReadFault) -> String {
    match fault {
        ReadFault::OverCap { cap_bytes } => format!("it has more than {cap_bytes} bytes once inflated"),
        fault => first_line(&fault.to_string()),
    }
}

pub(super) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
