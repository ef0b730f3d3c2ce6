//! Parquet's encodings, value by value. Nothing is set aside for what a header says: a page that claims more values than it
//! has gives those that it has.
//!
//! Source: apache/parquet-format, `Encodings.md`.

use bytes::Bytes;

/// A value as it stands in a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    /// Numbers little endian, texts without their length.
    Bytes(Bytes),
    Int(i64),
    Bool(bool),
}

/// So many bits from a bit on, the lowest first.
fn bits(bytes: &[u8], from: u64, width: u32) -> Option<u64> {
    let begin = usize::try_from(from / 8).ok()?;
    let rest = bytes.get(begin..)?;
    let shift = from % 8;
    let needed = usize::try_from((shift + u64::from(width)).div_ceil(8)).ok()?;
    let mut word = [0; 16];
    word.get_mut(..needed)?.copy_from_slice(rest.get(..needed)?);
    let mask = (1_u128 << width) - 1;
    u64::try_from(u128::from_le_bytes(word) >> shift & mask).ok()
}

fn varint(bytes: &[u8], pos: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*pos)?;
        *pos += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn zigzag(bytes: &[u8], pos: &mut usize) -> Option<i64> {
    let number = varint(bytes, pos)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

/// Numbers of few bits, repeated or packed.
pub(super) struct Hybrid {
    bytes: Bytes,
    pos: usize,
    width: u32,
    /// Of the run at hand.
    left: u64,
    run: Run,
}

enum Run {
    Repeated(u64),
    /// The bit at which the next one begins.
    Packed(u64),
}

impl Hybrid {
    /// `None` for numbers of more bits than there are.
    pub fn new(bytes: Bytes, width: u32) -> Option<Hybrid> {
        (width <= 32).then_some(Hybrid { bytes, pos: 0, width, left: 0, run: Run::Repeated(0) })
    }

    pub fn next(&mut self) -> Option<u64> {
        if self.width == 0 {
            return Some(0);
        }
        while self.left == 0 {
            self.begin()?;
        }
        self.left -= 1;
        match &mut self.run {
            Run::Repeated(number) => Some(*number),
            Run::Packed(bit) => {
                let number = bits(&self.bytes, *bit, self.width)?;
                *bit += u64::from(self.width);
                Some(number)
            }
        }
    }

    fn begin(&mut self) -> Option<()> {
        let header = varint(&self.bytes, &mut self.pos)?;
        if header & 1 == 0 {
            let number = bits(&self.bytes, self.pos as u64 * 8, self.width.next_multiple_of(8))?;
            self.pos += self.width.div_ceil(8) as usize;
            (self.left, self.run) = (header >> 1, Run::Repeated(number));
        } else {
            let groups = header >> 1;
            (self.left, self.run) = (groups.checked_mul(8)?, Run::Packed(self.pos as u64 * 8));
            let len = usize::try_from(groups.checked_mul(u64::from(self.width))?).ok()?;
            // The last group may lack what nobody reads.
            self.pos = self.pos.checked_add(len)?.min(self.bytes.len());
        }
        Some(())
    }
}

/// Numbers by their differences.
pub(super) struct Delta {
    bytes: Bytes,
    pos: usize,
    block: u64,
    minis: u64,
    /// Numbers that are still to come.
    pub left: u64,
    last: i64,
    is_first: bool,
    least: i64,
    /// Where the widths of the block at hand stand, which of its parts is at hand, and how many numbers of that were read.
    widths: usize,
    mini: u64,
    read: u64,
    bit: u64,
}

impl Delta {
    pub fn new(bytes: Bytes) -> Option<Delta> {
        let mut pos = 0;
        let (block, minis) = (varint(&bytes, &mut pos)?, varint(&bytes, &mut pos)?);
        let (left, last) = (varint(&bytes, &mut pos)?, zigzag(&bytes, &mut pos)?);
        let is_sound = block > 0 && minis > 0 && block.is_multiple_of(minis) && minis <= 4_096 && block <= 1 << 24;
        let delta = Delta {
            bytes,
            pos,
            block,
            minis,
            left,
            last,
            is_first: true,
            least: 0,
            widths: 0,
            mini: minis,
            read: block / minis.max(1),
            bit: 0,
        };
        is_sound.then_some(delta)
    }

    pub fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::take(&mut self.is_first) {
            return Some(self.last);
        }
        let per_mini = self.block / self.minis;
        if self.read == per_mini {
            self.begin(per_mini)?;
        }
        let width = self.width()?;
        let difference = bits(&self.bytes, self.bit, width)?;
        self.bit += u64::from(width);
        self.read += 1;
        self.last = self.last.wrapping_add(self.least).wrapping_add(difference.cast_signed());
        Some(self.last)
    }

    fn width(&self) -> Option<u32> {
        let at = self.widths.checked_add(usize::try_from(self.mini).ok()?)?;
        self.bytes.get(at).map(|width| u32::from(*width)).filter(|width| *width <= 64)
    }

    /// Begins the next part of a block, or the next block.
    fn begin(&mut self, per_mini: u64) -> Option<()> {
        self.mini += 1;
        if self.mini >= self.minis {
            self.least = zigzag(&self.bytes, &mut self.pos)?;
            (self.widths, self.mini) = (self.pos, 0);
            self.pos = self.pos.checked_add(usize::try_from(self.minis).ok()?)?;
        }
        (self.read, self.bit) = (0, self.pos as u64 * 8);
        let len = per_mini.checked_mul(u64::from(self.width()?))?.div_ceil(8);
        self.pos = self.pos.checked_add(usize::try_from(len).ok()?)?;
        Some(())
    }

    /// What stands behind the numbers, all of which are read over; they must be no more than `max`.
    fn behind(bytes: &Bytes, max: u64) -> Option<Bytes> {
        let mut numbers = Delta::new(bytes.clone())?;
        if numbers.left > max {
            return None;
        }
        while numbers.left > 0 {
            numbers.next()?;
        }
        bytes.get(numbers.pos..).map(|rest| bytes.slice_ref(rest))
    }
}

/// The values of a page.
pub(super) enum Values {
    Plain(Bytes),
    Bits(Bytes, u64),
    Bools(Hybrid),
    Dictionary(Hybrid),
    Ints(Delta),
    Lengths(Delta, Bytes),
    Differences {
        prefixes: Delta,
        suffixes: Delta,
        bytes: Bytes,
        last: Vec<u8>,
    },
    /// Byte by byte of all values.
    Split {
        bytes: Bytes,
        width: usize,
        at: usize,
    },
}

/// How a value of a column is stored.
#[derive(Clone, Copy)]
pub(super) enum Width {
    Bit,
    Bytes(usize),
    /// With its length before it.
    Text,
}

impl Values {
    /// Texts by their differences; `None` where they make no sense. `max`: values of the page.
    pub fn lengths(bytes: &Bytes, max: u64) -> Option<Values> {
        Some(Values::Lengths(Delta::new(bytes.clone())?, Delta::behind(bytes, max)?))
    }

    pub fn differences(bytes: &Bytes, max: u64) -> Option<Values> {
        let behind = Delta::behind(bytes, max)?;
        let (prefixes, suffixes) = (Delta::new(bytes.clone())?, Delta::new(behind.clone())?);
        Some(Values::Differences { prefixes, suffixes, bytes: Delta::behind(&behind, max)?, last: Vec::new() })
    }

    pub fn next(&mut self, width: Width, dictionary: &[Bytes]) -> Option<Raw> {
        match self {
            Values::Plain(rest) => plain(rest, width).map(Raw::Bytes),
            Values::Bits(bytes, bit) => {
                *bit += 1;
                Some(Raw::Bool(bits(bytes, *bit - 1, 1)? == 1))
            }
            Values::Bools(numbers) => Some(Raw::Bool(numbers.next()? == 1)),
            Values::Dictionary(indices) => {
                let index = usize::try_from(indices.next()?).ok()?;
                dictionary.get(index).cloned().map(Raw::Bytes)
            }
            Values::Ints(numbers) => numbers.next().map(Raw::Int),
            Values::Lengths(lengths, rest) => {
                let len = usize::try_from(lengths.next()?).ok()?;
                (len <= rest.len()).then(|| Raw::Bytes(rest.split_to(len)))
            }
            Values::Differences { prefixes, suffixes, bytes, last } => {
                let (keep, len) = (usize::try_from(prefixes.next()?).ok()?, usize::try_from(suffixes.next()?).ok()?);
                if keep > last.len() || len > bytes.len() {
                    return None;
                }
                last.truncate(keep);
                last.extend_from_slice(&bytes.split_to(len));
                Some(Raw::Bytes(Bytes::copy_from_slice(last)))
            }
            Values::Split { bytes, width, at } => {
                let count = bytes.len() / *width;
                let place = Some(*at).filter(|at| *at < count)?;
                *at += 1;
                (0..*width)
                    .map(|byte| bytes.get(byte * count + place).copied())
                    .collect::<Option<Vec<u8>>>()
                    .map(|b| Raw::Bytes(b.into()))
            }
        }
    }
}

/// The next value of a page or a dictionary.
pub(super) fn plain(rest: &mut Bytes, width: Width) -> Option<Bytes> {
    let len = match width {
        Width::Bit => return None,
        Width::Bytes(len) => len,
        Width::Text => {
            let len = usize::try_from(u32::from_le_bytes(*rest.first_chunk::<4>()?)).ok()?;
            let _ = rest.split_to(4);
            len
        }
    };
    (len <= rest.len()).then(|| rest.split_to(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_numbers() {
        // 3 times 5, then eight packed of three bits: 0 to 7 (the example of Encodings.md).
        let bytes = Bytes::from_static(&[0x06, 0x05, 0x03, 0x88, 0xc6, 0xfa]);
        let mut numbers = Hybrid::new(bytes, 3).unwrap();
        let found: Vec<u64> = std::iter::from_fn(|| numbers.next()).collect();
        assert_eq!(found, [5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(Hybrid::new(Bytes::from_static(&[0x02, 0x01]), 1).unwrap().next(), Some(1));
        for bytes in [&[0xff_u8; 12][..], &[0x03], &[]] {
            assert_eq!(Hybrid::new(Bytes::copy_from_slice(bytes), 9).unwrap().next(), None);
        }
    }

    #[test]
    fn numbers_by_their_differences() {
        // Block of 128, 4 parts, 8 numbers from 7 on: 7, 5, 3, 1, 2, 3, 4, 5 (Encodings.md, example 2).
        let bytes = [128, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0];
        let mut numbers = Delta::new(Bytes::copy_from_slice(&bytes)).unwrap();
        let found: Vec<i64> = std::iter::from_fn(|| numbers.next()).collect();
        assert_eq!(found, [7, 5, 3, 1, 2, 3, 4, 5]);
        assert!(Delta::new(Bytes::from_static(&[0, 0, 0, 0])).is_none());
        assert!(
            Delta::behind(&Bytes::from_static(&[128, 1, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 14]), 1 << 24).is_none()
        );
    }
}
