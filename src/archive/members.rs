//! What is sound in a compressed object that is not sound as a whole: gzip members, frames of zstd and lz4, streams of
//! bzip2 and xz, one by one.
//!
//! A member whose checksum is right is taken. One that breaks off, because the copy of the object ended early or
//! because the next one was put behind it, gives what came before the break: nothing but its end is missing. One that
//! is corrupt gives nothing, because no byte of it is certain.

use std::io::{self, Read as _};

use super::codec::{Codec, NO_MEMBER, WINDOW_MAX_BYTES};
use super::error::{OVER_CAP, ReadFault};

/// A place in inflated bytes at which some are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Inflated bytes before it.
    pub offset_bytes: u64,
    /// Why.
    pub reason: String,
}

impl Gap {
    /// Whether more memory would close it.
    pub fn is_over_cap(&self) -> bool {
        self.reason.starts_with(OVER_CAP)
    }
}

/// Places at which a member may begin that are tried behind a fault. In compressed bytes its first three stand by
/// chance once in 16 MiB.
const TRIED_MAX: usize = 64;

/// Bytes of text by which one that breaks off itself is told from chance.
const TEXT_MIN: usize = 16;

/// How a member ends.
enum End {
    /// Soundly, after so many bytes.
    Whole(usize),
    Cut,
    Corrupt(String),
}

/// All that can be had; an error where that is nothing.
///
/// # Errors
/// `fault`, which inflating came to before; more than `cap_bytes`.
pub(super) fn salvage(stored: &[u8], cap_bytes: u64, fault: ReadFault) -> Result<(Vec<u8>, Vec<Gap>), ReadFault> {
    let (mut bytes, mut gaps, mut at) = (Vec::new(), Vec::new(), 0);
    let Some(codec) = Codec::of(stored) else { return Err(fault) };
    loop {
        // Zeros are padding.
        at += stored.get(at..).unwrap_or_default().iter().take_while(|byte| **byte == 0).count();
        let Some(rest) = stored.get(at..).filter(|rest| !rest.is_empty()) else { break };
        let before = bytes.len();
        let is_member = codec.begins(rest);
        let mut end = match is_member {
            true => inflate(codec, rest, &mut bytes, cap_bytes)?,
            false => End::Corrupt(NO_MEMBER.to_owned()),
        };
        if let End::Whole(len) = end {
            at += len;
            continue;
        }
        let next = next_member(codec, stored, at + 1, cap_bytes);
        if let Some(next) = next
            && is_member
        {
            // What stands behind the break was taken for a part of it.
            bytes.truncate(before);
            end = inflate(codec, stored.get(at..next).unwrap_or_default(), &mut bytes, cap_bytes)?;
        }
        let here = next.unwrap_or(stored.len());
        let reason = match end {
            End::Cut | End::Whole(_) => ReadFault::Truncated { offset_bytes: 0, stored_bytes: here as u64 },
            End::Corrupt(reason) => {
                bytes.truncate(before);
                let reason = format!("{reason} in stored bytes {at} to {here}");
                ReadFault::Corrupt { offset_bytes: 0, reason }
            }
        };
        gaps.push(Gap { offset_bytes: bytes.len() as u64, reason: reason.to_string() });
        let Some(next) = next else { break };
        // Whatever was cut ends here.
        bytes.extend((!bytes.is_empty()).then_some(b'\n'));
        at = next;
    }
    if bytes.iter().all(u8::is_ascii_whitespace) { Err(fault) } else { Ok((bytes, gaps)) }
}

/// The next place from `from` on at which a member begins.
fn next_member(codec: Codec, stored: &[u8], from: usize, cap_bytes: u64) -> Option<usize> {
    let rest = stored.get(from..)?;
    let is_member = |at: &usize| {
        let mut bytes = Vec::new();
        let member = stored.get(*at..).unwrap_or_default();
        match inflate(codec, member, &mut bytes, cap_bytes) {
            Ok(End::Whole(_)) => true,
            Ok(End::Cut) => bytes.len() >= TEXT_MIN && matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')),
            _ => false,
        }
    };
    memchr::memmem::find_iter(rest, codec.magic()).map(|at| from + at).take(TRIED_MAX).find(is_member)
}

/// Inflates one member.
fn inflate(codec: Codec, stored: &[u8], bytes: &mut Vec<u8>, cap_bytes: u64) -> Result<End, ReadFault> {
    let room_bytes = cap_bytes.saturating_sub(bytes.len() as u64).saturating_add(1);
    let mut member = codec.member(stored, WINDOW_MAX_BYTES)?;
    let outcome = member.by_ref().take(room_bytes).read_to_end(bytes);
    let left = member.into_inner().len();
    if bytes.len() as u64 > cap_bytes {
        return Err(ReadFault::OverCap { cap_bytes });
    }
    Ok(match outcome {
        Ok(_) => End::Whole(stored.len() - left),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => End::Cut,
        Err(error) => End::Corrupt(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::read::{Buffers, inflate};
    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap()
    }

    fn zstd(text: &str) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Text that hardly shrinks, so that a cut loses a part of it.
    fn text(seed: u64) -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        (0..20_000).map(|_| format!("{{\"n\":\"{:016x}{:016x}\"}}\n", next(), next())).collect()
    }

    fn of(stored: &[u8]) -> Result<(String, Vec<Gap>), ReadFault> {
        let (bytes, gaps) = inflate(stored, &mut Buffers::default(), 1 << 30)?;
        Ok((String::from_utf8(bytes).unwrap(), gaps))
    }

    #[test]
    fn a_member_that_breaks_off_gives_what_came_before() {
        for pack in [gzip, zstd] {
            let (a, b, c) = (text(1), text(2), text(3));
            let [packed_a, packed_b, packed_c] = [&a, &b, &c].map(|text| pack(text));
            let half = &packed_b[..packed_b.len() / 2];
            let (found, gaps) = of(half).unwrap();
            assert!(b.starts_with(&found) && found.len() > b.len() / 4, "{}", found.len());
            assert!(gaps.len() == 1 && gaps[0].offset_bytes == found.len() as u64, "{gaps:?}");
            assert!(gaps[0].reason.starts_with("truncated"), "{gaps:?}");
            // Between others, and at the end.
            let (all, gaps) = of(&[&packed_a, half, &packed_c].concat()).unwrap();
            assert_eq!(all, format!("{a}{found}\n{c}"));
            assert_eq!((gaps.len(), gaps[0].offset_bytes), (1, (a.len() + found.len()) as u64));
            assert_eq!(of(&[&packed_a, half].concat()).unwrap().0, format!("{a}{found}"));
            // Both of two that are cut.
            let (both, gaps) = of(&[half, half].concat()).unwrap();
            assert_eq!((both, gaps.len()), (format!("{found}\n{found}"), 2));
            // A byte of which nobody knows whether it is the right one costs its member.
            let mut flipped = packed_b.clone();
            flipped[packed_b.len() / 2] ^= 4;
            assert!(matches!(of(&flipped), Err(ReadFault::Corrupt { .. })));
            let (rest, gaps) = of(&[&packed_a[..], &flipped, &packed_c].concat()).unwrap();
            assert_eq!((rest, gaps.len()), (format!("{a}\n{c}"), 1));
            assert!(gaps[0].reason.starts_with("corrupt"), "{gaps:?}");
            // What stands behind it is refused alone.
            let (whole, gaps) = of(&[&packed_a[..], b"and more"].concat()).unwrap();
            assert_eq!((whole, gaps.len()), (a.clone(), 1));
            assert!(of(&packed_a).unwrap().1.is_empty());
            assert!(matches!(of(&packed_a[..6]), Err(ReadFault::Truncated { .. })));
        }
    }
}
