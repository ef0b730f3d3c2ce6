//! The directory at the end of a zip, which says what is in it.
//!
//! Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::entry::Fault;
use super::zip_header::{Header, LARGER, u16_at, u32_at, u64_at};

pub(super) const CENTRAL: &[u8] = b"PK\x01\x02";
pub(super) const END: &[u8] = b"PK\x05\x06";
pub(super) const END_64: &[u8] = b"PK\x06\x06";
pub(super) const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// Signs the directory, at its end.
const SIGNATURE: &[u8] = b"PK\x05\x05";
pub(super) const CENTRAL_LEN: usize = 46;
pub(super) const END_LEN: usize = 22;
/// The end, with the longest comment, and what says where the larger one stands.
const TAIL_BYTES: u64 = END_LEN as u64 + 65_535 + 20;

/// The directory of a zip, read entry by entry, so that it takes no memory however long it is.
#[derive(Debug)]
pub(super) struct Directory {
    reader: BufReader<File>,
    /// Where it begins in the file.
    start: u64,
    /// Where it ends.
    end: u64,
    /// Where it is read.
    at: u64,
    left: u64,
    /// Bytes that stand before the zip in the file.
    pub shift: u64,
    /// Where the entries stand, with their places in the directory: where its order is not theirs.
    index: Option<std::vec::IntoIter<(u64, u64)>>,
    /// What stands behind the entries, from and to: the directory, and what ends the zip.
    pub spans: Vec<(u64, u64)>,
    /// What is wrong with it, though it can be read.
    pub fault: Option<Fault>,
}

const UNREAD: &str = "corrupt: the zip's directory makes no sense; what stands before it is read without";

impl Directory {
    /// The directory; no fault where there is none, because the zip was cut.
    pub fn open(mut file: File, index_max: usize) -> Result<Directory, Option<Fault>> {
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

    pub fn next(&mut self) -> Result<Option<Header>, Fault> {
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
