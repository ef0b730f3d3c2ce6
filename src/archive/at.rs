//! Where an object's bytes are: in a file, or in object storage.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::Stored;
use super::error::ReadFault;
use super::opened::Opened;
use super::remote::is_remote;

/// Where an object is read from. The path of an object in S3 is its name alone: no file is opened by it.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// What it is called; a file is opened by it.
    pub path: &'a Path,
    stored: Option<&'a Stored>,
}

impl<'a> At<'a> {
    /// An object of this path, or what lies in object storage.
    pub fn new(path: &'a Path, stored: Option<&'a Stored>) -> At<'a> {
        At { path, stored }
    }

    /// Opens it.
    pub(super) fn open(self) -> Result<Opened, ReadFault> {
        match self.stored {
            Some(stored) => stored.open(),
            None => Ok(Opened::File(self.file()?)),
        }
    }

    fn file(self) -> io::Result<File> {
        if is_remote(self.path) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it lies in object storage, which is not asked here"));
        }
        File::open(self.path)
    }

    /// Two files that have its bytes and are read each for itself.
    pub(super) fn files(self) -> Result<(File, File), ReadFault> {
        match self.stored {
            Some(stored) => stored.files(),
            None => Ok((self.file()?, self.file()?)),
        }
    }

    /// Its first bytes, up to so many. `None` where they can't be had.
    pub(super) fn first(self, bytes: u64) -> Option<Vec<u8>> {
        let mut first = Vec::new();
        match self.stored {
            Some(stored) => return stored.range(0, bytes.min(stored.size_bytes())),
            None => self.file().ok()?.take(bytes).read_to_end(&mut first).ok()?,
        };
        Some(first)
    }

    /// The object in object storage, if it is one.
    pub(super) fn stored(self) -> Option<&'a Stored> {
        self.stored
    }

    /// When it was changed last, microseconds since 1970.
    pub fn modified_us(self) -> Option<i64> {
        match self.stored {
            Some(stored) => Some(stored.modified_us()),
            None if is_remote(self.path) => None,
            None => modified_us(&self.path.metadata().ok()?),
        }
    }

    /// Its size.
    ///
    /// # Errors
    /// It can't be asked.
    pub fn size_bytes(self) -> io::Result<u64> {
        match self.stored {
            Some(stored) => Ok(stored.size_bytes()),
            None => Ok(self.file()?.metadata()?.len()),
        }
    }
}

/// When a file was changed last, microseconds since 1970.
pub fn modified_us(metadata: &fs::Metadata) -> Option<i64> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(modified.as_micros()).ok()
}

impl<'a> From<&'a Path> for At<'a> {
    fn from(path: &'a Path) -> At<'a> {
        At { path, stored: None }
    }
}

impl<'a> From<&'a PathBuf> for At<'a> {
    fn from(path: &'a PathBuf) -> At<'a> {
        At { path, stored: None }
    }
}

/// The same, owned.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it is called.
    pub path: PathBuf,
    /// Where it lies in object storage, if it does.
    pub stored: Option<Stored>,
}

impl Place {
    /// To be read from.
    pub fn at(&self) -> At<'_> {
        At::new(&self.path, self.stored.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anybody may choose a key. A local file of the same name is never opened for it.
    #[test]
    fn what_lies_in_object_storage_is_never_opened_as_a_file() {
        for path in ["s3://bucket/key", "s3://../../etc/hostname"] {
            let at = At::from(Path::new(path));
            let error = at.open().expect_err("no file").to_string();
            assert!(error.contains("object storage") && at.first(1).is_none() && at.modified_us().is_none(), "{error}");
        }
    }
}
