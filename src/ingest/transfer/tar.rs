//! The tar that an export is: plain files alone, in the order of its manifest, without anything that a tar may have
//! beside them. What is read has to be of this form to the byte, so that nothing in it is left to be made sense of.
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format"; sizes from 8 GiB on in base 256 as GNU tar writes them.

use std::io::{self, Read, Write};

/// Bytes of a block.
const BLOCK: usize = 512;

/// Bytes of a name.
const NAME_MAX: usize = 100;

/// Sizes below this one fit into eleven octal digits.
const OCTAL_MAX: u64 = 1 << 33;

/// Where the fields of a header lie, behind the name.
const MODE: usize = 100;
const OWNER: usize = 108;
const GROUP: usize = 116;
const SIZE: usize = 124;
const TIME: usize = 136;
const CHECKSUM: usize = 148;
const MAGIC: usize = 257;

/// The header of a plain file; `None` for a name that doesn't fit.
fn header(name: &str, size_bytes: u64) -> Option<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| -> Option<()> {
        block.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
        Some(())
    };
    if name.is_empty() || name.len() > NAME_MAX {
        return None;
    }
    put(0, name.as_bytes())?;
    put(MODE, b"0000600\0")?;
    put(OWNER, b"0000000\0")?;
    put(GROUP, b"0000000\0")?;
    if size_bytes < OCTAL_MAX {
        put(SIZE, format!("{size_bytes:011o}\0").as_bytes())?;
    } else {
        put(SIZE, &[0x80])?;
        put(SIZE + 4, &size_bytes.to_be_bytes())?;
    }
    put(TIME, b"00000000000\0        0")?;
    put(MAGIC, b"ustar\x0000")?;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block.get_mut(CHECKSUM..CHECKSUM + 8)?.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

/// Bytes behind a file up to the next block.
#[expect(clippy::cast_possible_truncation, reason = "less than a block")]
fn padding(size_bytes: u64) -> usize {
    (size_bytes.next_multiple_of(BLOCK as u64) - size_bytes) as usize
}

/// Writes the header of a file, whose bytes are to follow.
pub(super) fn begin(out: &mut dyn Write, name: &str, size_bytes: u64) -> io::Result<()> {
    let header = header(name, size_bytes).ok_or_else(|| io::Error::other(format!("no name for a tar: {name:?}")))?;
    out.write_all(&header)
}

/// Ends a file.
pub(super) fn end(out: &mut dyn Write, size_bytes: u64) -> io::Result<()> {
    out.write_all([0; BLOCK].get(..padding(size_bytes)).unwrap_or_default())
}

/// Ends the tar.
pub(super) fn finish(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])
}

/// Reads the header of the next file: its name and size; `None` at the end.
pub(super) fn next(input: &mut dyn Read) -> io::Result<Option<(String, u64)>> {
    let mut block = [0; BLOCK];
    input.read_exact(&mut block)?;
    if block == [0; BLOCK] {
        return Ok(None);
    }
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "it is not a tar as `trailpare export` writes it");
    let name = block.get(..NAME_MAX).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
    let name = std::str::from_utf8(name).map_err(|_| odd())?;
    let size_bytes = size(block.get(SIZE..TIME).unwrap_or_default()).ok_or_else(odd)?;
    // The header that we would have written is the only one that says this.
    let is_ours = header(name, size_bytes).is_some_and(|expected| expected == block);
    if is_ours { Ok(Some((name.to_owned(), size_bytes))) } else { Err(odd()) }
}

fn size(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => Some(u64::from_be_bytes(*rest.last_chunk()?)),
        _ => u64::from_str_radix(std::str::from_utf8(field).ok()?.strip_suffix('\0')?, 8).ok(),
    }
}

/// Reads what stands behind a file.
pub(super) fn skip_padding(input: &mut dyn Read, size_bytes: u64) -> io::Result<()> {
    let mut block = [0; BLOCK];
    let padding = block.get_mut(..padding(size_bytes)).unwrap_or_default();
    input.read_exact(padding)?;
    all_zero(padding)
}

/// Reads what stands behind the end: a block of zeros and nothing else.
pub(super) fn read_end(input: &mut dyn Read) -> io::Result<()> {
    let mut block = [0; BLOCK];
    input.read_exact(&mut block)?;
    all_zero(&block)?;
    let behind = io::copy(&mut input.take(1), &mut io::sink())?;
    if behind == 0 {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "something stands behind its end"))
    }
}

fn all_zero(bytes: &[u8]) -> io::Result<()> {
    let is_zero = bytes.iter().all(|byte| *byte == 0);
    if is_zero { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "bytes stand between its files")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header by tar(1) of GNU: `tar --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 --mode=600`, its
    /// checksum included; of the names of owners it has none.
    #[test]
    fn headers_are_those_of_other_programs() {
        let header = header("manifest.json", 1_234).expect("a header");
        let text = |at: usize, len: usize| std::str::from_utf8(&header[at..at + len]).expect("text");
        assert_eq!(text(SIZE, 12), "00000002322\0");
        assert_eq!((text(MODE, 8), text(MAGIC, 8), text(156, 1)), ("0000600\0", "ustar\x0000", "0"));
        let sum: u32 =
            header.iter().enumerate().map(|(at, b)| if (148..156).contains(&at) { 32 } else { u32::from(*b) }).sum();
        assert_eq!(text(CHECKSUM, 8), format!("{sum:06o}\0 "));
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for size_bytes in [0, 1, 511, 512, OCTAL_MAX - 1, OCTAL_MAX, u64::MAX / 2] {
            let block = header("a/b.parquet", size_bytes).expect("a header");
            assert_eq!(next(&mut &block[..]).expect("read"), Some(("a/b.parquet".to_owned(), size_bytes)));
            for at in 0..BLOCK {
                let mut altered = block;
                altered[at] ^= 0x10;
                assert!(next(&mut &altered[..]).is_err(), "byte {at}");
            }
        }
        assert!(header(&"x".repeat(101), 1).is_none() && header("", 1).is_none());
        assert_eq!(next(&mut &[0; BLOCK][..]).expect("read"), None);
        assert!(next(&mut &[0; 100][..]).is_err());
        assert!(read_end(&mut &[0; BLOCK][..]).is_ok() && read_end(&mut &[0; BLOCK + 1][..]).is_err());
        assert!(read_end(&mut &[1; BLOCK][..]).is_err());
        assert!(skip_padding(&mut &[0; 511][..], 1).is_ok() && skip_padding(&mut &[2; 511][..], 1).is_err());
    }
}
