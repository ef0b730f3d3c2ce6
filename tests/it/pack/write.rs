//! Writes tars and zips byte by byte, sound ones and others, so that what reads them isn't asked how they are written.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).and_then(|()| to.finish()).unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

pub fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    to.write_all(bytes).and_then(|()| to.finish()).unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut to = liblzma::write::XzEncoder::new(Vec::new(), 1);
    to.write_all(bytes).and_then(|()| to.finish()).unwrap()
}

pub fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut to = DeflateEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).and_then(|()| to.finish()).unwrap()
}

/// Name and bytes.
pub type Entry<'a> = (&'a str, &'a [u8]);

/// The header of an entry of a tar.
pub fn tar_header(name: &str, size: u64, kind: u8, link: &str) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"14000000000\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

pub fn tar_entry(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    if name.len() > 100 {
        // As pax has long names.
        let record = |len: usize| format!("{len} path={name}\n");
        let mut len = record(0).len();
        while record(len).len() != len {
            len = record(len).len();
        }
        entry.extend(padded(&tar_header("pax", len as u64, b'x', ""), record(len).as_bytes()));
    }
    entry.extend(padded(&tar_header(name, bytes.len() as u64, b'0', ""), bytes));
    entry
}

fn padded(header: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut all = [header, bytes].concat();
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

pub fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut all: Vec<u8> = entries.iter().flat_map(|(name, bytes)| tar_entry(name, bytes)).collect();
    all.extend([0; 1024]);
    all
}

/// How a zip is written.
#[derive(Clone, Copy, Default)]
pub struct ZipOptions {
    pub method: u16,
    /// Sizes stand behind each entry.
    pub descriptors: bool,
    /// Sizes stand in fields of eight bytes.
    pub is_64: bool,
    /// What the directory says in place of each size.
    pub size_said: Option<u32>,
    pub is_encrypted: bool,
    pub is_crc_wrong: bool,
    /// The directory lists the entries from the last to the first.
    pub is_reversed: bool,
}

pub fn zip_with(entries: &[Entry<'_>], options: ZipOptions) -> Vec<u8> {
    let (mut all, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let packed = match options.method {
            8 => deflate(bytes),
            12 => bzip2(bytes),
            93 => zstd(bytes),
            95 => xz(bytes),
            _ => bytes.to_vec(),
        };
        let crc = libdeflater::crc32(bytes) ^ u32::from(options.is_crc_wrong);
        let flags = u16::from(options.is_encrypted) | (u16::from(options.descriptors) << 3);
        let offset = all.len() as u32;
        let size = options.size_said.unwrap_or(bytes.len() as u32);
        let sizes = |is_behind: bool| match (is_behind, options.is_64) {
            (true, _) => (0, 0, 0),
            (false, true) => (crc, u32::MAX, u32::MAX),
            (false, false) => (crc, packed.len() as u32, size),
        };
        let extra = |is_behind: bool| -> Vec<u8> {
            let (size, packed) = if is_behind { (0, 0) } else { (u64::from(size), packed.len() as u64) };
            match options.is_64 {
                true => [&[1, 0, 16, 0][..], &size.to_le_bytes(), &packed.to_le_bytes()].concat(),
                false => Vec::new(),
            }
        };
        let common = |is_behind: bool| {
            let (crc, packed, size) = sizes(is_behind);
            let mut bytes = Vec::new();
            bytes.extend([20_u16, flags, options.method, 0, 0].iter().flat_map(|number| number.to_le_bytes()));
            bytes.extend([crc, packed, size].iter().flat_map(|number| number.to_le_bytes()));
            bytes.extend([name.len() as u16, extra(is_behind).len() as u16].iter().flat_map(|n| n.to_le_bytes()));
            bytes
        };
        all.extend(b"PK\x03\x04");
        all.extend(common(options.descriptors));
        all.extend(name.as_bytes());
        all.extend(extra(options.descriptors));
        all.extend(&packed);
        if options.descriptors {
            all.extend(b"PK\x07\x08");
            all.extend(crc.to_le_bytes());
            match options.is_64 {
                true => all.extend([packed.len() as u64, bytes.len() as u64].iter().flat_map(|n| n.to_le_bytes())),
                false => all.extend([packed.len() as u32, bytes.len() as u32].iter().flat_map(|n| n.to_le_bytes())),
            }
        }
        let mut listed = b"PK\x01\x02\x14\x03".to_vec();
        listed.extend(common(false));
        listed.extend([0; 6]);
        listed.extend((0o100_644_u32 << 16).to_le_bytes());
        listed.extend(offset.to_le_bytes());
        listed.extend(name.as_bytes());
        listed.extend(extra(false));
        directory.push(listed);
    }
    if options.is_reversed {
        directory.reverse();
    }
    end_zip(all, &directory, options.is_64)
}

/// Puts a directory behind the entries of a zip.
pub fn end_zip(mut all: Vec<u8>, directory: &[Vec<u8>], is_64: bool) -> Vec<u8> {
    let (start, count) = (all.len() as u64, directory.len() as u64);
    let listed = directory.concat();
    all.extend(&listed);
    if is_64 {
        let end = all.len() as u64;
        all.extend(b"PK\x06\x06");
        all.extend(44_u64.to_le_bytes());
        all.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        all.extend([count, count, listed.len() as u64, start].iter().flat_map(|number| number.to_le_bytes()));
        all.extend(b"PK\x06\x07\0\0\0\0");
        all.extend(end.to_le_bytes());
        all.extend(1_u32.to_le_bytes());
    }
    let small = |number: u64| if is_64 { u32::MAX } else { number as u32 };
    let count = if is_64 { u16::MAX } else { count as u16 };
    all.extend(b"PK\x05\x06\0\0\0\0");
    all.extend([count, count].iter().flat_map(|number| number.to_le_bytes()));
    all.extend([small(listed.len() as u64), small(start)].iter().flat_map(|number| number.to_le_bytes()));
    all.extend([0, 0]);
    all
}

pub fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    zip_with(entries, ZipOptions { method: 8, ..ZipOptions::default() })
}
