//! Checksums of data files: what their bytes were when they were written, so that no flipped bit gives a wrong answer.
//!
//! The catalog has for each file its SHA-256, for an auditor, and a CRC-32 of each block, for every read: a reader
//! takes whole blocks and compares them, whether they hold pages, headers, indexes or the footer. Parquet's own page
//! checksums leave out all but the pages, and no version of the `parquet` crate writes them.
//!
//! Blocks are read, not mapped: a disk that can't give its bytes is an error here, and would end the process there.
//! Both take the same time: 300 MB in reads of 16 KiB 0.07 s, in reads of 1 MiB 0.05 s (in the page cache, one core of
//! an AMD EPYC).

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::retired_files;

/// Bytes of a block that new files are written with.
const BLOCK_BYTES: usize = 16 << 10;

/// A file of this size at the most is read at once: pages of many columns would have many reads.
const WHOLE_BYTES: u64 = 256 << 10;

/// What a file's bytes were when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChecks {
    /// Of all bytes.
    pub sha256: [u8; 32],
    /// How many bytes.
    pub size_bytes: u64,
    pub(super) block_bytes: u32,
    /// CRC-32 of each block, little-endian.
    pub(super) blocks: Vec<u8>,
}

impl FileChecks {
    /// What the catalog says; `None` where it can't be meant.
    pub(super) fn new(sha256: [u8; 32], size_bytes: u64, block_bytes: u32, blocks: Vec<u8>) -> Option<FileChecks> {
        let count = size_bytes.div_ceil(u64::from(block_bytes.max(1)));
        let fits = block_bytes > 0 && blocks.len() as u64 == count * 4;
        fits.then_some(FileChecks { sha256, size_bytes, block_bytes, blocks })
    }

    fn crc(&self, block: u64) -> Option<u32> {
        let at = usize::try_from(block).ok()?.checked_mul(4)?;
        self.blocks.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes))
    }
}

/// An output that takes the checksums of what is written.
pub(super) struct Checking<W> {
    out: W,
    sha256: Sha256,
    crc: libdeflater::Crc,
    in_block: usize,
    size_bytes: u64,
    blocks: Vec<u8>,
}

impl<W> Checking<W> {
    pub fn new(out: W) -> Checking<W> {
        let (sha256, crc) = (Sha256::new(), libdeflater::Crc::new());
        Checking { out, sha256, crc, in_block: 0, size_bytes: 0, blocks: Vec::new() }
    }

    fn note(&mut self, mut bytes: &[u8]) {
        self.sha256.update(bytes);
        self.size_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.in_block));
            self.crc.update(now);
            self.in_block += now.len();
            if self.in_block == BLOCK_BYTES {
                self.end_block();
            }
            bytes = later;
        }
    }

    fn end_block(&mut self) {
        self.blocks.extend(self.crc.sum().to_le_bytes());
        self.crc = libdeflater::Crc::new();
        self.in_block = 0;
    }

    /// The checksums of all that was written.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    pub fn checks(&mut self) -> FileChecks {
        if self.in_block > 0 {
            self.end_block();
        }
        FileChecks {
            sha256: self.sha256.clone().finalize().into(),
            size_bytes: self.size_bytes,
            block_bytes: BLOCK_BYTES as u32,
            blocks: std::mem::take(&mut self.blocks),
        }
    }
}

impl<W: Write> Write for Checking<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.note(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file of the store that can be read: where it is, what it was, of which day it is.
pub trait Stored: Sync {
    /// Where it was when the snapshot was read.
    fn path(&self) -> &Path;

    /// What its bytes were; `None`: nobody took note.
    fn checks(&self) -> Option<&Arc<FileChecks>> {
        None
    }

    /// The day of its rows, days since 1970-01-01.
    fn event_date(&self) -> Option<i32> {
        None
    }
}

impl Stored for Path {
    fn path(&self) -> &Path {
        self
    }
}

impl Stored for PathBuf {
    fn path(&self) -> &Path {
        self
    }
}

impl<S: Stored + ?Sized> Stored for &S {
    fn path(&self) -> &Path {
        (**self).path()
    }

    fn checks(&self) -> Option<&Arc<FileChecks>> {
        (**self).checks()
    }

    fn event_date(&self) -> Option<i32> {
        (**self).event_date()
    }
}

/// An open file whose blocks are compared as they are read. Clones share it.
#[derive(Clone)]
pub struct CheckedFile(Arc<Open>);

impl fmt::Debug for CheckedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckedFile").field(&self.0.path).finish()
    }
}

struct Open {
    file: File,
    path: PathBuf,
    event_date: Option<i32>,
    size_bytes: u64,
    checks: Option<Arc<FileChecks>>,
    /// All of a small file.
    whole: OnceLock<Bytes>,
    /// What went wrong first: libraries wrap errors until they are not to be recognised.
    failed: Mutex<Option<StoreError>>,
}

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    Wait,
    NotWait,
}

/// Fills `bytes` from the page cache, or fails.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let mut rest = [io::IoSliceMut::new(rest)];
        match preadv2(file, &mut rest, start + filled as u64, ReadWriteFlags::NOWAIT)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => filled += more,
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}

impl CheckedFile {
    /// Opens a file. A commit may have replaced it since the snapshot was read.
    ///
    /// # Errors
    /// A file that isn't there, is a link, or has another size than it had.
    pub fn open(stored: &(impl Stored + ?Sized)) -> Result<CheckedFile, StoreError> {
        let path = stored.path();
        let file = retired_files::open(path)?;
        let size_bytes = file.metadata().map_err(StoreError::io(path, "cannot stat"))?.len();
        let open = CheckedFile(Arc::new(Open {
            file,
            path: path.to_owned(),
            event_date: stored.event_date(),
            size_bytes,
            checks: stored.checks().cloned(),
            whole: OnceLock::new(),
            failed: Mutex::new(None),
        }));
        match &open.0.checks {
            Some(checks) if checks.size_bytes != size_bytes => {
                let what = format!("it has {size_bytes} bytes and had {} when it was written", checks.size_bytes);
                Err(open.damaged(what))
            }
            _ => Ok(open),
        }
    }

    /// Its size.
    pub fn size_bytes(&self) -> u64 {
        self.0.size_bytes
    }

    /// What an error of a library was: what went wrong first, if it was in reading.
    pub(super) fn explain(&self, error: impl Into<ParquetError>) -> StoreError {
        match self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(failed) => failed,
            None => StoreError::Parquet { path: self.0.path.clone(), source: error.into() },
        }
    }

    fn damaged(&self, what: String) -> StoreError {
        StoreError::Damaged { path: self.0.path.clone(), event_date: self.0.event_date, what }
    }

    fn read_raw(&self, start: u64, length: usize, may: May) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        match may {
            May::Wait => self.0.file.read_exact_at(&mut bytes, start)?,
            May::NotWait => read_cached(&self.0.file, &mut bytes, start)?,
        }
        Ok(bytes)
    }

    /// Whole blocks from `first` on, compared.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    fn read_blocks(&self, checks: &FileChecks, first: u64, count: u64, may: May) -> Result<Vec<u8>, StoreError> {
        let block_bytes = u64::from(checks.block_bytes);
        let start = first * block_bytes;
        let length = (count * block_bytes).min(self.0.size_bytes.saturating_sub(start));
        let bytes = self.read_raw(start, length as usize, may).map_err(StoreError::io(&self.0.path, "cannot read"))?;
        for (block, bytes) in (first..).zip(bytes.chunks(checks.block_bytes as usize)) {
            if checks.crc(block) != Some(libdeflater::crc32(bytes)) {
                let at = block * block_bytes;
                return Err(self.damaged(format!("bytes {at} to {} are not what was written", at + bytes.len() as u64)));
            }
        }
        Ok(bytes)
    }

    /// Bytes from `start` on.
    ///
    /// # Errors
    /// The disk, an end before `length`, or damage.
    pub fn read(&self, start: u64, length: usize) -> Result<Bytes, StoreError> {
        self.read_as(start, length, May::Wait)
    }

    /// The same without waiting for the disk; `None` where that can't be.
    ///
    /// # Errors
    /// An end before `length`, or damage.
    pub fn read_now(&self, start: u64, length: usize) -> Result<Option<Bytes>, StoreError> {
        match self.read_as(start, length, May::NotWait) {
            // Whatever is wrong with the disk, who waits is told.
            Err(StoreError::Io { .. }) => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    fn read_as(&self, start: u64, length: usize, may: May) -> Result<Bytes, StoreError> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.0.size_bytes);
        let Some(end) = end else {
            return Err(self.damaged(format!("it ends before byte {}", start.saturating_add(length as u64))));
        };
        let Some(checks) = &self.0.checks else {
            return Ok(self.read_raw(start, length, may).map_err(StoreError::io(&self.0.path, "cannot read"))?.into());
        };
        let block_bytes = u64::from(checks.block_bytes);
        let (first, behind) = match self.0.size_bytes <= WHOLE_BYTES {
            true => (0, self.0.size_bytes.div_ceil(block_bytes)),
            false => (start / block_bytes, end.div_ceil(block_bytes)),
        };
        let offset = (start - first * block_bytes) as usize;
        if let Some(whole) = self.0.whole.get() {
            return Ok(whole.slice(offset..offset + length));
        }
        let bytes = Bytes::from(self.read_blocks(checks, first, behind.saturating_sub(first), may)?);
        if self.0.size_bytes <= WHOLE_BYTES {
            let _ = self.0.whole.set(bytes.clone());
        }
        Ok(bytes.slice(offset..offset + length))
    }

    /// Reads all of it, and compares it with what it was: its blocks, and its SHA-256.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    pub(super) fn verify(&self) -> Result<(), StoreError> {
        let Some(checks) = &self.0.checks else { return Ok(()) };
        let (step, mut at, mut sha256) = (1 << 20, 0, Sha256::new());
        while at < self.0.size_bytes {
            let bytes = self.read(at, (self.0.size_bytes - at).min(step) as usize)?;
            sha256.update(&bytes);
            at += bytes.len() as u64;
        }
        match <[u8; 32]>::from(sha256.finalize()) == checks.sha256 {
            true => Ok(()),
            false => Err(self.damaged("its SHA-256 is not the one that was recorded when it was written".to_owned())),
        }
    }

    fn for_parquet(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.read(start, length).map_err(|error| {
            let mut failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
            if failed.is_none() {
                *failed = error.again();
            }
            ParquetError::External(Box::new(error))
        })
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.0.size_bytes
    }
}

impl ChunkReader for CheckedFile {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> ParquetResult<CheckedRead> {
        Ok(CheckedRead { file: self.clone(), at: start, bytes: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.for_parquet(start, length)
    }
}

/// Bytes that [`CheckedRead`] takes at once: page headers are short.
const READ_BYTES: u64 = 4 << 10;

/// A file read from some place on.
pub struct CheckedRead {
    file: CheckedFile,
    at: u64,
    bytes: Bytes,
}

impl Read for CheckedRead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            let left = self.file.size_bytes().saturating_sub(self.at);
            self.bytes = self.file.for_parquet(self.at, left.min(READ_BYTES) as usize).map_err(io::Error::other)?;
            self.at += self.bytes.len() as u64;
        }
        let now = self.bytes.split_to(out.len().min(self.bytes.len()));
        if let Some(out) = out.get_mut(..now.len()) {
            out.copy_from_slice(&now);
        }
        Ok(now.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct File_(PathBuf, Arc<FileChecks>);

    impl Stored for File_ {
        fn path(&self) -> &Path {
            &self.0
        }

        fn checks(&self) -> Option<&Arc<FileChecks>> {
            Some(&self.1)
        }
    }

    /// A file of so many bytes, written in odd pieces.
    fn written(folder: &Path, size: usize) -> (File_, Vec<u8>) {
        let bytes: Vec<u8> = (0..size).map(|i| (i * 7 + i / 251) as u8).collect();
        let path = folder.join(format!("{size}"));
        let mut out = Checking::new(File::create(&path).unwrap());
        bytes.chunks(4_099).for_each(|chunk| out.write_all(chunk).unwrap());
        let checks = out.checks();
        assert_eq!(checks.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
        let FileChecks { sha256, size_bytes, block_bytes, blocks } = checks.clone();
        assert_eq!(FileChecks::new(sha256, size_bytes, block_bytes, blocks), Some(checks.clone()));
        (File_(path, Arc::new(checks)), bytes)
    }

    #[test]
    fn what_was_written_is_read_and_every_flipped_bit_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, WHOLE_BYTES as usize + 5] {
            let (stored, bytes) = written(folder.path(), size);
            let file = CheckedFile::open(&stored).unwrap();
            file.verify().unwrap();
            for (start, end) in [(0, size), (size / 2, size), (size / 3, size / 2), (size.saturating_sub(8), size)] {
                assert_eq!(file.read(start as u64, end - start).unwrap(), &bytes[start..end], "{size} {start} {end}");
            }
            let mut read = Vec::new();
            file.get_read(0).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(read, bytes);
            assert!(file.read(size as u64, 1).is_err() && file.read(u64::MAX, 1).is_err());
            for at in [0, size / 2, size.saturating_sub(1)].into_iter().filter(|at| *at < size) {
                let mut bytes = bytes.clone();
                bytes[at] ^= 4;
                std::fs::write(&stored.0, bytes).unwrap();
                let file = CheckedFile::open(&stored).unwrap();
                let error = file.read(at as u64, 1).unwrap_err().to_string();
                assert!(error.contains("are not what was written"), "{error}");
                file.verify().unwrap_err();
            }
            std::fs::write(&stored.0, &bytes[..size.saturating_sub(1)]).unwrap();
            assert_eq!(CheckedFile::open(&stored).is_err(), size > 0);
        }
    }
}
