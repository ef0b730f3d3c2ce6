//! Headers of tar, of every writer: the oldest ones, POSIX's `ustar` and `pax`, GNU's.
//!
//! Source: POSIX.1-2024, `pax`, "ustar Interchange Format" and "pax Extended Header"; GNU tar's manual, "Basic Tar Format".

use std::io::{self, Read};

use super::super::buffered::Buffered;
use super::entry::{Entry, FULL_FOLDER, Fault, Method, What};

/// Everything is so many bytes long, or a multiple of it.
pub(super) const BLOCK: usize = 512;

/// A header that says more about an entry, of which a name is a part, has less.
const EXTENDED_MAX_BYTES: u64 = 1 << 20;

/// What is said ahead of an entry.
#[derive(Debug, Default)]
struct Ahead {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
    is_too_long: bool,
    /// Where it stands, if anything is.
    at: Option<u64>,
}

/// Where a tar is read.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Zeros that fill the last block of the entry at hand.
    pub padding: u64,
    /// Whether blocks of zeros have come, which end it.
    has_ended: bool,
    /// What is wrong with what stands ahead of the entry at hand, told behind it.
    fault: Option<Fault>,
}

/// Whether a block is a header: its checksum is right.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK) else { return false };
    let Some(said) = block.get(148..156).and_then(number) else { return false };
    let is_in_sum = |at: usize| (148..156).contains(&at);
    let sum = block.iter().enumerate().map(|(at, byte)| if is_in_sum(at) { 32 } else { u64::from(*byte) }).sum::<u64>();
    // Very old ones added signed characters.
    let signed = |(at, byte): (usize, &u8)| if is_in_sum(at) { 32 } else { i64::from(byte.cast_signed()) };
    let has_name = block.first().is_some_and(|byte| *byte != 0) || block.get(345).is_some_and(|byte| *byte != 0);
    has_name && (said == sum || i64::try_from(said) == Ok(block.iter().enumerate().map(signed).sum::<i64>()))
}

/// A number in octal digits, or in bytes where that is said.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((first @ 0x80..=0xbf, rest)) = field.split_first() {
        let start = u64::from(first & 0x3f);
        return rest.iter().try_fold(start, |all, byte| all.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let text: Vec<u8> =
        field.iter().copied().skip_while(|byte| *byte == b' ').take_while(|byte| !matches!(byte, 0 | b' ')).collect();
    if text.is_empty() {
        return Some(0);
    }
    text.iter().try_fold(0_u64, |all, byte| match byte {
        b'0'..=b'7' => all.checked_mul(8)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

fn text(field: Option<&[u8]>) -> Vec<u8> {
    field.unwrap_or_default().iter().copied().take_while(|byte| *byte != 0).collect()
}

fn name_of(block: &[u8]) -> Vec<u8> {
    let name = text(block.get(..100));
    let is_posix = block.get(257..263) == Some(b"ustar\0");
    match text(block.get(345..500)) {
        prefix if is_posix && !prefix.is_empty() => [&prefix[..], b"/", &name].concat(),
        _ => name,
    }
}

impl State {
    /// The next entry, with so many bytes that follow.
    pub fn next<S: Read>(&mut self, input: &mut Buffered<S>) -> Result<Option<Entry>, Fault> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let mut ahead = Ahead::default();
        loop {
            let at = input.offset();
            let Some(block) = self.block(input)? else { return ahead.none_follows().map_or(Ok(None), Err) };
            if !is_header(&block) {
                return Err(resync(input, at, self.has_ended));
            }
            self.has_ended = false;
            let kind = block.get(156).copied().unwrap_or_default();
            let Some(said) = block.get(124..136).and_then(number) else {
                return Err(Fault::passed(at, "corrupt: a tar header says no size".to_owned()));
            };
            match kind {
                b'x' | b'X' | b'L' | b'K' | b'g' => {
                    ahead.at.get_or_insert(at);
                    if let Some(reason) = extend(&mut ahead, kind, said, input)? {
                        self.fault.get_or_insert(Fault::passed(at, reason));
                    }
                }
                // The label of a volume has no bytes; one that has is no label.
                b'V' if ahead.size.unwrap_or(said) == 0 => {}
                _ => return self.entry(&block, kind, said, ahead, input).map(Some),
            }
        }
    }

    /// The next block that isn't all zeros; `None` at the end.
    fn block<S: Read>(&mut self, input: &mut Buffered<S>) -> Result<Option<Vec<u8>>, Fault> {
        loop {
            let block = match input.peek(BLOCK) {
                Ok(block) => block.to_vec(),
                // Whatever cuts the stream here cuts nothing of the tar.
                Err(error) => return Err(Fault::of(&error, input.offset())),
            };
            if block.is_empty() && self.has_ended {
                return Ok(None);
            }
            if block.len() < BLOCK && (!self.has_ended || block.iter().any(|byte| *byte != 0)) {
                let reason = "truncated: the tar breaks off, without the zeros that end it".to_owned();
                return Err(Fault::end(input.offset(), reason));
            }
            let len = block.len() as u64;
            skip(input, len)?;
            if block.iter().any(|byte| *byte != 0) {
                return Ok(Some(block));
            }
            self.has_ended = true;
        }
    }

    fn entry<S: Read>(
        &mut self,
        block: &[u8],
        kind: u8,
        said: u64,
        ahead: Ahead,
        input: &mut Buffered<S>,
    ) -> Result<Entry, Fault> {
        let size = ahead.size.unwrap_or(said);
        let name = ahead.name.unwrap_or_else(|| name_of(block));
        let target = ahead.link.unwrap_or_else(|| text(block.get(157..257)));
        let (what, size) = match kind {
            _ if ahead.is_too_long => (What::Refused("its name is longer than a name may be".to_owned()), size),
            b'1' => (What::NotFollowed("a hard link", Some(target)), 0),
            b'2' => (What::NotFollowed("a symbolic link", Some(target)), 0),
            b'3' | b'4' => (What::NotFollowed("a device", None), 0),
            b'6' => (What::NotFollowed("a pipe", None), 0),
            b'5' => (What::Folder, 0),
            b'D' if is_listing(size, input)? => (What::Folder, size),
            b'D' => (What::Refused(FULL_FOLDER.to_owned()), size),
            b'V' => (What::Refused("the label of a volume, but it has bytes\nhint: unpack it".to_owned()), size),
            b'M' => (What::Refused("the rest of a file that begins in another volume".to_owned()), size),
            b'S' => {
                sparse_headers(block, input)?;
                (What::Refused(SPARSE.to_owned()), size)
            }
            _ if ahead.is_sparse => (What::Refused(SPARSE.to_owned()), size),
            // A name that ends so is a folder's in tars of before POSIX.
            b'\0' | b'0' if name.ends_with(b"/") && size == 0 => (What::Folder, size),
            b'\0' | b'0' if name.ends_with(b"/") => (What::Refused(FULL_FOLDER.to_owned()), size),
            _ => (What::File, size),
        };
        self.padding = padded(size) - size;
        Ok(Entry { name, what, raw: Some(size), size: Some(size), method: Method::Stored, crc: None })
    }
}

const SPARSE: &str = "a sparse file, of which tar has only parts\nhint: unpack it";

/// A list of what is in a folder has less, or isn't looked through.
const LISTING_MAX_BYTES: u64 = 1 << 20;

/// Whether the bytes of a folder are GNU's list of what is in it: a letter and a name each, with a zero behind.
///
/// Source: GNU tar's manual, "Dumpdir".
fn is_listing<S: Read>(size: u64, input: &mut Buffered<S>) -> Result<bool, Fault> {
    let Some(len) = usize::try_from(size).ok().filter(|_| size <= LISTING_MAX_BYTES) else { return Ok(false) };
    let at = input.offset();
    let bytes = input.peek(len).map_err(|error| Fault::of(&error, at))?;
    let is_name = |name: &[u8]| name.first().is_none_or(|first| b"YNDRTX".contains(first));
    Ok(bytes.split(|byte| *byte == 0).all(is_name))
}

/// Further headers of GNU's sparse files.
fn sparse_headers<S: Read>(block: &[u8], input: &mut Buffered<S>) -> Result<(), Fault> {
    let mut has_more = block.get(482).is_some_and(|byte| *byte != 0);
    while has_more {
        has_more = input.peek(BLOCK).ok().and_then(|block| block.get(504)).is_some_and(|byte| *byte != 0);
        skip(input, BLOCK as u64)?;
    }
    Ok(())
}

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64)
}

fn skip<S: Read>(input: &mut Buffered<S>, bytes: u64) -> Result<(), Fault> {
    match input.skip(bytes) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Fault::end(input.offset(), "truncated: the tar breaks off in a header".to_owned())),
        Err(error) => Err(Fault::of(&error, input.offset())),
    }
}

/// Reads the headers that stand before an entry's own. Returns what is wrong with them where the entry can be read all
/// the same.
fn extend<S: Read>(ahead: &mut Ahead, kind: u8, size: u64, input: &mut Buffered<S>) -> Result<Option<String>, Fault> {
    if size > EXTENDED_MAX_BYTES {
        skip(input, padded(size))?;
        ahead.is_too_long |= kind != b'g';
        return Ok((kind == b'g').then(|| format!("corrupt: a pax header of {size} bytes; it was passed over")));
    }
    let mut bytes = Vec::new();
    let read: io::Result<usize> = input.by_ref().take(padded(size)).read_to_end(&mut bytes);
    if let Err(error) = read {
        return Err(Fault::of(&error, input.offset()));
    }
    if (bytes.len() as u64) < padded(size) {
        return Err(Fault::end(input.offset(), "truncated: the tar breaks off in a header".to_owned()));
    }
    bytes.truncate(usize::try_from(size).unwrap_or_default());
    match kind {
        b'L' => ahead.name = Some(text(Some(&bytes))),
        b'K' => ahead.link = Some(text(Some(&bytes))),
        b'g' => {
            // It is of all entries that follow: what it says of a file's own name or size is of none of them.
            let mut of_all = Ahead::default();
            let left = pax(&mut of_all, &bytes);
            let is_of_one = of_all.name.is_some() || of_all.size.is_some() || of_all.link.is_some() || of_all.is_sparse;
            let of_one = "a pax header for all entries that says a file's name or size; it was passed over";
            return Ok(foreign(left).or(is_of_one.then(|| of_one.to_owned())));
        }
        _ => return Ok(foreign(pax(ahead, &bytes))),
    }
    Ok(None)
}

/// Says that bytes of a header are none of its records.
fn foreign(bytes: usize) -> Option<String> {
    (bytes > 0).then(|| format!("corrupt: {bytes} bytes in a pax header that are none of its records"))
}

/// `LENGTH KEY=VALUE\n`, again and again. How many bytes are left that are no such record; zeros are none.
fn pax(ahead: &mut Ahead, mut records: &[u8]) -> usize {
    while records.iter().any(|byte| *byte != 0) {
        let Some((key, value, rest)) = pax_record(records) else { return records.len() };
        records = rest;
        match key {
            b"path" | b"GNU.sparse.name" => ahead.name = Some(value.to_vec()),
            b"linkpath" => ahead.link = Some(value.to_vec()),
            b"size" => ahead.size = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()),
            _ => {}
        }
        ahead.is_sparse |= key.starts_with(b"GNU.sparse.");
    }
    0
}

/// The first record's key and value, and what follows it.
fn pax_record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let len = std::str::from_utf8(records.get(..space)?).ok()?.parse::<usize>().ok()?;
    let (record, rest) = (records.get(space + 1..len)?, records.get(len..)?);
    let record = record.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((record.get(..equals)?, record.get(equals + 1..)?, rest))
}

impl Ahead {
    /// What is wrong where something is said of an entry and none follows.
    fn none_follows(&self) -> Option<Fault> {
        let is_said = self.name.is_some() || self.link.is_some() || self.size.is_some() || self.is_too_long;
        let reason = "corrupt: a header that says more about an entry, and none follows";
        self.at.filter(|_| is_said).map(|at| Fault::end(at, reason.to_owned()))
    }
}

/// Looks for the next header behind something that is none.
fn resync<S: Read>(input: &mut Buffered<S>, at: u64, has_ended: bool) -> Fault {
    loop {
        let block = match input.peek(BLOCK) {
            Ok(block) if block.len() == BLOCK => block.to_vec(),
            _ if has_ended => return Fault::end(at, "corrupt: bytes behind the end that are no tar".to_owned()),
            _ => return Fault::end(at, "corrupt: what stands there is no tar header, nor is what follows".to_owned()),
        };
        if is_header(&block) {
            let reason =
                format!("corrupt: what stands there is no tar header; the next one stands at {}", input.offset());
            return Fault::passed(at, reason);
        }
        let _ = input.skip(BLOCK as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_octal_or_bytes() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"    644 "), Some(0o644));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Some((2 << 32) + 1));
        assert_eq!(number(&[0xff; 12]), None);
        assert_eq!(number(b"9"), None);
        assert_eq!(number(&[0xbf; 12]), None);
    }
}
