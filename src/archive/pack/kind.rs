//! Whether bytes are a container, or compressed ones of one.

use std::io::Read as _;

use super::super::codec::{Codec, Inflating, WINDOW_MAX_BYTES};
use super::{tar, zip};

/// Compressions that lie in one another at the most.
pub(in crate::archive) const NESTED_MAX: usize = 3;

/// So many bytes tell a container.
pub(super) const TOLD_BYTES: usize = tar::BLOCK;

/// What holds files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::archive) enum Kind {
    Tar,
    Zip,
}

/// What the first bytes tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A container, below these compressions, the outermost first.
    Container(Vec<Codec>, Kind),
    /// None; whether it is compressed.
    Other(bool),
    /// Too few; so many would be enough.
    More(usize),
}

/// The container that begins like this.
pub(in crate::archive) fn kind_of(first: &[u8]) -> Option<Kind> {
    match first {
        _ if zip::is_zip(first) => Some(Kind::Zip),
        _ if tar::is_header(first) => Some(Kind::Tar),
        // Its first header is damaged.
        _ if first.get(257..262) == Some(b"ustar") => Some(Kind::Tar),
        _ => None,
    }
}

impl Codec {
    /// Stored bytes that inflate to some at the least: a block of the largest size, where blocks are inflated as a whole.
    fn first_bytes(self) -> usize {
        match self {
            Codec::Gzip | Codec::Deflate => 64 << 10,
            Codec::Zstd | Codec::Xz => 192 << 10,
            Codec::Bzip2 => 1 << 20,
            Codec::Lz4 => (4 << 20) + (64 << 10),
        }
    }
}

/// Looks at the first bytes, which are compressed by `outer` where that is given. `is_all`: there are no more.
pub(super) fn tell(first: &[u8], is_all: bool, outer: Option<Codec>) -> Told {
    let mut codecs = Vec::new();
    let mut next = outer;
    let mut inflated: Vec<u8> = Vec::new();
    for _ in 0..=NESTED_MAX {
        let bytes = if codecs.is_empty() { first } else { &inflated };
        if next.is_none() {
            if let Some(kind) = kind_of(bytes) {
                return Told::Container(codecs, kind);
            }
            next = Codec::of(bytes);
        }
        let Some(codec) = next.take() else { break };
        if codecs.is_empty() && !is_all && first.len() < codec.first_bytes() {
            return Told::More(codec.first_bytes());
        }
        codecs.push(codec);
        inflated = first_inflated(first, &codecs);
        // Of one compression in another, each may need a block of its own.
        let enough = codecs.iter().map(|codec| codec.first_bytes()).sum();
        if inflated.len() < TOLD_BYTES && !is_all && first.len() < enough {
            return Told::More(enough);
        }
    }
    Told::Other(codecs.len() > usize::from(outer.is_some()))
}

/// As many inflated bytes as tell what is in them.
fn first_inflated(first: &[u8], codecs: &[Codec]) -> Vec<u8> {
    let mut bytes = first.to_vec();
    for (at, codec) in codecs.iter().enumerate() {
        let wanted = match codecs.get(at + 1) {
            Some(next) => next.first_bytes(),
            None => TOLD_BYTES,
        };
        let mut inflated = Vec::new();
        if let Ok(inflating) = Inflating::new(*codec, bytes.as_slice(), WINDOW_MAX_BYTES) {
            // It ends early, because it was cut.
            let _ = inflating.take(wanted as u64).read_to_end(&mut inflated);
        }
        bytes = inflated;
    }
    bytes
}

/// Whether bytes are a container, as they are or compressed; `None` where too few are given, with how many would do.
pub(in crate::archive) fn is_container(first: &[u8], is_all: bool) -> Result<bool, usize> {
    match tell(first, is_all, None) {
        Told::Container(..) => Ok(true),
        Told::Other(_) => Ok(false),
        Told::More(bytes) => Err(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A tar whose content hardly shrinks, so that a block of bzip2 has more bytes than are looked at first.
    fn tar_of_noise() -> Vec<u8> {
        let mut state = 7_u64;
        let noise = (0..1 << 21).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        });
        let mut tar = vec![0; tar::BLOCK];
        tar[..1].copy_from_slice(b"x");
        tar[257..262].copy_from_slice(b"ustar");
        tar.extend(noise);
        tar
    }

    #[test]
    fn a_container_is_told_below_a_compression_in_another() {
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        bzip2.write_all(&tar_of_noise()).unwrap();
        let bzip2 = bzip2.finish().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&bzip2).unwrap();
        for packed in [bzip2, gzip.finish().unwrap()] {
            let mut want = 64 << 10;
            let codecs = loop {
                match tell(&packed[..want.min(packed.len())], want >= packed.len(), None) {
                    Told::More(more) if more > want => want = more,
                    Told::Container(codecs, Kind::Tar) => break codecs,
                    other => panic!("{other:?} of {want} bytes"),
                }
            };
            assert_eq!(codecs.last(), Some(&Codec::Bzip2));
        }
    }
}
