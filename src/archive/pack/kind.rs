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
