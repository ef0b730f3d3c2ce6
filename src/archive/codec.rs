//! The compressions that logs and containers come in. The first bytes tell which, never a name.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::{DeflateDecoder, GzDecoder};
use liblzma::bufread::XzDecoder;
use liblzma::stream::Stream;
use lz4_flex::frame::FrameDecoder;

/// Source: RFC 8878, section 3.1.1.
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// With the magic of its first block: `BZh` alone may begin a text. Source: bzip2's `blocksort`-independent header, as
/// described in its manual, section "Limitations of the compressed file format", and by `file(1)`.
const BZIP2_BLOCK: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

/// Likewise of one without any block.
const BZIP2_END: &[u8] = &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90];

/// Source: "The .xz File Format", section 2.1.1.1.
const XZ_MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];

/// Source: "LZ4 Frame Format Description", section "General Structure of LZ4 Frame format".
const LZ4_MAGIC: &[u8] = &[0x04, 0x22, 0x4d, 0x18];

/// Upper limit of a decoder's memory unless the caller sets a lower one. `xz -9` and `zstd --ultra` need this much.
pub(super) const WINDOW_MAX_BYTES: u64 = 128 << 20;

/// The first words of the error for a window that is larger than allowed.
const WINDOW_FAULT: &str = "it needs more memory to be inflated";

/// A compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Lz4,
    /// Without a frame, as in zip; told by nothing.
    Deflate,
}

impl Codec {
    /// The compression of bytes that begin like this.
    pub fn of(bytes: &[u8]) -> Option<Codec> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Codec::Gzip),
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Codec::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', block @ ..]
                if block.starts_with(BZIP2_BLOCK) || block.starts_with(BZIP2_END) =>
            {
                Some(Codec::Bzip2)
            }
            _ if bytes.starts_with(ZSTD_MAGIC) => Some(Codec::Zstd),
            _ if bytes.starts_with(XZ_MAGIC) => Some(Codec::Xz),
            _ if bytes.starts_with(LZ4_MAGIC) => Some(Codec::Lz4),
            _ => None,
        }
    }

    /// Whether bytes begin with a member of this.
    pub fn begins(self, bytes: &[u8]) -> bool {
        Codec::of(bytes) == Some(self)
    }

    /// The bytes by which a further member is looked for.
    pub fn magic(self) -> &'static [u8] {
        match self {
            Codec::Gzip => &[0x1f, 0x8b, 8],
            Codec::Zstd => ZSTD_MAGIC,
            Codec::Bzip2 => b"BZh",
            Codec::Xz => XZ_MAGIC,
            Codec::Lz4 => LZ4_MAGIC,
            Codec::Deflate => &[],
        }
    }

    /// Whether a further member may begin with this byte.
    fn may_begin(self, byte: u8) -> bool {
        match self {
            Codec::Zstd => byte == 0x28 || (0x50..=0x5f).contains(&byte),
            Codec::Deflate => false,
            _ => self.magic().first() == Some(&byte),
        }
    }

    /// Memory that a decoder of this takes, about, by the first bytes of what it is to decode; at the most what it is
    /// allowed.
    pub fn window_bytes(self, first: &[u8]) -> u64 {
        match self {
            Codec::Gzip | Codec::Deflate => 1 << 16,
            Codec::Bzip2 => 4 << 20,
            Codec::Lz4 => 17 << 20,
            Codec::Zstd => zstd_window(first).unwrap_or(1 << 20).min(WINDOW_MAX_BYTES),
            // Its first block says how large its dictionary is, but further ones may say more.
            Codec::Xz => xz_dictionary(first).unwrap_or(8 << 20).saturating_add(1 << 20).min(WINDOW_MAX_BYTES),
        }
    }

    /// Inflates one member.
    pub fn member<R: BufRead>(self, reader: R, window_max: u64) -> io::Result<Member<R>> {
        Ok(match self {
            Codec::Gzip => Member::Gzip(GzDecoder::new(reader)),
            Codec::Deflate => Member::Deflate(DeflateDecoder::new(reader)),
            Codec::Bzip2 => Member::Bzip2(BzDecoder::new(reader)),
            Codec::Lz4 => Member::Lz4(Box::new(FrameDecoder::new(Ended { inner: reader, is_at_end: false }))),
            Codec::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(reader)?.single_frame();
                // What zstd takes for one; a window need not be a power of two.
                let most = window_max.clamp(1 << 10, 1 << 31);
                decoder.window_log_max(most.next_power_of_two().ilog2())?;
                Member::Zstd(decoder)
            }
            Codec::Xz => {
                let stream = Stream::new_stream_decoder(window_max.saturating_add(1 << 20), 0)?;
                Member::Xz(XzDecoder::new_stream(reader, stream))
            }
        })
    }
}

/// The window of a zstd frame. Source: RFC 8878, section 3.1.1.1.
fn zstd_window(first: &[u8]) -> Option<u64> {
    let rest = first.strip_prefix(ZSTD_MAGIC)?;
    let (descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment: the window is the content, whose size stands behind the dictionary's id.
    let skipped = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let rest = rest.get(*skipped..)?;
    match descriptor >> 6 {
        0 => rest.first().map(|size| u64::from(*size)),
        1 => rest.first_chunk::<2>().map(|size| u64::from(u16::from_le_bytes(*size)) + 256),
        2 => rest.first_chunk::<4>().map(|size| u64::from(u32::from_le_bytes(*size))),
        _ => rest.first_chunk::<8>().map(|size| u64::from_le_bytes(*size)),
    }
}

/// The dictionary of the first block's last filter, which is LZMA2. Source: "The .xz File Format", sections 3.1 and
/// 5.3.1.
fn xz_dictionary(first: &[u8]) -> Option<u64> {
    let header = first.get(12..)?;
    let len = (usize::from(*header.first()?) + 1) * 4;
    let header = header.get(..len)?;
    // Id and size of the filter, then its one byte.
    let at = header.windows(2).rposition(|pair| pair == [0x21, 1])?;
    let bits = header.get(at + 2)? & 0x3f;
    match bits {
        40 => Some(u64::from(u32::MAX)),
        0..40 => Some((2 | u64::from(bits & 1)) << (bits / 2 + 11)),
        _ => None,
    }
}

/// A decoder of one member.
pub(super) enum Member<R: BufRead> {
    Gzip(GzDecoder<R>),
    Zstd(zstd::Decoder<'static, R>),
    Bzip2(BzDecoder<R>),
    Xz(XzDecoder<R>),
    Lz4(Box<FrameDecoder<Ended<R>>>),
    Deflate(DeflateDecoder<R>),
}

impl<R: BufRead> Member<R> {
    /// What it read from, which stands behind the member if that was read to its end.
    pub fn into_inner(self) -> R {
        match self {
            Member::Gzip(decoder) => decoder.into_inner(),
            Member::Zstd(decoder) => decoder.finish(),
            Member::Bzip2(decoder) => decoder.into_inner(),
            Member::Xz(decoder) => decoder.into_inner(),
            Member::Lz4(decoder) => decoder.into_inner().inner,
            Member::Deflate(decoder) => decoder.into_inner(),
        }
    }
}

impl<R: BufRead> Read for Member<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self {
            Member::Gzip(decoder) => decoder.read(buffer),
            Member::Zstd(decoder) => decoder.read(buffer),
            Member::Bzip2(decoder) => decoder.read(buffer),
            Member::Xz(decoder) => decoder.read(buffer),
            Member::Deflate(decoder) => decoder.read(buffer),
            Member::Lz4(decoder) => match decoder.read(buffer) {
                // A frame that ends soundly doesn't look for more; the decoder takes one that breaks off for ended.
                Ok(0) if decoder.get_ref().is_at_end && !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
                read => read,
            },
        };
        read.map_err(window_fault)
    }
}

/// Decoders say it in words alone.
fn window_fault(error: io::Error) -> io::Error {
    let is_window = || {
        let text = error.to_string();
        text.contains("too much memory") || text.contains("memory limit")
    };
    match error.kind() {
        io::ErrorKind::Other | io::ErrorKind::OutOfMemory if is_window() => {
            io::Error::new(io::ErrorKind::OutOfMemory, format!("{WINDOW_FAULT} than it may have"))
        }
        _ => error,
    }
}

/// Notes that there are no more bytes.
pub(super) struct Ended<R> {
    inner: R,
    is_at_end: bool,
}

impl<R: Read> Read for Ended<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(buffer)?;
        self.is_at_end |= len == 0 && !buffer.is_empty();
        Ok(len)
    }
}

/// Inflates all members, one after the other.
pub(super) struct Inflating<R: BufRead> {
    codec: Codec,
    window_max: u64,
    state: State<R>,
}

enum State<R: BufRead> {
    Within(Box<Member<R>>),
    Between(R),
    /// Only while one becomes the other.
    Nothing,
}

/// What stands behind the last member and is none.
pub(super) const NO_MEMBER: &str = "bytes behind the compressed stream that are no part of it";

impl<R: BufRead> Inflating<R> {
    pub fn new(codec: Codec, reader: R, window_max: u64) -> io::Result<Inflating<R>> {
        Ok(Inflating { codec, window_max, state: State::Within(Box::new(codec.member(reader, window_max)?)) })
    }

    /// What it read from; `None` after a decoder that could not be made.
    pub fn into_inner(self) -> Option<R> {
        match self.state {
            State::Within(member) => Some(member.into_inner()),
            State::Between(reader) => Some(reader),
            State::Nothing => None,
        }
    }

    /// Whether another member follows. Zeros are padding.
    fn has_more(&self, reader: &mut R) -> io::Result<bool> {
        if self.codec == Codec::Deflate {
            return Ok(false);
        }
        loop {
            let ahead = reader.fill_buf()?;
            match ahead.first() {
                None => return Ok(false),
                Some(0) => {
                    let zeros = ahead.iter().take_while(|byte| **byte == 0).count();
                    reader.consume(zeros);
                }
                Some(byte) if self.codec.may_begin(*byte) => return Ok(true),
                Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, NO_MEMBER)),
            }
        }
    }
}

impl<R: BufRead> Read for Inflating<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let State::Within(member) = &mut self.state else { return Ok(0) };
            let len = member.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            let State::Within(member) = std::mem::replace(&mut self.state, State::Nothing) else { return Ok(0) };
            let mut reader = member.into_inner();
            match self.has_more(&mut reader) {
                Ok(true) => self.state = State::Within(Box::new(self.codec.member(reader, self.window_max)?)),
                more => {
                    self.state = State::Between(reader);
                    return more.map(|_| 0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000_u32).flat_map(|n| format!("{{\"n\":{}}}\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect()
    }

    fn packed(codec: Codec, bytes: &[u8]) -> Vec<u8> {
        let out = Vec::new();
        match codec {
            Codec::Gzip => {
                let mut to = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
                to.write_all(bytes).and_then(|()| to.finish()).unwrap()
            }
            Codec::Deflate => {
                let mut to = flate2::write::DeflateEncoder::new(out, flate2::Compression::fast());
                to.write_all(bytes).and_then(|()| to.finish()).unwrap()
            }
            Codec::Zstd => zstd::encode_all(bytes, 1).unwrap(),
            Codec::Bzip2 => {
                let mut to = bzip2::write::BzEncoder::new(out, bzip2::Compression::fast());
                to.write_all(bytes).and_then(|()| to.finish()).unwrap()
            }
            Codec::Xz => {
                let mut to = liblzma::write::XzEncoder::new(out, 1);
                to.write_all(bytes).and_then(|()| to.finish()).unwrap()
            }
            Codec::Lz4 => {
                let mut to = lz4_flex::frame::FrameEncoder::new(out);
                to.write_all(bytes).unwrap();
                to.finish().unwrap()
            }
        }
    }

    const FRAMED: [Codec; 5] = [Codec::Gzip, Codec::Zstd, Codec::Bzip2, Codec::Xz, Codec::Lz4];

    #[test]
    fn each_is_told_by_its_first_bytes_and_inflated_member_by_member() {
        let text = text();
        for codec in FRAMED {
            let one = packed(codec, &text);
            assert_eq!(Codec::of(&one), Some(codec));
            let all = [&one[..], &packed(codec, b"and more"), &[0; 8]].concat();
            let mut inflated = Vec::new();
            Inflating::new(codec, &all[..], WINDOW_MAX_BYTES).unwrap().read_to_end(&mut inflated).unwrap();
            assert!(inflated == [&text[..], b"and more"].concat(), "{codec:?}");
            let other = [&one[..], b"~"].concat();
            let mut to = Vec::new();
            let error = Inflating::new(codec, &other[..], WINDOW_MAX_BYTES).unwrap().read_to_end(&mut to).unwrap_err();
            assert!(to == text && error.to_string() == NO_MEMBER, "{codec:?}: {error}");
        }
        assert_eq!(Codec::of(b"BZh9 is no bzip2"), None);
    }

    #[test]
    fn a_cut_is_a_cut_wherever_it_is() {
        let text = text();
        for codec in FRAMED.into_iter().chain([Codec::Deflate]) {
            let one = packed(codec, &text);
            for len in
                [one.len() - 1, one.len() - 5, one.len() / 2, 40, 8, 5].into_iter().filter(|len| *len < one.len())
            {
                let mut to = Vec::new();
                let mut from = Inflating::new(codec, &one[..len], WINDOW_MAX_BYTES).unwrap();
                let error = from.read_to_end(&mut to).expect_err("cut");
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{codec:?} {len}: {error}");
                assert!(text.starts_with(&to));
            }
        }
    }

    #[test]
    fn what_wants_more_memory_than_allowed_is_told() {
        let text = vec![7; 9 << 20];
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 6);
        xz.write_all(&text).unwrap();
        let xz = xz.finish().unwrap();
        let mut zstd = zstd::Encoder::new(Vec::new(), 1).unwrap();
        zstd.window_log(24).unwrap();
        zstd.write_all(&text).unwrap();
        let zstd = zstd.finish().unwrap();
        for (codec, bytes, window) in [(Codec::Xz, &xz, 8 << 20), (Codec::Zstd, &zstd, 1 << 24)] {
            let needed = codec.window_bytes(bytes);
            assert!((window..=window + (2 << 20)).contains(&needed), "{codec:?} {needed}");
            let mut to = Vec::new();
            let error = Inflating::new(codec, &bytes[..], needed / 8).unwrap().read_to_end(&mut to).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::OutOfMemory, "{error}");
            let mut to = Vec::new();
            Inflating::new(codec, &bytes[..], needed).unwrap().read_to_end(&mut to).unwrap();
            assert!(to == text);
        }
    }
}
