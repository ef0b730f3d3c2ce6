//! Headers of zip. Where the directory at its end can be read, it says what is in it; a pipe, a zip in another container
//! and one that was cut are read by the headers that stand before each entry.
//!
//! Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::super::buffered::Buffered;
use super::super::codec::Codec;
use super::entry::{Entry, FULL_FOLDER, Fault, Method, What};

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const EXTRA: &[u8] = b"PK\x06\x08";
/// Stands behind an entry whose sizes were not known before it; alone at the start it marks parts.
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const ONE_PART: &[u8] = b"PK00";
/// Signs the directory, at its end.
const SIGNATURE: &[u8] = b"PK\x05\x05";

const LOCAL_LEN: usize = 30;
const CENTRAL_LEN: usize = 46;
const END_LEN: usize = 22;

/// The end, with the longest comment, and what says where the larger one stands.
const TAIL_BYTES: u64 = END_LEN as u64 + 65_535 + 20;

/// A number that stands in a larger field.
const LARGER: u64 = 0xffff_ffff;

const IS_ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
const HIDES_HEADERS: u16 = 1 << 13;

/// Whether bytes begin as a zip does.
pub(super) fn is_zip(bytes: &[u8]) -> bool {
    let is_parts = |magic| bytes.strip_prefix(magic).is_some_and(|rest| rest.starts_with(LOCAL));
    bytes.starts_with(LOCAL) || bytes.starts_with(END) || is_parts(DESCRIPTOR) || is_parts(ONE_PART)
}

/// Where a zip is read.
#[derive(Debug, Default)]
pub(super) struct State {
    directory: Option<Directory>,
    /// What is wrong with the directory, told first.
    fault: Option<Fault>,
    /// Whether the entry at hand has its sizes behind it, and in eight bytes each.
    pub descriptor: Option<bool>,
    /// What the directory says next, while what stands before it is told.
    header: Option<Header>,
    /// Checksum and sizes of the entry at hand, which may stand behind it once more.
    behind: Option<Descriptor>,
    has_ended: bool,
}

/// What may stand behind an entry of the directory.
#[derive(Debug)]
struct Descriptor {
    crc: u32,
    packed: u64,
    size: u64,
}

/// A folder may have the few bytes to which a codec packs nothing.
const FOLDER_MAX_BYTES: u64 = 32;

/// What a header says of an entry.
#[derive(Debug, Default)]
struct Header {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Whether its sizes stand in larger fields.
    is_64: bool,
    /// Where its own header stands; of the directory.
    offset: u64,
    disk: u32,
    /// Who made it and what a file system says of it.
    made_by: u16,
    attributes: u32,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Header {
    /// The part that both headers have, from the flags on.
    fn common(bytes: &[u8]) -> Header {
        Header {
            flags: u16_at(bytes, 0),
            method: u16_at(bytes, 2),
            crc: u32_at(bytes, 8),
            packed: u64::from(u32_at(bytes, 12)),
            size: u64::from(u32_at(bytes, 16)),
            ..Header::default()
        }
    }

    fn local(fixed: &[u8], name: &[u8], extra: &[u8]) -> Header {
        let mut header = Header { name: name.to_vec(), ..Header::common(fixed.get(6..).unwrap_or_default()) };
        header.extend(extra, true);
        header
    }

    fn central(fixed: &[u8], name: &[u8], extra: &[u8]) -> Header {
        let mut header = Header {
            name: name.to_vec(),
            made_by: u16_at(fixed, 4),
            disk: u32::from(u16_at(fixed, 34)),
            attributes: u32_at(fixed, 38),
            offset: u64::from(u32_at(fixed, 42)),
            ..Header::common(fixed.get(8..).unwrap_or_default())
        };
        header.extend(extra, false);
        header
    }

    /// Fields of eight bytes, for what is too large for four, in this order.
    fn extend(&mut self, mut extra: &[u8], is_local: bool) {
        while let Some(head) = extra.first_chunk::<4>() {
            let len = usize::from(u16_at(head, 2));
            let field = extra.get(4..4 + len).unwrap_or_default();
            if u16_at(head, 0) == 1 {
                self.is_64 = true;
                let mut numbers = field.chunks_exact(8).map(|number| u64_at(number, 0));
                let offset = if is_local { &mut 0 } else { &mut self.offset };
                for number in [&mut self.size, &mut self.packed, offset] {
                    if *number == LARGER {
                        *number = numbers.next().unwrap_or(*number);
                    }
                }
            }
            extra = extra.get(4 + len..).unwrap_or_default();
        }
    }

    fn entry(self, is_directory: bool) -> Entry {
        let has_descriptor = self.flags & HAS_DESCRIPTOR != 0 && !is_directory;
        let method = match self.method {
            0 if has_descriptor => Some(Method::Sought),
            0 => Some(Method::Stored),
            8 => Some(Method::Packed(Codec::Deflate)),
            12 => Some(Method::Packed(Codec::Bzip2)),
            93 => Some(Method::Packed(Codec::Zstd)),
            95 => Some(Method::Packed(Codec::Xz)),
            _ => None,
        };
        let is_unix = self.made_by >> 8 == 3 && is_directory;
        let kind = if is_unix { self.attributes >> 28 } else { 0 };
        let is_empty = self.size == 0 && self.packed <= FOLDER_MAX_BYTES;
        let what = match kind {
            _ if is_empty && (self.name.ends_with(b"/") || self.name.ends_with(b"\\")) => What::Folder,
            _ if self.name.ends_with(b"/") => What::Refused(FULL_FOLDER.to_owned()),
            0o12 => What::NotFollowed("a symbolic link", None),
            0o2 | 0o6 => What::NotFollowed("a device", None),
            0o1 => What::NotFollowed("a pipe", None),
            _ if self.flags & (IS_ENCRYPTED | HIDES_HEADERS) != 0 || self.method == 99 => {
                What::Refused("encrypted\nhint: unpack it with its password, and give the folder".to_owned())
            }
            _ if method.is_none() => {
                let method = method_name(self.method);
                What::Refused(format!("packed by {method}, which is not read\nhint: unpack it, and give the folder"))
            }
            _ => What::File,
        };
        Entry {
            name: self.name,
            what,
            raw: Some(self.packed).filter(|_| !has_descriptor),
            size: Some(self.size).filter(|_| !has_descriptor),
            method: method.unwrap_or(Method::Stored),
            crc: Some(self.crc).filter(|_| !has_descriptor),
        }
    }
}

/// Source: APPNOTE.TXT, section 4.4.5.
fn method_name(method: u16) -> String {
    match method {
        1 => "shrinking".to_owned(),
        2..=5 => "reducing".to_owned(),
        6 => "imploding".to_owned(),
        9 => "Deflate64".to_owned(),
        14 => "LZMA".to_owned(),
        98 => "PPMd".to_owned(),
        _ => format!("method {method}"),
    }
}

impl State {
    /// A zip that is read from its start only.
    pub fn streamed() -> State {
        State::default()
    }

    /// A zip in a file. Where its directory can't be read, it is read without, and that is told.
    pub fn of(file: File, index_max: usize) -> State {
        match Directory::open(file, index_max) {
            Ok(mut directory) => {
                State { fault: directory.fault.take(), directory: Some(directory), ..State::default() }
            }
            // It breaks off before: so says who reads it to there.
            Err(None) => State::default(),
            Err(Some(fault)) => State { fault: Some(fault), ..State::default() },
        }
    }

    /// The next entry, with its bytes behind it.
    pub fn next<S: Read>(&mut self, input: &mut Buffered<S>) -> Result<Option<Entry>, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.directory.is_some() { self.next_listed(input) } else { self.next_streamed(input) }
    }

    fn next_listed<S: Read>(&mut self, input: &mut Buffered<S>) -> Result<Option<Entry>, Fault> {
        let Some(directory) = &mut self.directory else { return Ok(None) };
        let header = match self.header.take() {
            Some(header) => Some(header),
            None => directory.next()?,
        };
        let Some(header) = header else {
            while let Some((start, end)) = directory.spans.first().copied() {
                pass_gap(input, start, self.behind.take())?;
                skip(input, end.saturating_sub(input.offset()))?;
                directory.spans.remove(0);
            }
            return pass_tail(input).map(|()| None);
        };
        let place = header.offset.saturating_add(directory.shift);
        let shift = directory.shift;
        if header.disk == 0
            && let Err(fault) = pass_gap(input, place, self.behind.take())
        {
            self.header = Some(header);
            return Err(fault);
        }
        let Header { flags, crc, packed, size, .. } = header;
        let entry = listed(header, shift, input)?;
        let is_read = entry.raw == Some(packed) && flags & HAS_DESCRIPTOR != 0;
        self.behind = is_read.then_some(Descriptor { crc, packed, size });
        Ok(Some(entry))
    }

    fn next_streamed<S: Read>(&mut self, input: &mut Buffered<S>) -> Result<Option<Entry>, Fault> {
        if self.has_ended {
            return Ok(None);
        }
        if let Some(is_64) = self.descriptor.take() {
            skip_descriptor(input, is_64)?;
        }
        let at = input.offset();
        if at == 0 && peek(input, 8)?.get(4..).is_some_and(|rest| rest.starts_with(LOCAL)) {
            skip(input, 4)?;
        }
        let magic = peek(input, 4)?;
        if magic == LOCAL {
            let header = local(input)?;
            self.descriptor = (header.flags & HAS_DESCRIPTOR != 0).then_some(header.is_64);
            return Ok(Some(header.entry(false)));
        }
        if [CENTRAL, END, END_64, LOCATOR_64, EXTRA].contains(&magic.as_slice()) {
            self.has_ended = true;
            pass_directory(input)?;
            return pass_tail(input).map(|()| None);
        }
        if magic.is_empty() {
            return Err(Fault::end(at, "truncated: the zip breaks off before its directory".to_owned()));
        }
        Err(resync(input, at))
    }
}

/// An entry of the directory, with the header before its bytes.
fn listed<S: Read>(header: Header, shift: u64, input: &mut Buffered<S>) -> Result<Entry, Fault> {
    let at = input.offset();
    let refused = |header: Header, reason: String| {
        let entry = header.entry(true);
        // Nothing of it is read.
        Ok(Entry { what: What::Refused(reason), raw: Some(0), ..entry })
    };
    if header.disk != 0 {
        return refused(
            header,
            "it stands in another part of the zip\nhint: join the parts with `zip -s 0`".to_owned(),
        );
    }
    let Some(gap) = header.offset.saturating_add(shift).checked_sub(at) else {
        return refused(header, "it lies over another entry, as in a zip bomb".to_owned());
    };
    skip(input, gap)?;
    if peek(input, 4)? != LOCAL {
        return refused(header, "corrupt: where the directory says that it stands is no entry".to_owned());
    }
    let own = local(input)?;
    if own.name != header.name {
        return refused(header, "it has two names, one in the directory and one before its bytes".to_owned());
    }
    Ok(header.entry(true))
}

/// Passes over what stands before a place and is no entry of the directory; tells what isn't zeros.
fn pass_gap<S: Read>(input: &mut Buffered<S>, place: u64, behind: Option<Descriptor>) -> Result<(), Fault> {
    let Some(gap) = place.checked_sub(input.offset()).filter(|gap| *gap > 0) else { return Ok(()) };
    if let Some(behind) = behind {
        let ahead = peek(input, 24)?;
        skip(input, behind.len(&ahead, gap))?;
    } else if input.offset() == 0 && gap >= 4 && [DESCRIPTOR, ONE_PART].contains(&peek(input, 4)?.as_slice()) {
        skip(input, 4)?;
    }
    match pass_zeros(input, place.saturating_sub(input.offset()))? {
        (_, missing) if missing > 0 => Err(cut(input)),
        (Some(at), _) => Err(Fault::passed(at, stray(place - at))),
        _ => Ok(()),
    }
}

/// Passes over what stands behind a zip; tells what isn't zeros.
fn pass_tail<S: Read>(input: &mut Buffered<S>) -> Result<(), Fault> {
    match pass_zeros(input, u64::MAX)? {
        (Some(at), _) => {
            let bytes = input.offset() - at;
            let reason =
                format!("corrupt: {bytes} bytes behind the end of the zip, which are not read\nhint: {STRAY_HINT}");
            Err(Fault::passed(at, reason))
        }
        _ => Ok(()),
    }
}

const STRAY_HINT: &str = "look what they are; zips one after the other are split before";

fn stray(bytes: u64) -> String {
    format!(
        "corrupt: {bytes} bytes that are in no entry of the zip's directory, which are not read\nhint: {STRAY_HINT}"
    )
}

/// Passes over bytes; where the first one stands that isn't zero, and how many were not there.
fn pass_zeros<S: Read>(input: &mut Buffered<S>, mut bytes: u64) -> Result<(Option<u64>, u64), Fault> {
    let mut first = None;
    while bytes > 0 {
        let at = input.offset();
        let held = input.fill_buf().map_err(|error| Fault::of(&error, at))?;
        let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(held.len());
        if len == 0 {
            break;
        }
        if first.is_none() {
            let found = held.iter().take(len).position(|byte| *byte != 0);
            first = found.map(|found| at + found as u64);
        }
        input.consume(len);
        bytes -= len as u64;
    }
    Ok((first, bytes))
}

impl Descriptor {
    /// Bytes that it takes of a gap: it fills that, or gives what the directory gives.
    fn len(&self, ahead: &[u8], gap: u64) -> u64 {
        let marked = if ahead.starts_with(DESCRIPTOR) { 4 } else { 0 };
        let is_same = |len: usize| {
            let sizes = match len {
                20 => [u64_at(ahead, marked + 4), u64_at(ahead, marked + 12)],
                _ => [u64::from(u32_at(ahead, marked + 4)), u64::from(u32_at(ahead, marked + 8))],
            };
            u32_at(ahead, marked) == self.crc && sizes == [self.packed, self.size]
        };
        let is_it = |len: &usize| {
            let all = (len + marked) as u64;
            all == gap || all < gap && is_same(*len)
        };
        [20, 12].into_iter().find(is_it).map_or(0, |len| (len + marked) as u64)
    }
}

fn peek<S: Read>(input: &mut Buffered<S>, len: usize) -> Result<Vec<u8>, Fault> {
    let at = input.offset();
    input.peek(len).map(<[u8]>::to_vec).map_err(|error| Fault::of(&error, at))
}

fn skip<S: Read>(input: &mut Buffered<S>, bytes: u64) -> Result<(), Fault> {
    match input.skip(bytes) {
        Ok(0) => Ok(()),
        Ok(_) => Err(cut(input)),
        Err(error) => Err(Fault::of(&error, input.offset())),
    }
}

fn cut<S: Read>(input: &Buffered<S>) -> Fault {
    Fault::end(input.offset(), "truncated: the zip breaks off in a header".to_owned())
}

/// Reads the header before an entry's bytes.
fn local<S: Read>(input: &mut Buffered<S>) -> Result<Header, Fault> {
    let fixed = peek(input, LOCAL_LEN)?;
    let (name, extra) = (usize::from(u16_at(&fixed, 26)), usize::from(u16_at(&fixed, 28)));
    let all = peek(input, LOCAL_LEN + name + extra)?;
    if all.len() < LOCAL_LEN + name + extra {
        return Err(cut(input));
    }
    skip(input, all.len() as u64)?;
    let (name, extra) = all.get(LOCAL_LEN..).and_then(|rest| rest.split_at_checked(name)).unwrap_or_default();
    Ok(Header::local(&fixed, name, extra))
}

/// Passes over what says, behind an entry, how large it was: with or without a mark, in four bytes each or in eight.
fn skip_descriptor<S: Read>(input: &mut Buffered<S>, is_64: bool) -> Result<(), Fault> {
    let ahead = peek(input, 28)?;
    let marked = if ahead.starts_with(DESCRIPTOR) { 4 } else { 0 };
    let is_next = |at: usize| ahead.get(at..at + 2).is_some_and(|bytes| bytes == b"PK");
    let lens = if is_64 { [20, 12] } else { [12, 20] };
    let len = lens.into_iter().map(|len| len + marked).find(|len| is_next(*len)).unwrap_or(lens[0] + marked);
    skip(input, len as u64)
}

/// Bytes of an entry whose end is looked for.
const SOUGHT_MAX: usize = 8 << 20;

/// The bytes of an entry that ends where what stands behind it gives their number and checksum; whether that was found.
pub(super) fn seek_descriptor<S: Read>(input: &mut Buffered<S>) -> (Vec<u8>, bool) {
    let ahead = input.peek(SOUGHT_MAX).unwrap_or_default();
    let (mut crc, mut done) = (libdeflater::Crc::new(), 0);
    let mut ends = memchr::memmem::find_iter(ahead, DESCRIPTOR).filter(|at| {
        crc.update(ahead.get(done..*at).unwrap_or_default());
        done = *at;
        u32_at(ahead, at + 4) == crc.sum() && u32_at(ahead, at + 8) as usize == *at
    });
    let (end, is_found) = match ends.next() {
        Some(end) => (end, true),
        None if ahead.len() < SOUGHT_MAX => (ahead.len(), false),
        None => (0, false),
    };
    let bytes = ahead.get(..end).unwrap_or_default().to_vec();
    let _ = input.skip(end as u64);
    (bytes, is_found)
}

/// Reads the directory to its end without heeding it.
fn pass_directory<S: Read>(input: &mut Buffered<S>) -> Result<(), Fault> {
    loop {
        let fixed = peek(input, CENTRAL_LEN)?;
        let lens = |at: &[usize]| at.iter().map(|at| u64::from(u16_at(&fixed, *at))).sum::<u64>();
        let len = match fixed.get(..4) {
            Some(CENTRAL) => CENTRAL_LEN as u64 + lens(&[28, 30, 32]),
            Some(END_64) => 12_u64.saturating_add(u64_at(&fixed, 4)),
            Some(LOCATOR_64) => 20,
            Some(EXTRA) => 8 + u64::from(u32_at(&fixed, 4)),
            Some(END) => return skip(input, END_LEN as u64 + lens(&[20])),
            Some(_) => {
                return Err(Fault::end(input.offset(), "corrupt: the zip's directory makes no sense".to_owned()));
            }
            None => {
                return Err(Fault::end(input.offset(), "truncated: the zip breaks off in its directory".to_owned()));
            }
        };
        skip(input, len)?;
    }
}

/// Looks for the next header behind something that is none.
fn resync<S: Read>(input: &mut Buffered<S>, at: u64) -> Fault {
    while let Ok(ahead) = input.peek(64 << 10) {
        if ahead.len() < LOCAL.len() {
            break;
        }
        let (found, len) = (memchr::memmem::find(ahead, LOCAL), ahead.len());
        let _ = input.skip(found.unwrap_or(len - LOCAL.len() + 1) as u64);
        if found.is_some() {
            let reason =
                format!("corrupt: no entry of the zip begins there; the next one begins at {}", input.offset());
            return Fault::passed(at, reason);
        }
    }
    Fault::end(at, "corrupt: no entry of the zip begins there, nor behind it".to_owned())
}

/// The directory of a zip, read entry by entry, so that it takes no memory however long it is.
#[derive(Debug)]
struct Directory {
    reader: BufReader<File>,
    /// Where it begins in the file.
    start: u64,
    /// Where it ends.
    end: u64,
    /// Where it is read.
    at: u64,
    left: u64,
    /// Bytes that stand before the zip in the file.
    shift: u64,
    /// Where the entries stand, with their places in the directory: where its order is not theirs.
    index: Option<std::vec::IntoIter<(u64, u64)>>,
    /// What stands behind the entries, from and to: the directory, and what ends the zip.
    spans: Vec<(u64, u64)>,
    /// What is wrong with it, though it can be read.
    fault: Option<Fault>,
}

const UNREAD: &str = "corrupt: the zip's directory makes no sense; what stands before it is read without";

impl Directory {
    /// The directory; no fault where there is none, because the zip was cut.
    fn open(mut file: File, index_max: usize) -> Result<Directory, Option<Fault>> {
        let unread = |error: io::Error| Some(Fault::of(&error, 0));
        let len = file.seek(SeekFrom::End(0)).map_err(unread)?;
        let from = len.saturating_sub(TAIL_BYTES);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut tail)).map_err(unread)?;
        let (end, at) = end_of(&tail).ok_or(None)?;
        let is_part = |number: u64| number != 0 && number != 0xffff;
        if is_part(u64::from(u16_at(end, 4))) || is_part(u64::from(u16_at(end, 6))) {
            let reason = "one part of several\nhint: join them with `zip -s 0 PARTS.zip --out WHOLE.zip`".to_owned();
            return Err(Some(Fault::end(0, reason)));
        }
        let end_at = from + at as u64;
        let (mut left, mut size, mut start) =
            (u64::from(u16_at(end, 10)), u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
        let mut directory_end = end_at;
        let mut spans = vec![(end_at, end_at + END_LEN as u64 + u64::from(u16_at(end, 20)))];
        let mut is_64 = false;
        if (left == 0xffff || size == LARGER || start == LARGER)
            && let Some((larger, at)) = larger_end(&mut file, &tail, at, from, len)
        {
            (left, size, start) = (u64_at(&larger, 32), u64_at(&larger, 40), u64_at(&larger, 48));
            (directory_end, is_64) = (at, true);
            let locator = end_at.saturating_sub(20);
            // A longer one is only believed where it ends before what says where it stands.
            let larger_end = at.saturating_add(12).saturating_add(u64_at(&larger, 4));
            let larger_end = if larger_end <= locator { larger_end } else { at + 56 };
            spans.splice(..0, [(at, larger_end), (locator, end_at)]);
        }
        let fault = || Some(Fault::passed(end_at, UNREAD.to_owned()));
        let real_start = directory_end.checked_sub(size).ok_or_else(fault)?;
        let shift = real_start.checked_sub(start).ok_or_else(fault)?;
        spans.insert(0, (real_start, directory_end));
        let mut directory = Directory {
            reader: BufReader::with_capacity(64 << 10, file),
            start: real_start,
            end: directory_end,
            at: real_start,
            left,
            shift,
            index: None,
            spans,
            fault: None,
        };
        directory.look(index_max).map_err(|reason| Some(Fault::passed(end_at, reason)))?;
        // Who has no larger fields counts on from 0.
        let found = if is_64 { directory.left } else { directory.left % 0x1_0000 };
        if found != left {
            let found = directory.left;
            let reason = format!("corrupt: the zip says that it has {left} entries; its directory has {found}");
            directory.fault.get_or_insert(Fault::passed(end_at, reason));
        }
        Ok(directory)
    }

    /// Looks whether the entries stand in the order of the directory; sorts them where they don't.
    fn look(&mut self, index_max: usize) -> Result<(), String> {
        self.rewind(0)?;
        let (mut last, mut is_sorted, mut count) = (0, true, 0);
        // What is there counts, not what the end says of it.
        while count < self.left || self.has_more()? {
            let header = self.read()?;
            is_sorted &= header.offset >= last;
            last = header.offset;
            count += 1;
        }
        self.left = count;
        self.rewind(0)?;
        if is_sorted {
            return Ok(());
        }
        if count > index_max as u64 {
            return Err(format!(
                "its {count} entries don't stand in the order of its directory, which is only read up to {index_max}\n\
                 hint: raise --memory-limit, or unpack it; what can be read without the directory is read"
            ));
        }
        let mut index = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        for _ in 0..count {
            let at = self.at - self.start;
            index.push((self.read()?.offset, at));
        }
        index.sort_unstable();
        self.index = Some(index.into_iter());
        Ok(())
    }

    fn rewind(&mut self, at: u64) -> Result<(), String> {
        let to = self.start.saturating_add(at);
        let now = self.reader.stream_position().map_err(|error| error.to_string())?;
        // Within what is read ahead nothing is thrown away.
        let by = i64::try_from(to).unwrap_or(i64::MAX) - i64::try_from(now).unwrap_or(i64::MAX);
        self.at = to;
        self.reader.seek_relative(by).map_err(|error| error.to_string())
    }

    /// Whether a header stands there; notes what is none and no signature.
    fn has_more(&mut self) -> Result<bool, String> {
        let mut rest = self.end.saturating_sub(self.at);
        let (from, mut is_first) = (self.at, true);
        while rest > 0 {
            let held = self.reader.fill_buf().map_err(|_| UNREAD.to_owned())?;
            let len = usize::try_from(rest).unwrap_or(usize::MAX).min(held.len());
            let held = held.get(..len).unwrap_or_default();
            // Less than a mark may be held of it: who reads it says whether it is one.
            if held.is_empty() || is_first && is_maybe(held, CENTRAL) {
                return Ok(!held.is_empty());
            }
            if is_first && held.starts_with(SIGNATURE) && rest == 6 + u64::from(u16_at(held, 4)) {
                return Ok(false);
            }
            is_first = false;
            if held.iter().any(|byte| *byte != 0) {
                let reason = format!("corrupt: {rest} bytes in the zip's directory that are no entry of it");
                self.fault = Some(Fault::passed(from, reason));
                return Ok(false);
            }
            self.reader.consume(len);
            self.at += len as u64;
            rest -= len as u64;
        }
        Ok(false)
    }

    fn next(&mut self) -> Result<Option<Header>, Fault> {
        let fault = |reason| Fault::end(0, reason);
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        if let Some(index) = &mut self.index {
            let Some((_, at)) = index.next() else { return Ok(None) };
            self.rewind(at).map_err(fault)?;
        }
        self.read().map(Some).map_err(fault)
    }

    fn read(&mut self) -> Result<Header, String> {
        let no_sense = |_: io::Error| UNREAD.to_owned();
        let mut fixed = [0; CENTRAL_LEN];
        self.reader.read_exact(&mut fixed).map_err(no_sense)?;
        if !fixed.starts_with(CENTRAL) {
            return Err(UNREAD.to_owned());
        }
        let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(&fixed, at)));
        let mut rest = vec![0; name + extra];
        self.reader.read_exact(&mut rest).map_err(no_sense)?;
        self.reader.seek_relative(i64::try_from(comment).unwrap_or_default()).map_err(no_sense)?;
        self.at += (CENTRAL_LEN + name + extra + comment) as u64;
        if self.at > self.end {
            return Err(UNREAD.to_owned());
        }
        let (name, extra) = rest.split_at_checked(name).unwrap_or_default();
        Ok(Header::central(&fixed, name, extra))
    }
}

/// Whether bytes begin with a mark, as far as they go.
fn is_maybe(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.iter().zip(mark).all(|(byte, mark)| byte == mark)
}

/// The end of a zip, and its place in the last bytes of the file.
fn end_of(tail: &[u8]) -> Option<(&[u8], usize)> {
    memchr::memmem::rfind_iter(tail, END).find_map(|at| {
        let end = tail.get(at..)?;
        let is_whole = end.len() >= END_LEN && end.len() >= END_LEN + usize::from(u16_at(end, 20));
        is_whole.then_some((end, at))
    })
}

/// The larger end, which stands before the other one, and its place in the file.
fn larger_end(file: &mut File, tail: &[u8], at: usize, from: u64, len: u64) -> Option<(Vec<u8>, u64)> {
    let locator_at = at.checked_sub(20)?;
    let locator = tail.get(locator_at..at).filter(|bytes| bytes.starts_with(LOCATOR_64))?;
    // Where it says, or right before what says so: bytes may stand before the zip.
    let said = u64_at(locator, 8);
    let before = (from + locator_at as u64).checked_sub(56);
    [Some(said), before].into_iter().flatten().filter(|at| *at < len).find_map(|at| {
        let mut end = vec![0; 56];
        file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut end)).ok()?;
        end.starts_with(END_64).then_some((end, at))
    })
}
