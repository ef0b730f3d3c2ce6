//! One header of a zip: what it says of an entry.
//!
//! Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.

use super::super::codec::Codec;
use super::entry::{Entry, FULL_FOLDER, Method, What};

/// A number that stands in a larger field.
pub(super) const LARGER: u64 = 0xffff_ffff;

const IS_ENCRYPTED: u16 = 1;
pub(super) const HAS_DESCRIPTOR: u16 = 1 << 3;
const HIDES_HEADERS: u16 = 1 << 13;

/// A folder may have the few bytes to which a codec packs nothing.
const FOLDER_MAX_BYTES: u64 = 32;

/// What a header says of an entry.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
    /// Whether its sizes stand in larger fields.
    pub is_64: bool,
    /// Where its own header stands; of the directory.
    pub offset: u64,
    pub disk: u32,
    /// Who made it and what a file system says of it.
    pub made_by: u16,
    pub attributes: u32,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
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

    pub fn local(fixed: &[u8], name: &[u8], extra: &[u8]) -> Header {
        let mut header = Header { name: name.to_vec(), ..Header::common(fixed.get(6..).unwrap_or_default()) };
        header.extend(extra, true);
        header
    }

    pub fn central(fixed: &[u8], name: &[u8], extra: &[u8]) -> Header {
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

    pub fn entry(self, is_directory: bool) -> Entry {
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
