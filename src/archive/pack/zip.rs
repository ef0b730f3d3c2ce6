//! Headers of zip. Where the directory at its end can be read, it says what is in it; a pipe, a zip in another container
//! and one that was cut are read by the headers that stand before each entry.
//!
//! Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

use std::fs::File;
use std::io::{BufRead, Read};

use super::super::buffered::Buffered;
use super::entry::{Entry, Fault, What};
use super::zip_directory::{CENTRAL, CENTRAL_LEN, Directory, END, END_64, END_LEN, LOCATOR_64};
use super::zip_header::{HAS_DESCRIPTOR, Header, u16_at, u32_at, u64_at};

const LOCAL: &[u8] = b"PK\x03\x04";
const EXTRA: &[u8] = b"PK\x06\x08";
/// Stands behind an entry whose sizes were not known before it; alone at the start it marks parts.
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const ONE_PART: &[u8] = b"PK00";
const LOCAL_LEN: usize = 30;

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
    /// The directory's next entry, kept back while the bytes before it are reported.
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
