//! What stands in a container, as its headers say it, and what can be wrong with it.

use std::io;

use super::super::codec::Codec;

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    /// As it is written there.
    pub name: Vec<u8>,
    pub what: What,
    /// Bytes that it takes in the container; `None` where that shows at its end only.
    pub raw: Option<u64>,
    /// Its own bytes.
    pub size: Option<u64>,
    pub method: Method,
    /// Of its own bytes.
    pub crc: Option<u32>,
}

/// How an entry's bytes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    /// Stored, and what tells where it ends stands behind it.
    Sought,
    Packed(Codec),
}

/// What an entry is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    File,
    Folder,
    /// A link with what it leads to, a device, a pipe.
    NotFollowed(&'static str, Option<Vec<u8>>),
    /// A file that isn't read, and why.
    Refused(String),
}

/// Why a folder that has bytes isn't passed over.
pub(super) const FULL_FOLDER: &str = "its name is a folder's, but it has bytes\nhint: unpack it under another name";

/// What is wrong with a container.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where, in the container's own bytes.
    pub offset: u64,
    pub reason: String,
    /// Whether nothing more can be had of it.
    pub is_end: bool,
}

impl Fault {
    /// Nothing can be had behind it.
    pub fn end(offset: u64, reason: String) -> Fault {
        Fault { offset, reason, is_end: true }
    }

    /// What stands behind it can.
    pub fn passed(offset: u64, reason: String) -> Fault {
        Fault { offset, reason, is_end: false }
    }

    /// Reading came to an end there.
    pub fn of(error: &io::Error, offset: u64) -> Fault {
        Fault::end(offset, reason_of(error))
    }
}

/// Why reading a container came to an end, in words.
pub(super) fn reason_of(error: &io::Error) -> String {
    const WINDOW_HINT: &str = "hint: raise --memory-limit, or pack it anew with a smaller window";
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "truncated: it breaks off\nhint: copy it again".to_owned(),
        io::ErrorKind::OutOfMemory => format!("{error}\n{WINDOW_HINT}"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => format!("corrupt: {error}\nhint: copy it again"),
        io::ErrorKind::QuotaExceeded | io::ErrorKind::Unsupported => error.to_string(),
        _ if error.raw_os_error().is_some() => format!("can't be read: {error}"),
        _ => format!("corrupt: {error}\nhint: copy it again"),
    }
}
