//! Numbers as Parquet packs them: runs and bit-packed groups for levels and dictionary indices, deltas for lengths.
//!
//! Source: Apache Parquet, "Encodings": "Run Length Encoding / Bit-Packing Hybrid (RLE = 3)" and "Delta Encoding
//! (DELTA_BINARY_PACKED = 5)".

use arrow::buffer::BooleanBuffer;

/// Values that are packed together.
const GROUP: usize = 8;

/// Bits of a word of a bitmap.
const WORD: usize = u64::BITS as usize;

/// Lengths of a block of deltas and of its parts.
const BLOCK: usize = 128;
const MINIBLOCKS: usize = 4;
const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Bits that it takes to say numbers up to `max`.
pub(super) fn bits(max: u32) -> u32 {
    u32::BITS - max.leading_zeros()
}

#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is written")]
fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[expect(clippy::cast_sign_loss, reason = "zigzag and deltas are bit patterns")]
fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// Puts the lowest `width` bits of each value, the first one's lowest bit first, and fills the last byte up.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is written")]
fn pack(values: impl Iterator<Item = u32>, width: u32, out: &mut Vec<u8>) {
    let (mut held, mut count) = (0_u64, 0);
    for value in values {
        held |= u64::from(value) << count;
        count += width;
        if count >= u32::BITS {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= u32::BITS;
            count -= u32::BITS;
        }
    }
    let rest = held.to_le_bytes();
    out.extend_from_slice(rest.get(..count.div_ceil(8) as usize).unwrap_or_default());
}

/// A value that comes `count` times.
pub(super) fn run(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    let bytes = value.to_le_bytes();
    out.extend_from_slice(bytes.get(..width.div_ceil(8) as usize).unwrap_or_default());
}

fn groups<T: Copy + Into<u32>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let count = values.len().div_ceil(GROUP);
    varint((count as u64) << 1 | 1, out);
    let padding = std::iter::repeat_n(0, count * GROUP - values.len());
    pack(values.iter().map(|value| (*value).into()).chain(padding), width, out);
}

/// Values of at most `width` bits, as runs where they repeat and packed where not.
#[expect(clippy::indexing_slicing, reason = "`rest` is not empty here")]
pub(super) fn hybrid<T: Copy + PartialEq + Into<u32>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    let (mut packed, mut at) = (0, 0);
    while let Some(rest) = values.get(at..).filter(|rest| !rest.is_empty()) {
        let length = rest.iter().take_while(|value| **value == rest[0]).count();
        // Groups are whole: the front of the run fills up the one before.
        let front = (GROUP - (at - packed) % GROUP) % GROUP;
        if length >= front + GROUP {
            groups(values.get(packed..at + front).unwrap_or_default(), width, out);
            run(rest[0].into(), length - front, width, out);
            packed = at + length;
        }
        at += length;
    }
    groups(values.get(packed..).unwrap_or_default(), width, out);
}

/// Bits as values of one bit: runs where whole words are alike, packed as they are where not.
pub(super) fn bitmap(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    let chunks = bits.bit_chunks();
    let rest = Some((chunks.remainder_bits(), chunks.remainder_len())).filter(|(_, count)| *count > 0);
    let words: Vec<(u64, usize)> = chunks.iter().map(|word| (word, WORD)).chain(rest).collect();
    let repeated = |(word, count): &(u64, usize)| match *word {
        0 => Some(0),
        word if word == u64::MAX >> (WORD - count) => Some(1),
        _ => None,
    };
    for alike in words.chunk_by(|a, b| repeated(a) == repeated(b)) {
        let count: usize = alike.iter().map(|(_, count)| count).sum();
        match alike.first().and_then(repeated) {
            Some(value) => run(value, count, 1, out),
            None => {
                let groups = count.div_ceil(GROUP);
                varint((groups as u64) << 1 | 1, out);
                let end = out.len() + groups;
                alike.iter().for_each(|(word, _)| out.extend_from_slice(&word.to_le_bytes()));
                out.truncate(end);
            }
        }
    }
}

/// Values as deltas, in blocks.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is written")]
#[expect(clippy::cast_sign_loss, reason = "zigzag and deltas are bit patterns")]
pub(super) fn deltas(values: impl ExactSizeIterator<Item = i32>, out: &mut Vec<u8>) {
    let mut values = values;
    for header in [BLOCK, MINIBLOCKS, values.len()] {
        varint(header as u64, out);
    }
    let mut last = i64::from(values.next().unwrap_or_default());
    varint(zigzag(last), out);
    let mut block: Vec<i64> = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        block.extend(values.by_ref().take(BLOCK).map(|value| {
            let delta = i64::from(value) - last;
            last = i64::from(value);
            delta
        }));
        let Some(least) = block.iter().copied().min() else { return };
        varint(zigzag(least), out);
        // INVARIANT: lengths are not negative, so that no two deltas are further apart than 32 bits can say.
        let above = |delta: &i64| (delta - least) as u32;
        let miniblocks = || block.chunks(MINIBLOCK).map(|part| (part, bits(part.iter().map(above).max().unwrap_or(0))));
        let mut widths = [0; MINIBLOCKS];
        widths.iter_mut().zip(miniblocks()).for_each(|(slot, (_, width))| *slot = width as u8);
        out.extend_from_slice(&widths);
        for (part, width) in miniblocks() {
            let padding = std::iter::repeat_n(0, MINIBLOCK - part.len());
            pack(part.iter().map(above).chain(padding), width, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_own_examples() {
        // "Encodings", of Apache Parquet: the numbers 1 to 7 after 0, in three bits each.
        let mut out = Vec::new();
        pack(0..8, 3, &mut out);
        assert_eq!(out, [0b1000_1000, 0b1100_0110, 0b1111_1010]);
        // 1 to 5: a first value, and deltas that are all alike.
        out.clear();
        deltas([1, 2, 3, 4, 5].into_iter(), &mut out);
        assert_eq!(out, [0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn runs_and_groups() {
        let mut out = Vec::new();
        hybrid(&[7_u32; 20], 3, &mut out);
        assert_eq!(out, [20 << 1, 7]);
        out.clear();
        hybrid(&[0_u8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 1, &mut out);
        assert_eq!(out, [1 << 1 | 1, 0b1111_1110, 9 << 1, 1]);
        out.clear();
        hybrid(&[0_u32; 5], 0, &mut out);
        assert_eq!(out, [1 << 1 | 1]);
        assert_eq!([0, 1, 2, 255, 256, u32::MAX].map(bits), [0, 1, 2, 8, 9, 32]);
    }

    /// The hybrid read back, by the format's description.
    fn read(mut bytes: &[u8], width: u32, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0, 0);
            loop {
                let (first, rest) = bytes.split_first().unwrap();
                bytes = rest;
                header |= usize::from(first & 0x7f) << shift;
                shift += 7;
                if first & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(width.div_ceil(8) as usize);
                bytes = rest;
                let value = value.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
                values.extend(std::iter::repeat_n(value, header >> 1));
            } else {
                let (packed, rest) = bytes.split_at((header >> 1) * width as usize);
                bytes = rest;
                let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
                let value = |i: usize| (0..width as usize).fold(0, |v, b| v | bit(i * width as usize + b) << b);
                values.extend((0..(header >> 1) * GROUP).map(value));
            }
        }
        values.truncate(count);
        values
    }

    proptest::proptest! {
        #[test]
        fn bitmaps_come_back(
            runs in proptest::collection::vec((proptest::bool::ANY, 1_usize..200), 1..9), front in 0_usize..200,
        ) {
            let bits: Vec<bool> = runs.iter().flat_map(|(bit, count)| std::iter::repeat_n(*bit, *count)).collect();
            let front = front.min(bits.len());
            let mut out = Vec::new();
            bitmap(&BooleanBuffer::from(bits.as_slice()).slice(front, bits.len() - front), &mut out);
            let expected: Vec<u32> = bits[front..].iter().map(|bit| u32::from(*bit)).collect();
            proptest::prop_assert_eq!(read(&out, 1, expected.len()), expected);
        }

        #[test]
        fn what_goes_in_comes_out(runs in proptest::collection::vec((0_u32..70_000, 1_usize..40), 1..40)) {
            let values: Vec<u32> = runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count)).collect();
            let width = bits(values.iter().copied().max().unwrap_or(0));
            let mut out = Vec::new();
            hybrid(&values, width, &mut out);
            proptest::prop_assert_eq!(read(&out, width, values.len()), values);
        }
    }
}
