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

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Seek as _, SeekFrom};

use libdeflater::{DecompressionError, Decompressor};
use memchr::memmem;
use sha2::{Digest, Sha256};

use super::at::At;
use super::buffered::Buffered;
use super::codec::{Codec, Inflating, WINDOW_MAX_BYTES};
use super::error::{ReadError, ReadFault};
use super::forms::implausible;
use super::members::{self, Gap};
use super::opened::Opened;
use super::pack::kind::{NESTED_MAX, is_container, kind_of};
use super::parquet;

/// Stored size above which an object is inflated as a stream, so that it isn't in memory twice.
const STREAM_MIN_BYTES: u64 = 64 << 20;

/// A deflate stream grows by this factor at the most (zlib's documentation, "Maximum Compression Factor").
const DEFLATE_GROWTH_MAX: u64 = 1032;

/// Room for stored bytes that is kept between objects.
const KEPT_BYTES: usize = 8 << 20;

/// Likewise for inflated bytes, where nobody says less.
const INFLATED_KEPT_BYTES: usize = 64 << 20;

/// Stored size from which on the first bytes are looked at before all are read: they may be those of a container.
const LOOK_MIN_BYTES: u64 = 1 << 20;

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

    /// Inflates deflated bytes without a frame; `None` where they are not so many.
    pub(super) fn deflated(&mut self, stored: &[u8], size_bytes: u64) -> Option<Vec<u8>> {
        // Nothing is set aside that so many stored bytes can't fill.
        if size_bytes > (stored.len() as u64).saturating_mul(DEFLATE_GROWTH_MAX) {
            return None;
        }
        let mut room = self.room(usize::try_from(size_bytes).ok()?);
        match self.decompressor.deflate_decompress(stored, &mut room) {
            Ok(len) if len == room.len() => Some(room),
            _ => {
                self.recycle(room);
                None
            }
        }
    }

    /// `len` bytes of any content.
    pub fn room(&mut self, len: usize) -> Vec<u8> {
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

/// Reads one log object: compressed in any way, or plain. Of one that is not sound as a whole what is sound is given, with its
/// gaps.
///
/// # Errors
/// Unreadable, empty, truncated or corrupt from the first byte on, over `cap_bytes` once inflated (its reason begins
/// with [`super::OVER_CAP`]), or neither compressed nor text.
pub fn read<'a>(at: impl Into<At<'a>>, buffers: &mut Buffers, cap_bytes: u64) -> Result<Read, ReadError> {
    read_unless(at, buffers, cap_bytes, &|_| false)
}

/// The same; an object whose SHA-256 is known is not inflated: [`ReadFault::Known`].
pub fn read_unless<'a>(
    at: impl Into<At<'a>>,
    buffers: &mut Buffers,
    cap_bytes: u64,
    is_known: &dyn Fn(&[u8; 32]) -> bool,
) -> Result<Read, ReadError> {
    let at = at.into();
    let fail = |(sha256, fault)| ReadError { path: at.path.to_owned(), sha256, fault };
    let unread = |error: io::Error| fail((None, ReadFault::Io(error)));
    let mut opened = at.open().map_err(|fault| fail((None, fault)))?;
    let size_bytes = opened.len().map_err(unread)?;
    if size_bytes > LOOK_MIN_BYTES && look(&mut opened).map_err(unread)? {
        return Err(fail((None, ReadFault::Container)));
    }
    if size_bytes > STREAM_MIN_BYTES {
        if is_known(&hashed(&mut opened).map_err(unread)?) {
            return Err(fail((None, ReadFault::Known)));
        }
        opened.seek(SeekFrom::Start(0)).map_err(unread)?;
        return read_reader(opened, Some(size_bytes), None, cap_bytes).map_err(fail);
    }
    read_whole(opened, size_bytes, buffers, cap_bytes, is_known).map_err(fail)
}

/// Reads an object that may be in memory as it is stored.
#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
fn read_whole(
    mut opened: Opened,
    size_bytes: u64,
    buffers: &mut Buffers,
    cap_bytes: u64,
    is_known: &dyn Fn(&[u8; 32]) -> bool,
) -> Result<Read, (Option<[u8; 32]>, ReadFault)> {
    // It is in memory already.
    if let Opened::Bytes(bytes) = &opened {
        return of_stored(bytes.get_ref(), buffers, cap_bytes, is_known);
    }
    let mut stored = std::mem::take(&mut buffers.stored);
    stored.clear();
    // One byte more than expected, so that the end is found without growing.
    stored.reserve(size_bytes as usize + 1);
    // A file that grows while it is read is read as far as it may be held.
    let outcome = match (&mut opened).take(STREAM_MIN_BYTES + 1).read_to_end(&mut stored) {
        Ok(_) => of_stored(&stored, buffers, cap_bytes, is_known),
        Err(error) => Err((None, ReadFault::Io(error))),
    };
    buffers.keep_stored(stored);
    outcome
}

fn of_stored(
    stored: &[u8],
    buffers: &mut Buffers,
    cap_bytes: u64,
    is_known: &dyn Fn(&[u8; 32]) -> bool,
) -> Result<Read, (Option<[u8; 32]>, ReadFault)> {
    let sha256 = Sha256::digest(stored).into();
    if is_known(&sha256) {
        return Err((Some(sha256), ReadFault::Known));
    }
    let (bytes, gaps) = inflate(stored, buffers, cap_bytes).map_err(|fault| (Some(sha256), fault))?;
    Ok(Read { bytes, sha256, size_bytes: stored.len() as u64, gaps })
}

/// Whether a file is a container, by its first bytes.
fn look(file: &mut Opened) -> io::Result<bool> {
    let mut want = 64 << 10;
    let mut first = Vec::new();
    loop {
        file.by_ref().take((want - first.len()) as u64).read_to_end(&mut first)?;
        match is_container(&first, first.len() < want) {
            Err(more) if more > want => want = more,
            told => {
                file.seek(SeekFrom::Start(0))?;
                return Ok(told == Ok(true));
            }
        }
    }
}

/// Memory that inflating a file takes beside what comes out, about.
pub fn window_bytes<'a>(at: impl Into<At<'a>>) -> u64 {
    let first = at.into().first(512).unwrap_or_default();
    Codec::of(&first).map_or(0, |codec| codec.window_bytes(&first))
}

/// Whether a file is a container: a tar or zip, compressed or not. What can't be looked at is none.
pub fn is_container_file<'a>(at: impl Into<At<'a>>) -> bool {
    at.into().open().is_ok_and(|mut opened| look(&mut opened).unwrap_or(false))
}

/// Whether an object may hold events, by the names of fields in its first bytes, or because it is a container: for what
/// its name says to be something else. What can't be looked at may.
pub fn may_hold_events<'a>(at: impl Into<At<'a>>) -> bool {
    at.into().first(FIRST_STORED).is_none_or(|stored| begins_with_events(&stored))
}

/// The same of its first bytes as they are stored, [`FIRST_STORED`] of them.
pub fn begins_with_events(stored: &[u8]) -> bool {
    first_inflated(stored).is_none_or(|bytes| kind_of(&bytes).is_some() || has_events(&bytes))
}

/// Whether inflated bytes have names of fields of events at their beginning.
pub fn has_events(bytes: &[u8]) -> bool {
    let mut bytes = bytes.get(..FIRST_INFLATED.min(bytes.len())).unwrap_or_default().to_vec();
    // UTF-16 has a zero beside every letter.
    bytes.retain(|byte| *byte != 0);
    bytes.make_ascii_lowercase();
    let has = |name: &[u8]| memmem::find(&bytes, name).is_some();
    has(b"eventsource") && has(b"eventname")
        || has(b"event source") && has(b"event name")
        || has(b"\"class_uid\"") && has(b"\"operation\"")
}

/// Likewise whether it may be a digest.
pub fn may_be_digest<'a>(at: impl Into<At<'a>>) -> bool {
    let first = at.into().first(FIRST_STORED).and_then(|stored| first_inflated(&stored).map(|bytes| is_digest(&bytes)));
    first.unwrap_or(false)
}

/// Whether inflated bytes look like a digest.
pub fn is_digest(bytes: &[u8]) -> bool {
    let bytes = bytes.get(..FIRST_INFLATED.min(bytes.len())).unwrap_or_default();
    let has = |name: &[u8]| memmem::find(bytes, name).is_some();
    has(b"\"digestStartTime\"") && has(b"\"digestS3Object\"")
}

/// Inflated bytes that are looked at of what may be something else.
const FIRST_INFLATED: usize = 512 << 10;

/// Stored bytes of it that are looked at.
pub const FIRST_STORED: u64 = 128 << 10;

fn first_inflated(stored: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut bytes = Vec::new();
    let Some(codec) = Codec::of(stored) else { return Some(Cow::Borrowed(stored)) };
    // It ends early, because it was cut: what came before is what is looked at.
    let _ = codec.member(stored, WINDOW_MAX_BYTES).ok()?.take(FIRST_INFLATED as u64).read_to_end(&mut bytes);
    Some(Cow::Owned(bytes))
}

/// Bytes that an object says it has once inflated: what stands at the end of gzip, of several members the last one's,
/// modulo 4 GiB; of other objects their size. `None` where it can't be read.
pub fn said_size<'a>(at: impl Into<At<'a>>) -> Option<u64> {
    let at = at.into();
    let begin = at.first(2)?;
    let size_bytes = at.size_bytes().ok()?;
    if begin.len() < 2 {
        return None;
    }
    if Codec::of(&begin) != Some(Codec::Gzip) {
        return Some(size_bytes);
    }
    let end: [u8; 4] = match at.stored() {
        Some(stored) => stored.range(size_bytes.checked_sub(4)?, 4)?.try_into().ok()?,
        None => {
            let (mut opened, mut end) = (at.open().ok()?, [0; 4]);
            opened.seek(SeekFrom::End(-4)).ok()?;
            opened.read_exact(&mut end).ok()?;
            end
        }
    };
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
pub fn digest<'a>(at: impl Into<At<'a>>) -> Result<[u8; 32], ReadError> {
    let at = at.into();
    let hash = || Ok(hashed(&mut at.open()?)?);
    hash().map_err(|fault| ReadError { path: at.path.to_owned(), sha256: None, fault })
}

fn hashed(opened: &mut Opened) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    io::copy(opened, &mut hasher)?;
    Ok(hasher.finalize().into())
}

/// Inflates an object that is in memory, and what is compressed within it.
pub(super) fn inflate(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    if kind_of(stored).is_some() {
        return Err(ReadFault::Container);
    }
    let (mut bytes, mut gaps) = inflate_sound(stored, buffers, cap_bytes)?;
    for _ in 1..NESTED_MAX {
        if !is_compressed(&bytes) {
            break;
        }
        let (inner, inner_gaps) = inflate_sound(&bytes, buffers, cap_bytes)?;
        // Where it is missing, the inner one knows; where that is sound nothing of it is.
        (bytes, gaps) = (inner, inner_gaps);
    }
    match kind_of(&bytes) {
        Some(_) => Err(ReadFault::Container),
        None if parquet::is_form(&bytes) => parquet::json_lines(bytes, cap_bytes),
        None => Ok((bytes, gaps)),
    }
}

/// The same of bytes that are nobody else's: what is not compressed is not copied.
pub(super) fn inflate_owned(
    stored: Vec<u8>,
    buffers: &mut Buffers,
    cap_bytes: u64,
) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    if Codec::of(&stored).is_some() || stored.len() as u64 > cap_bytes {
        let inflated = inflate(&stored, buffers, cap_bytes);
        buffers.recycle(stored);
        return inflated;
    }
    if kind_of(&stored).is_some() {
        return Err(ReadFault::Container);
    }
    if parquet::is_form(&stored) {
        return parquet::json_lines(stored, cap_bytes);
    }
    is_text(&stored)?;
    Ok((stored, Vec::new()))
}

/// The same, once; of what is compressed and unsound the sound parts.
fn inflate_sound(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    match inflate_once(stored, buffers, cap_bytes) {
        Err(fault @ (ReadFault::Truncated { .. } | ReadFault::Corrupt { .. })) => {
            members::salvage(stored, cap_bytes, fault)
        }
        // A container is not read as a whole.
        Err(ReadFault::OverCap { .. }) if is_container(stored, true) == Ok(true) => Err(ReadFault::Container),
        inflated => Ok((inflated?, Vec::new())),
    }
}

/// Whether bytes begin like something compressed; of gzip with its one method.
fn is_compressed(bytes: &[u8]) -> bool {
    match Codec::of(bytes) {
        Some(Codec::Gzip) => bytes.get(2) == Some(&8),
        codec => codec.is_some(),
    }
}

fn inflate_once(stored: &[u8], buffers: &mut Buffers, cap_bytes: u64) -> Result<Vec<u8>, ReadFault> {
    let Some(codec) = Codec::of(stored) else {
        is_text(stored)?;
        if stored.len() as u64 > cap_bytes {
            return Err(ReadFault::OverCap { cap_bytes });
        }
        let mut bytes = buffers.room(stored.len());
        bytes.copy_from_slice(stored);
        return Ok(bytes);
    };
    if codec == Codec::Gzip
        && let Some(bytes) = inflate_one_member(stored, buffers, cap_bytes)?
    {
        return if bytes.is_empty() { Err(ReadFault::EmptyStream) } else { Ok(bytes) };
    }
    let mut bytes = Vec::new();
    let inflating = Inflating::new(codec, stored, WINDOW_MAX_BYTES)?;
    read_capped(inflating, stored.len() as u64, cap_bytes, &mut bytes)?;
    if bytes.is_empty() { Err(ReadFault::EmptyStream) } else { Ok(bytes) }
}

/// Reads what is compressed to its end.
fn read_capped(reader: impl io::Read, stored_bytes: u64, cap_bytes: u64, bytes: &mut Vec<u8>) -> Result<(), ReadFault> {
    // One byte more, to tell the cap reached from the cap passed.
    let outcome = reader.take(cap_bytes.saturating_add(1)).read_to_end(bytes);
    let offset_bytes = bytes.len() as u64;
    match outcome {
        _ if offset_bytes > cap_bytes => Err(ReadFault::OverCap { cap_bytes }),
        Ok(_) => Ok(()),
        Err(error) => Err(fault_of(error, offset_bytes, stored_bytes)),
    }
}

/// What is wrong with a stream that was inflated up to there.
pub(super) fn fault_of(error: io::Error, offset_bytes: u64, stored_bytes: u64) -> ReadFault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ReadFault::Truncated { offset_bytes, stored_bytes },
        io::ErrorKind::OutOfMemory => ReadFault::Window(error.to_string()),
        io::ErrorKind::QuotaExceeded => ReadFault::Cut { offset_bytes, reason: error.to_string() },
        _ if error.raw_os_error().is_some() => ReadFault::Io(error),
        _ => ReadFault::Corrupt { offset_bytes, reason: error.to_string() },
    }
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

/// Reads all that a reader gives, of `size_bytes` if it says so, with this checksum if it has one.
pub(super) fn read_reader(
    reader: impl io::Read,
    said_bytes: Option<u64>,
    crc: Option<u32>,
    cap_bytes: u64,
) -> Result<Read, (Option<[u8; 32]>, ReadFault)> {
    let sums = RefCell::new(Sums { hasher: Sha256::new(), crc: libdeflater::Crc::new(), bytes: 0 });
    let mut base = Buffered::new(Hashing { inner: reader, sums: &sums });
    let mut bytes = Vec::new();
    let inflated = read_inflated(&mut base, said_bytes, cap_bytes, &mut bytes);
    // After a fault as well: the digest is of the whole object.
    let drained = io::copy(&mut base, &mut io::sink());
    drop(base);
    let Sums { hasher, crc: sum, bytes: size_bytes } = sums.into_inner();
    let sha256: [u8; 32] = hasher.finalize().into();
    let is_whole = drained.is_ok();
    let fail = |fault| Err((Some(sha256).filter(|_| is_whole), fault));
    if let (Ok(_), Some(crc)) = (&drained, crc)
        && crc != sum.sum()
    {
        let reason = "its checksum is not the one that the container gives".to_owned();
        return fail(ReadFault::Corrupt { offset_bytes: 0, reason });
    }
    let inflated = match (inflated, drained) {
        (Ok(()), Err(error)) => Err(fault_of(error, bytes.len() as u64, size_bytes)),
        (inflated, _) => inflated,
    };
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
        Err(fault) => fail(fault),
    }
}

/// Reads what is in bytes that may be compressed, once or more often.
#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
fn read_inflated(
    base: &mut dyn BufReadPeek,
    said_bytes: Option<u64>,
    cap_bytes: u64,
    bytes: &mut Vec<u8>,
) -> Result<(), ReadFault> {
    const FIRST: usize = 4096;
    let first = base.peek(FIRST)?.to_vec();
    let Some(codec) = Codec::of(&first) else {
        if kind_of(&first).is_some() {
            return Err(ReadFault::Container);
        }
        if !parquet::is_form(&first) {
            is_text(&first)?;
            if let Some(reason) = implausible(&first) {
                return Err(ReadFault::Foreign(reason));
            }
        }
        if said_bytes.is_some_and(|said| said > cap_bytes) {
            return Err(ReadFault::OverCap { cap_bytes });
        }
        bytes.reserve(said_bytes.unwrap_or_default() as usize);
        return read_capped(base, said_bytes.unwrap_or_default(), cap_bytes, bytes);
    };
    let mut reader: Box<dyn BufReadPeek> = Box::new(Buffered::new(Inflating::new(codec, base, WINDOW_MAX_BYTES)?));
    for _ in 1..NESTED_MAX {
        let first = reader.peek(FIRST).unwrap_or_default();
        let Some(codec) = Codec::of(first).filter(|_| is_compressed(first)) else { break };
        reader = Box::new(Buffered::new(Inflating::new(codec, reader, WINDOW_MAX_BYTES)?));
    }
    if reader.peek(FIRST).is_ok_and(|first| kind_of(first).is_some()) {
        return Err(ReadFault::Container);
    }
    read_capped(reader, said_bytes.unwrap_or_default(), cap_bytes, bytes)?;
    if bytes.is_empty() { Err(ReadFault::EmptyStream) } else { Ok(()) }
}

/// A reader that can be looked into.
trait BufReadPeek: BufRead {
    fn peek(&mut self, want: usize) -> io::Result<&[u8]>;
}

impl<S: io::Read> BufReadPeek for Buffered<S> {
    fn peek(&mut self, want: usize) -> io::Result<&[u8]> {
        Buffered::peek(self, want)
    }
}

/// Turns away what is plainly no text, before it is read as a whole.
fn is_text(bytes: &[u8]) -> Result<(), ReadFault> {
    const OTHERS: [(&[u8], &str); 7] = [
        (&[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c], "a 7z archive"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"MSCF\0\0\0\0", "a cabinet"),
        (b"070701", "a cpio archive"),
        (&[0x02, 0x21, 0x4c, 0x18], "lz4 of before its frames"),
        (b"Obj\x01", "Avro"),
        (b"ORC", "ORC"),
    ];
    if bytes.is_empty() {
        return Err(ReadFault::Empty);
    }
    let other = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, name)| *name);
    match other {
        Some(name) => Err(ReadFault::Foreign(format!("neither compressed nor JSON, but {name}\nhint: unpack it"))),
        None => Ok(()),
    }
}

/// What was read through [`Hashing`].
struct Sums {
    hasher: Sha256,
    crc: libdeflater::Crc,
    bytes: u64,
}

/// Hashes what is read through it.
struct Hashing<'s, R> {
    inner: R,
    sums: &'s RefCell<Sums>,
}

impl<R: io::Read> io::Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        if let Some(read) = buffer.get(..len) {
            let mut sums = self.sums.borrow_mut();
            sums.hasher.update(read);
            sums.crc.update(read);
            sums.bytes += len as u64;
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
