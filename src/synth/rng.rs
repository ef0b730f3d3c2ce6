//! Numbers that look random and are the same for the same seed: SplitMix64 (Steele, Lea and Flood, 2014).

/// A stream of numbers. Not for secrets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rng {
    state: u64,
}

impl Rng {
    /// The stream that belongs to a seed and a place: streams of neighbouring places have nothing in common.
    pub fn at(seed: u64, place: &[u64]) -> Rng {
        let mut rng = Rng { state: seed };
        for part in place {
            rng.state = rng.next() ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        rng.next();
        rng
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, 0 where `n` is 0.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// A number from 0 up to, not including, 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True this often: 0.02 is one time in fifty.
    pub fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A number below `n`, small ones much more often: the k-th about 1/k as often as the first (Zipf).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made-up numbers within the bounds that the configuration sets"
    )]
    pub fn zipf(&mut self, n: usize) -> usize {
        let place = ((n + 1) as f64).powf(self.unit()) as usize;
        place.saturating_sub(1).min(n.saturating_sub(1))
    }

    /// Around 1, never below 0, with a long tail to the right.
    pub fn lumpy(&mut self) -> f64 {
        // The sum of four uniform numbers is near enough to a normal one.
        let normal = (0..4).map(|_| self.unit()).sum::<f64>() - 2.0;
        (normal * 0.9).exp() * 0.86
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// Writes `len` characters of an alphabet, which has at most 64.
    pub fn text(&mut self, out: &mut Vec<u8>, alphabet: &[u8], len: usize) {
        let is_power = alphabet.len().is_power_of_two();
        let mut bits = 0;
        let mut left = 0;
        for _ in 0..len {
            if left == 0 {
                (bits, left) = (self.next(), 10);
            }
            let six = (bits & 63) as usize;
            bits >>= 6;
            left -= 1;
            let at = if is_power { six & (alphabet.len() - 1) } else { six * alphabet.len() / 64 };
            out.push(alphabet.get(at).copied().unwrap_or(b'0'));
        }
    }
}

pub(super) const HEX: &[u8] = b"0123456789abcdef";
pub(super) const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(super) const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(super) const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes a random UUID (version 4).
pub(super) fn uuid(rng: &mut Rng, out: &mut Vec<u8>) {
    write_uuid([rng.next(), rng.next()], out);
}

/// Writes the UUID that belongs to a seed and a place, in all its bits: a stream knows itself by 64, so that of the
/// streams of 100 million places two may be one.
pub(super) fn uuid_at(seed: u64, place: [u64; 3], out: &mut Vec<u8>) {
    let [kind, outer, inner] = place;
    write_uuid([0, 1].map(|half| Rng::at(seed, &[half, kind, outer, inner]).next()), out);
}

fn write_uuid([high, low]: [u64; 2], out: &mut Vec<u8>) {
    let bits =
        (u128::from(high) << 64 | u128::from(low)) & !(0xf000 << 64) & !(0xc << 60) | (0x4000 << 64) | (0x8 << 60);
    for i in 0..32 {
        if matches!(i, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        let digit = (bits >> (124 - 4 * i)) as usize & 15;
        out.push(HEX.get(digit).copied().unwrap_or(b'0'));
    }
}

/// Writes a number.
pub(super) fn number(mut n: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut len = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
        len += 1;
        if n == 0 {
            break;
        }
    }
    out.extend(digits.iter().skip(digits.len() - len));
}

/// A number in `0..n` that belongs to two names.
pub(super) fn fixed(seed: u64, a: u64, b: u64, n: usize) -> usize {
    Rng::at(seed, &[a, b]).below(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_gives_the_same_stream() {
        let take = |place: &[u64]| {
            let mut rng = Rng::at(7, place);
            [rng.next(), rng.next()]
        };
        assert_eq!(take(&[1, 2]), take(&[1, 2]));
        assert_ne!(take(&[1, 2]), take(&[2, 1]));
        assert_ne!(take(&[0]), take(&[0, 0]));
    }

    #[test]
    fn each_place_has_its_own_uuid() {
        let places = (0..2 << 13).map(|i| [0x50 | (i % 2) << 32, i / 2 % 64, i / 128]);
        let uuids = places.map(|place| {
            let mut out = Vec::new();
            uuid_at(7, place, &mut out);
            out
        });
        assert_eq!(uuids.collect::<std::collections::HashSet<_>>().len(), 2 << 13);
    }

    #[test]
    fn ranges() {
        let mut rng = Rng::at(1, &[]);
        let mut counts = [0_u32; 10];
        for _ in 0..10_000 {
            assert!(rng.below(3) < 3);
            counts[rng.zipf(10)] += 1;
        }
        assert!(counts[0] > 2 * counts[3] && counts[9] > 0, "{counts:?}");
        assert_eq!((rng.below(0), rng.zipf(0), rng.zipf(1)), (0, 0, 0));
        let mean = (0..10_000).map(|_| rng.lumpy()).sum::<f64>() / 10_000.0;
        assert!((0.9..1.1).contains(&mean), "{mean}");
    }

    #[test]
    fn texts() {
        let mut out = Vec::new();
        uuid(&mut Rng::at(3, &[]), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.len() == 36 && text.as_bytes()[14] == b'4' && matches!(text.as_bytes()[19], b'8'..=b'b'),
            "{text}"
        );
        let mut out = Vec::new();
        for n in [0, 7, 10, 1_234_567_890_123, u64::MAX] {
            number(n, &mut out);
            out.push(b' ');
        }
        assert_eq!(String::from_utf8(out).unwrap(), "0 7 10 1234567890123 18446744073709551615 ");
    }
}
