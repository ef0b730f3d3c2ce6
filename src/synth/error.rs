//! Why nothing, or not everything, was made.

use std::io;
use std::path::PathBuf;

/// Why nothing, or not everything, was made.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// Numbers that don't fit together.
    #[error("{0}")]
    Config(String),
    /// The folder is in use.
    #[error("{}: not empty\nhint: give a folder that doesn't exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// The disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The compressor.
    #[error("compressing failed: {0}")]
    Compress(String),
    /// A template that makes no sense: a fault of the program's own.
    #[error("a template of an event is wrong: {0}")]
    Template(String),
}
