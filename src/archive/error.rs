//! What can be wrong with a path, with an object's bytes, or with its form.

use std::io;
use std::path::PathBuf;

use crate::util::shown;

/// How the reason of a [`ReadError`] begins when the object is larger than the cap given to [`super::read()`].
pub const OVER_CAP: &str = "larger than the cap";

/// A path that was not taken for a log object, and why. The rest of the archive is looked at.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", shown::path(path))]
pub struct FindError {
    /// Which.
    pub path: PathBuf,
    /// Its place, as that of a log object without a name of CloudTrail's.
    pub place: String,
    /// Why.
    pub fault: FindFault,
}

/// Why a path was not taken for a log object.
#[derive(Debug, thiserror::Error)]
pub enum FindFault {
    /// What was named and isn't there.
    #[error("no such file or directory\nhint: give the folder that the archive was copied to")]
    Missing,
    /// A folder or file that the system doesn't show.
    #[error("{0}\nhint: what lies there was not looked at; check its permissions")]
    Io(io::Error),
    /// A symbolic link to nothing.
    #[error("a symbolic link to nothing")]
    DanglingLink,
    /// A symbolic link to a folder that it lies in.
    #[error("a symbolic link back to {}, which holds it; not followed", shown::path(.0))]
    LinkLoop(PathBuf),
    /// A symbolic link to what lies outside of the archive.
    #[error("a symbolic link out of the archive, to {}; not followed\nhint: --follow-links follows it", shown::path(.0))]
    LeavesArchive(PathBuf),
    /// What in object storage was not listed, or has a key that can't be asked for.
    #[error("{reason}")]
    Remote {
        /// In words.
        reason: String,
        /// Whether it is a prefix, below which objects may be missed.
        is_prefix: bool,
    },
    /// A socket, a pipe, a device.
    #[error("{0}, no file; not read\nhint: name it on the command line to read it")]
    Special(&'static str),
}

/// An object whose bytes can't be had.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", shown::path(path), fault)]
pub struct ReadError {
    /// Which.
    pub path: PathBuf,
    /// SHA-256 of the stored bytes, where they could be read to the end.
    pub sha256: Option<[u8; 32]>,
    /// What is wrong.
    pub fault: ReadFault,
}

/// What is wrong with an object's bytes. Offsets are counted in inflated bytes.
#[derive(Debug, thiserror::Error)]
pub enum ReadFault {
    /// The system refuses.
    #[error("can't be read: {0}")]
    Io(#[from] io::Error),
    /// No bytes at all.
    #[error("empty: the object has no bytes")]
    Empty,
    /// Inflates to no bytes at all.
    #[error("empty: the compressed stream holds no bytes")]
    EmptyStream,
    /// Ends within the compressed stream.
    #[error(
        "truncated: the compressed stream breaks off after {stored_bytes} stored bytes\nhint: copy the object again"
    )]
    Truncated {
        /// Inflated bytes before the break.
        offset_bytes: u64,
        /// Size as stored.
        stored_bytes: u64,
    },
    /// The compressed stream makes no sense.
    #[error("corrupt: {reason}\nhint: copy the object again")]
    Corrupt {
        /// Inflated bytes before the fault.
        offset_bytes: u64,
        /// In words.
        reason: String,
    },
    /// Ends within a container that breaks off.
    #[error("{reason}")]
    Cut {
        /// Inflated bytes before the break.
        offset_bytes: u64,
        /// In words.
        reason: String,
    },
    /// A decoder needs more memory than it may have.
    #[error("{0}\nhint: raise --memory-limit, or pack it anew with a smaller window")]
    Window(String),
    /// No object, but files in one: they are read by [`super::Walk`].
    #[error("foreign: a container of files")]
    Container,
    /// Larger than allowed.
    #[error("{OVER_CAP} of {cap_bytes} bytes once inflated; hint: raise --memory-limit")]
    OverCap {
        /// The cap.
        cap_bytes: u64,
    },
    /// Neither compressed nor JSON.
    #[error("foreign: {0}")]
    Foreign(String),
    /// A table of a known other log.
    #[error("foreign: {0}, which hold no CloudTrail events")]
    Other(&'static str),
    /// These bytes were read before.
    #[error("known")]
    Known,
    /// Whoever read it was asked to end.
    #[error("interrupted")]
    Stopped,
}

impl ReadError {
    /// SHA-256 of the stored bytes, where they could be read to the end.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        self.sha256
    }

    /// Why, without the path.
    pub fn reason(&self) -> String {
        self.fault.to_string()
    }

    /// Inflated bytes before the fault.
    pub fn offset_bytes(&self) -> Option<u64> {
        match &self.fault {
            ReadFault::Truncated { offset_bytes, .. }
            | ReadFault::Corrupt { offset_bytes, .. }
            | ReadFault::Cut { offset_bytes, .. } => Some(*offset_bytes),
            ReadFault::OverCap { cap_bytes } => Some(*cap_bytes),
            ReadFault::Empty | ReadFault::EmptyStream | ReadFault::Foreign(_) | ReadFault::Other(_) => Some(0),
            ReadFault::Io(_) | ReadFault::Window(_) | ReadFault::Container | ReadFault::Known | ReadFault::Stopped => {
                None
            }
        }
    }
}

/// Inflated bytes that hold no CloudTrail events in any form that is known.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct FormError {
    /// Where it stops making sense, in inflated bytes.
    pub offset_bytes: u64,
    /// Why.
    pub reason: String,
    /// What it is, where it is a known other log: of another service, a digest.
    pub other: Option<&'static str>,
}

impl FormError {
    pub(super) fn new(offset_bytes: usize, reason: impl Into<String>) -> FormError {
        FormError { offset_bytes: offset_bytes as u64, reason: reason.into(), other: None }
    }

    /// Where it stops making sense, in inflated bytes.
    pub fn offset_bytes(&self) -> Option<u64> {
        Some(self.offset_bytes)
    }
}
