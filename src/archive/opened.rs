//! An object's bytes, opened: those of a file, or those that came from object storage.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use bytes::Bytes;

/// What is read from.
#[derive(Debug)]
pub(super) enum Opened {
    /// A file; one without a name where the object is large and lies in object storage.
    File(File),
    /// All of a small object.
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "files alone are opened"))]
    Bytes(Cursor<Bytes>),
}

impl Opened {
    /// How many bytes there are.
    pub fn len(&self) -> io::Result<u64> {
        match self {
            Opened::File(file) => Ok(file.metadata()?.len()),
            Opened::Bytes(bytes) => Ok(bytes.get_ref().len() as u64),
        }
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Opened::File(file) => file.read(buffer),
            Opened::Bytes(bytes) => bytes.read(buffer),
        }
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Opened::File(file) => file.read_to_end(buffer),
            Opened::Bytes(bytes) => bytes.read_to_end(buffer),
        }
    }
}

impl Seek for Opened {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Opened::File(file) => file.seek(to),
            Opened::Bytes(bytes) => bytes.seek(to),
        }
    }
}
