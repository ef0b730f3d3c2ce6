//! Where a name that may be one of a secret stands: every such name has one of a few stems of four bytes, which are
//! looked for in all bytes of an object at once, so that a record without one costs next to nothing.

/// What every name of a secret has one of, in eight buckets of stems that are alike: a bucket's bytes are looked for
/// place by place, so that what it takes for a stem grows with how different they are. A hyphen or an underscore may
/// stand between two words; `\u00` is a letter that is written as an escape.
const BUCKETED: [&[&[u8; 4]]; 8] = [
    &[b"oken"],
    &[b"assw", b"assp", b"ss_w", b"ss-w", b"ss_p", b"ss-p"],
    &[b"ecre"],
    &[b"teke", b"te_k", b"te-k", b"redk", b"d_ke", b"d-ke"],
    &[b"ure=", b"ure%", b"ure\"", b"ure\\"],
    &[b"erti"],
    &[b"rdat", b"r_da", b"r-da", b"ymat", b"y_ma", b"y-ma"],
    &[ESCAPE],
];

const ESCAPE: &[u8; 4] = b"\\u00";

/// Which of eight buckets of stems may have a byte at a place, by the low and the high half of the byte.
struct Halves {
    low: [u8; 16],
    high: [u8; 16],
}

#[expect(clippy::indexing_slicing, reason = "evaluated while compiling, where an index out of bounds is an error")]
const fn halves(place: usize) -> Halves {
    let mut halves = Halves { low: [0; 16], high: [0; 16] };
    let mut bucket = 0;
    while bucket < BUCKETED.len() {
        let mut stem = 0;
        while stem < BUCKETED[bucket].len() {
            let byte = BUCKETED[bucket][stem][place];
            halves.low[(byte & 15) as usize] |= 1 << bucket;
            halves.high[(byte >> 4) as usize] |= 1 << bucket;
            if byte.is_ascii_lowercase() {
                halves.high[(byte.to_ascii_uppercase() >> 4) as usize] |= 1 << bucket;
            }
            stem += 1;
        }
        bucket += 1;
    }
    halves
}

#[cfg(target_arch = "x86_64")]
static HALVES: [Halves; 4] = [halves(0), halves(1), halves(2), halves(3)];

/// The same for whole bytes.
#[expect(clippy::indexing_slicing, reason = "evaluated while compiling, where an index out of bounds is an error")]
static BUCKETS: [[u8; 256]; 4] = {
    let mut buckets = [[0; 256]; 4];
    let mut place = 0;
    while place < 4 {
        let halves = halves(place);
        let mut byte = 0;
        while byte < 256 {
            buckets[place][byte] = halves.low[byte & 15] & halves.high[byte >> 4];
            byte += 1;
        }
        place += 1;
    }
    buckets
};

/// The next place from `from` on at which a stem begins.
pub(super) fn next_stem(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        from = next_likely(bytes, from)?;
        if is_stem(bytes.get(from..)?) {
            return Some(from);
        }
        from += 1;
    }
}

fn is_stem(rest: &[u8]) -> bool {
    let Some(four) = rest.first_chunk::<4>() else { return false };
    if four == ESCAPE {
        // A letter, or what may stand between words.
        let digits = [rest.get(4), rest.get(5)];
        return matches!(digits, [Some(b'4'..=b'7'), Some(_)] | [Some(b'2'), Some(b'd' | b'D' | b'e' | b'E')]);
    }
    BUCKETED.iter().any(|stems| stems.iter().any(|stem| four.eq_ignore_ascii_case(*stem)))
}

fn next_likely(bytes: &[u8], from: usize) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function needs.
        return match unsafe { avx2::next_likely(bytes, from) } {
            Ok(at) => Some(at),
            Err(from) => next_likely_by_byte(bytes, from),
        };
    }
    next_likely_by_byte(bytes, from)
}

#[expect(clippy::indexing_slicing, reason = "a byte is an index into 256 values")]
fn next_likely_by_byte(bytes: &[u8], from: usize) -> Option<usize> {
    let [first, second, third, fourth] = &BUCKETS;
    let is_likely = |four: &[u8]| match four {
        [a, b, c, d] => {
            first[usize::from(*a)] & second[usize::from(*b)] & third[usize::from(*c)] & fourth[usize::from(*d)] != 0
        }
        _ => false,
    };
    bytes.get(from..)?.windows(4).position(is_likely).map(|at| from + at)
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256,
        _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    };

    use crate::record::redact::stems::{HALVES, Halves};

    const LANES: usize = 32;

    /// The next place at which a stem may begin; as an error the place up to which there is none, too near to the end
    /// for looking at so many bytes.
    #[expect(clippy::cast_sign_loss, reason = "a mask of 32 bits")]
    #[target_feature(enable = "avx2")]
    pub fn next_likely(bytes: &[u8], mut from: usize) -> Result<usize, usize> {
        let [first, second, third, fourth] = HALVES.each_ref().map(|halves| tables(halves));
        while let Some(window) = bytes.get(from..).and_then(<[u8]>::first_chunk::<{ LANES + 3 }>) {
            let likely = _mm256_and_si256(
                _mm256_and_si256(buckets(window, 0, first), buckets(window, 1, second)),
                _mm256_and_si256(buckets(window, 2, third), buckets(window, 3, fourth)),
            );
            let none = _mm256_cmpeq_epi8(likely, _mm256_setzero_si256());
            let found = !(_mm256_movemask_epi8(none) as u32);
            if found != 0 {
                return Ok(from + found.trailing_zeros() as usize);
            }
            from += LANES;
        }
        Err(from)
    }

    #[target_feature(enable = "avx2")]
    fn tables(halves: &Halves) -> (__m256i, __m256i) {
        // SAFETY: each table has 16 bytes.
        let load = |table: &[u8; 16]| unsafe { _mm_loadu_si128(table.as_ptr().cast()) };
        (_mm256_broadcastsi128_si256(load(&halves.low)), _mm256_broadcastsi128_si256(load(&halves.high)))
    }

    /// The buckets of each byte from `place` on.
    #[target_feature(enable = "avx2")]
    fn buckets(window: &[u8; LANES + 3], place: usize, (low, high): (__m256i, __m256i)) -> __m256i {
        debug_assert!(place <= 3);
        // SAFETY: the window has three bytes more than are loaded, and `place` is at most 3.
        let bytes = unsafe { _mm256_loadu_si256(window.as_ptr().add(place).cast()) };
        let half = _mm256_set1_epi8(15);
        let lows = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, half));
        let highs = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half));
        _mm256_and_si256(lows, highs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_are_found_wherever_they_stand() {
        for stem in BUCKETED.into_iter().flatten() {
            let stem = if *stem == ESCAPE { b"\\u0061".as_slice() } else { stem.as_slice() };
            for stem in [stem.to_vec(), if stem[0] == b'\\' { stem.to_vec() } else { stem.to_ascii_uppercase() }] {
                for before in 0..70 {
                    for after in [0, 1, 40] {
                        let bytes = [" ".repeat(before).as_bytes(), &stem, " ".repeat(after).as_bytes()].concat();
                        assert_eq!(next_stem(&bytes, 0), Some(before), "{stem:?} {after}");
                        assert_eq!(next_stem(&bytes, before + 1), None, "{stem:?} {after}");
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn both_ways_find_the_same(text in "[aASsWwPpeokn\\\\u0 tTk_=\"-]{0,120}", from in 0_usize..130) {
            let bytes = text.as_bytes();
            let slow = (from..bytes.len()).find(|at| is_stem(&bytes[*at..]));
            proptest::prop_assert_eq!(next_stem(bytes, from), slow);
            let mut by_byte = from;
            let found = loop {
                match next_likely_by_byte(bytes, by_byte) {
                    Some(at) if is_stem(&bytes[at..]) => break Some(at),
                    Some(at) => by_byte = at + 1,
                    None => break None,
                }
            };
            proptest::prop_assert_eq!(found, slow);
        }
    }
}
