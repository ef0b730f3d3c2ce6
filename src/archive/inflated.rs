//! The SHA-256 of an object's inflated bytes, for those who want to know whether it is what it was and nothing else.

use std::io::{self, BufRead, BufReader, Read as _, Write};

use sha2::{Digest, Sha256};

use super::at::At;
use super::codec::{Codec, Inflating, WINDOW_MAX_BYTES};
use super::error::{ReadError, ReadFault};
use super::members::Gap;
use super::read::{Buffers, fault_of, read};

/// Objects with more stored bytes are hashed piece by piece.
const WHOLE_MAX_BYTES: u64 = 8 << 20;

/// So are objects that have more once inflated. Ordinary ones have less, and are inflated sooner whole.
const INFLATED_MAX_BYTES: u64 = 64 << 20;

/// SHA-256 of the inflated bytes. In memory are at the most 64 MiB of them, however many they are.
///
/// What is compressed more than once is inflated down to its text, as [`super::read()`] does, unless it is large.
///
/// # Errors
/// As [`super::read()`]; an object of which only parts are sound as well.
pub fn inflated_digest<'a>(
    at: impl Into<At<'a>>,
    buffers: &mut Buffers,
    cap_bytes: u64,
) -> Result<[u8; 32], ReadError> {
    let at = at.into();
    let fail = |fault| ReadError { path: at.path.to_owned(), sha256: None, fault };
    let stored_bytes = at.size_bytes().map_err(|error| fail(ReadFault::Io(error)))?;
    if stored_bytes <= WHOLE_MAX_BYTES {
        match read(at, buffers, INFLATED_MAX_BYTES.min(cap_bytes)) {
            Ok(read) => {
                let sha256 = Sha256::digest(&read.bytes).into();
                buffers.recycle(read.bytes);
                return match read.gaps.first() {
                    None => Ok(sha256),
                    Some(gap) => Err(fail(gap_fault(gap, stored_bytes))),
                };
            }
            Err(ReadError { fault: ReadFault::OverCap { .. }, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    stream(at, cap_bytes).map_err(fail)
}

fn gap_fault(gap: &Gap, stored_bytes: u64) -> ReadFault {
    let offset_bytes = gap.offset_bytes;
    match gap.reason.strip_prefix("corrupt: ") {
        None if gap.is_over_cap() => ReadFault::Window(gap.reason.clone()),
        Some(reason) => ReadFault::Corrupt { offset_bytes, reason: reason.to_owned() },
        None => ReadFault::Truncated { offset_bytes, stored_bytes },
    }
}

fn stream(at: At<'_>, cap_bytes: u64) -> Result<[u8; 32], ReadFault> {
    let opened = at.open()?;
    let stored_bytes = opened.len()?;
    stream_digest(BufReader::with_capacity(1 << 20, opened), stored_bytes, cap_bytes)
}

/// SHA-256 of the inflated bytes of what a reader gives.
///
/// # Errors
/// As [`inflated_digest`].
pub fn stream_digest(mut reader: impl BufRead, stored_bytes: u64, cap_bytes: u64) -> Result<[u8; 32], ReadFault> {
    let first = reader.fill_buf()?;
    let mut hashed = Hashed { hasher: Sha256::new(), bytes: 0 };
    match Codec::of(first) {
        Some(codec) => {
            hashed.take(&mut Inflating::new(codec, reader, WINDOW_MAX_BYTES)?, stored_bytes, cap_bytes)?;
        }
        None => hashed.take(&mut reader, stored_bytes, cap_bytes)?,
    }
    Ok(hashed.hasher.finalize().into())
}

struct Hashed {
    hasher: Sha256,
    bytes: u64,
}

impl Hashed {
    fn take(&mut self, from: &mut impl io::Read, stored_bytes: u64, cap_bytes: u64) -> Result<(), ReadFault> {
        // One byte more, to tell the cap reached from the cap passed.
        let room_bytes = (cap_bytes - self.bytes).saturating_add(1);
        let outcome = io::copy(&mut from.take(room_bytes), self);
        let offset_bytes = self.bytes;
        match outcome {
            _ if offset_bytes > cap_bytes => Err(ReadFault::OverCap { cap_bytes }),
            Ok(_) => Ok(()),
            Err(error) => Err(fault_of(error, offset_bytes, stored_bytes)),
        }
    }
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_digest_is_of_the_inflated_bytes_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let text = b"{\"Records\":[]}".repeat(1_000);
        let expected: [u8; 32] = Sha256::digest(&text).into();
        let two = [gzip(&text[..99]), gzip(&text[99..])].concat();
        for stored in [text.clone(), gzip(&text), two, zstd::encode_all(&*text, 1).unwrap()] {
            fs::write(&path, stored).unwrap();
            let whole = inflated_digest(&path, &mut Buffers::default(), 1 << 30).unwrap();
            assert_eq!(whole, expected);
            assert_eq!(stream((&path).into(), text.len() as u64).unwrap(), expected);
            assert!(matches!(stream((&path).into(), text.len() as u64 - 1), Err(ReadFault::OverCap { .. })));
            let over = inflated_digest(&path, &mut Buffers::default(), 100).unwrap_err();
            assert!(matches!(over.fault, ReadFault::OverCap { .. }));
        }
        for stored in [&gzip(&text)[..40], b"", &[gzip(&text), b"more".to_vec()].concat()] {
            fs::write(&path, stored).unwrap();
            assert!(inflated_digest(&path, &mut Buffers::default(), 1 << 30).is_err());
        }
        assert!(inflated_digest(&folder.path().join("none"), &mut Buffers::default(), 1 << 30).is_err());
    }
}
