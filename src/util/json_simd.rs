//! Strings of JSON, many bytes at a time.

/// Bytes looked at together in a string.
pub const CHUNK: usize = 16;

/// A bit for every byte that a string can't just hold: `"`, `\` and what is below 0x20.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(clippy::cast_sign_loss, reason = "a bit mask")]
pub fn ends_text(chunk: &[u8; CHUNK]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };
    // SAFETY: every x86-64 processor has SSE2, and the load, which needs no alignment, reads just the 16 bytes that
    // `chunk` borrows.
    unsafe {
        let bytes = _mm_loadu_si128(chunk.as_ptr().cast());
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let escape = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, escape), control)) as u32
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn ends_text(chunk: &[u8; CHUNK]) -> u32 {
    ends_text_plainly(chunk)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn ends_text_plainly(chunk: &[u8; CHUNK]) -> u32 {
    let ends = |byte: u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    (0..).zip(chunk).fold(0, |bits, (at, byte)| bits | u32::from(ends(*byte)) << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn ends_of_text_agree_with_the_plain_way(chunk: [u8; CHUNK], quote in 0..2 * CHUNK) {
            let mut chunk = chunk;
            if let Some(byte) = chunk.get_mut(quote) {
                *byte = b'"';
            }
            proptest::prop_assert_eq!(ends_text(&chunk), ends_text_plainly(&chunk));
        }
    }
}
