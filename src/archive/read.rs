//! An object's bytes, inflated, with the SHA-256 of what is stored. Which compression it has, its first bytes tell.
//!
//! Objects are read, not mapped. A mapped file that somebody shortens while it is read ends the process (SIGBUS), and
//! so does a disk that can't give its bytes; an archive is other people's. Nor is a map faster: secrets are masked in
//! the bytes, so they need room of their own. 300 MB of plain JSON with their SHA-256 take 0.43 s read and 0.49 s
//! mapped (in the page cache, one core of an AMD EPYC); objects of 250 KB take the same, those of 2 KB a quarter
//! longer.
//!
//! An object of one gzip member, which is what CloudTrail writes, is inflated by libdeflate in one go; what that cannot
//! do (several members, a wrong size in the trailer, objects too large to hold twice) is inflated as a stream.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use flate2::bufread::GzDecoder;
use libdeflater::{DecompressionError, Decompressor};
use memchr::memmem;
use sha2::{Digest, Sha256};

use super::error::{ReadError, ReadFault};
use super::forms::implausible;
use super::members::{self, GZIP_MAGIC, Gap, ZSTD_MAGIC};
use super::parquet;

/// Stored size above which an object is inflated as a stream, so that it isn't in memory twice.
const STREAM_MIN_BYTES: u64 = 64 << 20;

/// A deflate stream grows by this factor at the most (zlib's documentation, "Maximum Compression Factor").
const DEFLATE_GROWTH_MAX: u64 = 1032;

/// Room for stored bytes that is kept between objects.
const KEPT_BYTES: usize = 8 << 20;

/// Likewise for inflated bytes, where nobody says less.
const INFLATED_KEPT_BYTES: usize = 64 << 20;

/// Compressions that lie in one another at the most.
const NESTED_MAX: usize = 3;

/// What is reused from one object to the next. One a thread.
pub struct Buffers {
    stored: Vec<u8>,
    /// By capacity.
    inflated: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Of all of them, and how many are kept.
    inflated_bytes: usize,
    kept_bytes: usize,
    decompressor: Decompressor,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers::keeping(INFLATED_KEPT_BYTES)
    }
}

impl Buffers {
    /// Buffers that keep so much room for inflated bytes: more than is in use at once is for nothing.
    pub fn keeping(kept_bytes: usize) -> Buffers {
        Buffers {
            stored: Vec::new(),
            inflated: BTreeMap::new(),
            inflated_bytes: 0,
            kept_bytes: kept_bytes.min(INFLATED_KEPT_BYTES),
            decompressor: Decompressor::new(),
        }
    }

    /// Gives the room of inflated bytes back, for a later object. Saves clearing fresh memory.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        if self.inflated_bytes + bytes.capacity() <= self.kept_bytes && bytes.capacity() > 0 {
            self.inflated_bytes += bytes.capacity();
            self.inflated.entry(bytes.capacity()).or_default().push(bytes);
        }
    }

    fn keep_stored(&mut self, mut stored: Vec<u8>) {
        stored.clear();
        stored.shrink_to(KEPT_BYTES);
        self.stored = stored;
    }

    /// Lets go of all room, where every byte is needed.
    pub fn clear(&mut self) {
        (self.stored, self.inflated, self.inflated_bytes) = (Vec::new(), BTreeMap::new(), 0);
    }

    /// `len` bytes of any content.
    fn room(&mut self, len: usize) -> Vec<u8> {
        // Room that is much too large would be held, but not counted, by whoever holds the bytes.
        let fitting = self.inflated.range_mut(len..=len.saturating_mul(2)).next();
        let Some((capacity, mut rooms)) = fitting.map(|(capacity, rooms)| (*capacity, std::mem::take(rooms))) else {
            return vec![0; len];
        };
        let room = rooms.pop();
        if rooms.is_empty() {
            self.inflated.remove(&capacity);
        } else {
            self.inflated.insert(capacity, rooms);
        }
        self.inflated_bytes -= room.as_ref().map_or(0, Vec::capacity);
        let mut room = room.unwrap_or_default();
        room.resize(len, 0);
        room
    }
}

/// An object's bytes.
#[derive(Debug)]
pub struct Read {
    /// Inflated, where it was compressed.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes as stored.
    pub sha256: [u8; 32],
    /// Size as stored.
    pub size_bytes: u64,
    /// Where a part of the compressed bytes could not be inflated.
    pub gaps: Vec<Gap>,
}

/// Reads one log object: gzip, zstd or plain. Of one that is not sound as a whole what is sound is given, with its
/// gaps.
///
/// # Errors
/// Unreadable, empty, truncated or corrupt from the first byte on, over `cap_bytes` once inflated (its reason begins
/// with [`super::OVER_CAP`]), or neither compressed nor text.
pub fn read(path: &Path, buffers: &mut Buffers, cap_bytes: u64) -> Result<Read, ReadError> {
    read_unless(path, buffers, cap_bytes, &|_| false)
}

/// The same; an object whose SHA-256 is known is not inflated: [`ReadFault::Known`].
#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
pub fn read_unless(
    path: &Path,
    buffers: &mut Buffers,
    cap_bytes: u64,
    is_known: &dyn Fn(&[u8; 32]) -> bool,
) -> Result<Read, ReadError> {
    let fail = |sha256, fault| ReadError { path: path.to_owned(), sha256, fault };
    let unread = |error: io::Error| fail(None, ReadFault::Io(error));
    let mut file = File::open(path).map_err(unread)?;
    let size_bytes = file.metadata().map_err(unread)?.len();
    if size_bytes > STREAM_MIN_BYTES {
        if is_known(&digest(path)?) {
            return Err(fail(None, ReadFault::Known));
        }
        return read_stream(file, cap_bytes).map_err(|(sha256, fault)| fail(sha256, fault));
    }
    let mut stored = std::mem::take(&mut buffers.stored);
    stored.clear();
    // One byte more than expected, so that the end is found without growing.
    stored.reserve(size_bytes as usize + 1);
    // A file that grows while it is read is read as far as it may be held.
    let outcome = match (&mut file).take(STREAM_MIN_BYTES + 1).read_to_end(&mut stored) {
        Ok(_) => {
            let sha256 = Sha256::digest(&stored).into();
            if is_known(&sha256) {
                buffers.keep_stored(stored);
                return Err(fail(Some(sha256), ReadFault::Known));
            }
            match inflate(&stored, buffers, cap_bytes) {
                Ok((bytes, gaps)) => Ok(Read { bytes, sha256, size_bytes: stored.len() as u64, gaps }),
                Err(fault) => Err(fail(Some(sha256), fault)),
            }
        }
        Err(error) => Err(unread(error)),
    };
    buffers.keep_stored(stored);
    outcome
}

/// Whether an object may hold events, by the names of fields in its first bytes: for what its name says to be something
/// else. What can't be looked at may.
pub fn may_hold_events(path: &Path) -> bool {
    first_bytes(path).is_none_or(|mut bytes| {
        // UTF-16 has a zero beside every letter.
        bytes.retain(|byte| *byte != 0);
        bytes.make_ascii_lowercase();
        let has = |name: &[u8]| memmem::find(&bytes, name).is_some();
        has(b"eventsource") && has(b"eventname")
            || has(b"event source") && has(b"event name")
            || has(b"\"class_uid\"") && has(b"\"operation\"")
    })
}

/// Likewise whether it may be a digest.
pub fn may_be_digest(path: &Path) -> bool {
    first_bytes(path).is_some_and(|bytes| {
        let has = |name: &[u8]| memmem::find(&bytes, name).is_some();
        has(b"\"digestStartTime\"") && has(b"\"digestS3Object\"")
    })
}

fn first_bytes(path: &Path) -> Option<Vec<u8>> {
    const STORED: u64 = 128 << 10;
    const INFLATED: u64 = 512 << 10;
    let (mut stored, mut bytes) = (Vec::new(), Vec::new());
    File::open(path).ok()?.take(STORED).read_to_end(&mut stored).ok()?;
    // It ends early, because it was cut: what came before is what is looked at.
    if stored.starts_with(GZIP_MAGIC) {
        let _ = GzDecoder::new(stored.as_slice()).take(INFLATED).read_to_end(&mut bytes);
    } else if stored.starts_with(ZSTD_MAGIC) {
        let _ = zstd::Decoder::new(stored.as_slice()).ok()?.take(INFLATED).read_to_end(&mut bytes);
    } else {
        bytes = stored;
    }
    Some(bytes)
}

/// Bytes that an object says it has once inflated: what stands at the end of gzip, of several members the last one's,
/// modulo 4 GiB; of other objects their size. `None` where it can't be read.
pub fn said_size(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let (mut begin, mut end) = ([0; 2], [0; 4]);
    file.read_exact(&mut begin).ok()?;
    if begin != GZIP_MAGIC {
        return file.metadata().ok().map(|metadata| metadata.len());
    }
    file.seek(SeekFrom::End(-4)).ok()?;
    file.read_exact(&mut end).ok()?;
    Some(u64::from(u32::from_le_bytes(end)))
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of an object's bytes as stored.
///
/// # Errors
/// Unreadable.
pub fn digest(path: &Path) -> Result<[u8; 32], ReadError> {
    let hash = || {
        let mut reader = Hashing { inner: File::open(path)?, hasher: Sha256::new() };
        io::copy(&mut reader, &mut io::sink())?;
        Ok(reader.hasher.finalize().into())
    };
    hash().map_err(|error| ReadError { path: path.to_owned(), sha256: None, fault: ReadFault::Io(error) })
}

/// Inflates an object that is in memory, and what is compressed within it.
pub(super) fn inflate(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    let (mut bytes, mut gaps) = inflate_sound(stored, buffers, cap_bytes)?;
    for _ in 1..NESTED_MAX {
        if !is_compressed(&bytes) {
            break;
        }
        let (inner, inner_gaps) = inflate_sound(&bytes, buffers, cap_bytes)?;
        // Where it is missing, the inner one knows; where that is sound nothing of it is.
        (bytes, gaps) = (inner, inner_gaps);
    }
    if parquet::is_form(&bytes) { parquet::json_lines(bytes, cap_bytes) } else { Ok((bytes, gaps)) }
}

/// The same, once; of what is compressed and unsound the sound parts.
fn inflate_sound(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    match inflate_once(stored, buffers, cap_bytes) {
        Err(fault @ (ReadFault::Truncated { .. } | ReadFault::Corrupt { .. })) => {
            members::salvage(stored, cap_bytes, fault)
        }
        inflated => Ok((inflated?, Vec::new())),
    }
}

/// Whether bytes begin like something compressed; of gzip with its one method.
fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 8]) || bytes.starts_with(ZSTD_MAGIC)
}

fn inflate_once(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<Vec<u8>, ReadFault> {
    if stored.starts_with(ZSTD_MAGIC) {
        let mut bytes = Vec::new();
        return inflate_zstd(stored, stored.len() as u64, cap_bytes, &mut bytes).map(|()| bytes);
    }
    if !stored.starts_with(GZIP_MAGIC) {
        is_text(stored)?;
        if stored.len() as u64 > cap_bytes {
            return Err(ReadFault::OverCap { cap_bytes });
        }
        let mut bytes = buffers.room(stored.len());
        bytes.copy_from_slice(stored);
        return Ok(bytes);
    }
    let bytes = match inflate_one_member(stored, buffers, cap_bytes)? {
        Some(bytes) => bytes,
        None => {
            let mut bytes = Vec::new();
            inflate_members(&mut { stored }, stored.len() as u64, cap_bytes, &mut bytes)?;
            bytes
        }
    };
    if bytes.is_empty() { Err(ReadFault::EmptyStream) } else { Ok(bytes) }
}

/// Inflates by libdeflate; `None` when the object isn't just one sound gzip member.
#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
fn inflate_one_member(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<Option<Vec<u8>>, ReadFault> {
    let Some(trailer) = stored.last_chunk::<8>() else { return Ok(None) };
    let [.., a, b, c, d] = *trailer;
    let expected_bytes = u64::from(u32::from_le_bytes([a, b, c, d]));
    // The size is what the object says; nothing is set aside that so many stored bytes can't fill.
    if expected_bytes > (stored.len() as u64).saturating_mul(DEFLATE_GROWTH_MAX) {
        return Ok(None);
    }
    if expected_bytes > cap_bytes {
        return Err(ReadFault::OverCap { cap_bytes });
    }
    let mut room = buffers.room(expected_bytes as usize);
    match buffers.decompressor.gzip_decompress(stored, &mut room) {
        Ok(len) if len as u64 == expected_bytes && is_all_of(stored, trailer, &room) => Ok(Some(room)),
        Ok(_) | Err(DecompressionError::BadData | DecompressionError::InsufficientSpace) => {
            buffers.recycle(room);
            Ok(None)
        }
    }
}

/// Whether the first gzip member, which inflated to `inflated`, is the whole object.
///
/// libdeflate stops at the end of the first member and doesn't say where that is. There stand the checksum and the
/// size of what was inflated; so if these stand at the object's end and nowhere before, the member ends there.
fn is_all_of(stored: &[u8], trailer: &[u8; 8], inflated: &[u8]) -> bool {
    let [a, b, c, d, ..] = *trailer;
    u32::from_le_bytes([a, b, c, d]) == libdeflater::crc32(inflated)
        && memmem::find(stored, trailer).is_some_and(|at| at + trailer.len() == stored.len())
}

/// Reads a large object piece by piece.
fn read_stream(file: File, cap_bytes: u64) -> Result<Read, (Option<[u8; 32]>, ReadFault)> {
    let unread = |error| (None, ReadFault::Io(error));
    let size_bytes = file.metadata().map_err(unread)?.len();
    let mut reader = BufReader::with_capacity(1 << 20, Hashing { inner: file, hasher: Sha256::new() });
    let first = reader.fill_buf().map_err(unread)?;
    let mut bytes = Vec::new();
    let inflated = if first.starts_with(GZIP_MAGIC) {
        inflate_members(&mut reader, size_bytes, cap_bytes, &mut bytes)
    } else if first.starts_with(ZSTD_MAGIC) {
        inflate_zstd(&mut reader, size_bytes, cap_bytes, &mut bytes)
    } else {
        let is_plain = is_text(first).and_then(|()| match implausible(first) {
            Some(reason) if !parquet::is_form(first) => Err(ReadFault::Foreign(reason)),
            _ => Ok(()),
        });
        is_plain.and_then(|()| read_plain(&mut reader, size_bytes, cap_bytes, &mut bytes))
    };
    // After a fault as well: the digest is of the whole object.
    io::copy(&mut reader, &mut io::sink()).map_err(unread)?;
    let sha256 = reader.into_inner().hasher.finalize().into();
    match inflated {
        Ok(()) if parquet::is_form(&bytes) => match parquet::json_lines(bytes, cap_bytes) {
            Ok((bytes, gaps)) => Ok(Read { bytes, sha256, size_bytes, gaps }),
            Err(fault) => Err((Some(sha256), fault)),
        },
        Ok(()) => Ok(Read { bytes, sha256, size_bytes, gaps: Vec::new() }),
        // What breaks off gives what came before; in memory are its inflated bytes alone, so that none is looked for
        // behind a fault within.
        Err(fault @ ReadFault::Truncated { offset_bytes, .. }) if !bytes.is_empty() => {
            let gaps = vec![Gap { offset_bytes, reason: fault.to_string() }];
            Ok(Read { bytes, sha256, size_bytes, gaps })
        }
        Err(fault) => Err((Some(sha256), fault)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
fn read_plain(
    reader: &mut impl BufRead,
    size_bytes: u64,
    cap_bytes: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), ReadFault> {
    if size_bytes > cap_bytes {
        return Err(ReadFault::OverCap { cap_bytes });
    }
    bytes.reserve(size_bytes as usize);
    reader.take(cap_bytes).read_to_end(bytes)?;
    Ok(())
}

/// Inflates zstd, frame by frame.
fn inflate_zstd(reader: impl BufRead, stored_bytes: u64, cap_bytes: u64, bytes: &mut Vec<u8>) -> Result<(), ReadFault> {
    let decoder = zstd::Decoder::with_buffer(reader)?;
    let outcome = decoder.take(cap_bytes.saturating_add(1)).read_to_end(bytes);
    let offset_bytes = bytes.len() as u64;
    match outcome {
        _ if offset_bytes > cap_bytes => Err(ReadFault::OverCap { cap_bytes }),
        Ok(0) => Err(ReadFault::EmptyStream),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ReadFault::Truncated { offset_bytes, stored_bytes })
        }
        Err(error) => Err(ReadFault::Corrupt { offset_bytes, reason: error.to_string() }),
    }
}

/// Inflates gzip member by gzip member.
fn inflate_members(
    reader: &mut impl BufRead,
    stored_bytes: u64,
    cap_bytes: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), ReadFault> {
    loop {
        let mut decoder = GzDecoder::new(&mut *reader);
        // One byte more, to tell the cap reached from the cap passed.
        let room_bytes = (cap_bytes - bytes.len() as u64).saturating_add(1);
        let outcome = decoder.by_ref().take(room_bytes).read_to_end(bytes);
        let offset_bytes = bytes.len() as u64;
        if offset_bytes > cap_bytes {
            return Err(ReadFault::OverCap { cap_bytes });
        }
        outcome.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ReadFault::Truncated { offset_bytes, stored_bytes },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                ReadFault::Corrupt { offset_bytes, reason: error.to_string() }
            }
            _ => ReadFault::Io(error),
        })?;
        if !has_member(reader, offset_bytes)? {
            return Ok(());
        }
    }
}

/// Whether another gzip member follows. Zeros at the end are padding (as gzip(1) has it), anything else is a fault.
pub(super) fn has_member(reader: &mut impl BufRead, offset_bytes: u64) -> Result<bool, ReadFault> {
    loop {
        let ahead = reader.fill_buf()?;
        match ahead.first() {
            None => return Ok(false),
            Some(0x1f) => return Ok(true),
            Some(0) => {
                let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
                reader.consume(zeros);
            }
            Some(_) => {
                let reason = "bytes after the gzip stream that are no gzip member".to_owned();
                return Err(ReadFault::Corrupt { offset_bytes, reason });
            }
        }
    }
}

/// Turns away what is plainly no text, before it is read as a whole.
fn is_text(bytes: &[u8]) -> Result<(), ReadFault> {
    const OTHERS: [(&[u8], &str); 6] = [
        (&[0x04, 0x22, 0x4d, 0x18], "lz4"),
        (b"PK\x03\x04", "a zip archive"),
        (b"BZh", "bzip2"),
        (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
        (b"Obj\x01", "Avro"),
        (b"ORC", "ORC"),
    ];
    if bytes.is_empty() {
        return Err(ReadFault::Empty);
    }
    let tar = bytes.get(257..262).filter(|magic| *magic == b"ustar").map(|_| "a tar archive");
    let other = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name);
    match other.or(tar) {
        Some(name) => Err(ReadFault::Foreign(format!("neither gzip, zstd nor JSON, but {name}\nhint: unpack it"))),
        None => Ok(()),
    }
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: io::Read> io::Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        if let Some(read) = buffer.get(..len) {
            self.hasher.update(read);
        }
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::Buffers;

    #[test]
    fn no_more_room_is_kept_than_was_said() {
        let mut buffers = Buffers::keeping(10);
        for len in [4, 4, 4, 2] {
            buffers.recycle(Vec::with_capacity(len));
        }
        assert_eq!(buffers.inflated_bytes, 10);
        let room = buffers.room(4);
        assert_eq!((room.len(), buffers.inflated_bytes), (4, 6));
    }
}
