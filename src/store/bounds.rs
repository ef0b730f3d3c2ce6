//! The least and the greatest of many texts, cut to what an index keeps.

/// Bytes that a bound has at the most.
const BOUND_BYTES: usize = 64;

/// The least and the greatest text so far, in the order of their bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds<'a> {
    both: Option<(&'a str, &'a str)>,
}

impl<'a> Bounds<'a> {
    pub fn widen(&mut self, text: &'a str) {
        match &mut self.both {
            Some((least, greatest)) => {
                if text < *least {
                    *least = text;
                } else if text > *greatest {
                    *greatest = text;
                }
            }
            None => self.both = Some((text, text)),
        }
    }

    pub fn join(&mut self, other: &Bounds<'a>) {
        if let Some((least, greatest)) = other.both {
            self.widen(least);
            self.widen(greatest);
        }
    }

    pub fn both(&self) -> Option<(&'a str, &'a str)> {
        self.both
    }

    /// Whether neither bound is above the other ones.
    pub fn are_below(&self, other: &Bounds<'_>) -> bool {
        match (self.both, other.both) {
            (Some(below), Some(above)) => below.0 <= above.0 && below.1 <= above.1,
            _ => true,
        }
    }
}

/// What no text from `least` on is below, and whether it is `least` itself.
pub(super) fn lower_bound(least: &str) -> (Vec<u8>, bool) {
    let end = least.floor_char_boundary(BOUND_BYTES);
    (least.as_bytes().get(..end).unwrap_or_default().to_vec(), end == least.len())
}

/// What no text up to `greatest` is above, and whether it is `greatest` itself.
pub(super) fn upper_bound(greatest: &str) -> (Vec<u8>, bool) {
    let front = greatest.get(..greatest.floor_char_boundary(BOUND_BYTES)).unwrap_or_default();
    if front.len() == greatest.len() {
        return (greatest.as_bytes().to_vec(), true);
    }
    // The last character that has one after it of the same length is counted up; what follows it goes.
    let counted_up = front.char_indices().rev().find_map(|(at, c)| {
        let next = char::from_u32(u32::from(c) + 1).filter(|next| next.len_utf8() == c.len_utf8())?;
        let mut bound = front.get(..at)?.to_owned();
        bound.push(next);
        Some(bound.into_bytes())
    });
    counted_up.map_or_else(|| (greatest.as_bytes().to_vec(), true), |bound| (bound, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_their_own_bounds() {
        assert_eq!(lower_bound("abc"), (b"abc".to_vec(), true));
        assert_eq!(upper_bound(&"x".repeat(64)), (vec![b'x'; 64], true));
    }

    proptest::proptest! {
        #[test]
        fn bounds_hold(text in "(\\PC|\u{10ffff}|\u{d7ff}|\u{7f}){0,80}") {
            let (lower, is_lowest) = lower_bound(&text);
            let (upper, is_highest) = upper_bound(&text);
            proptest::prop_assert!(lower.as_slice() <= text.as_bytes() && text.as_bytes() <= upper.as_slice());
            proptest::prop_assert_eq!(is_lowest, lower == text.as_bytes());
            proptest::prop_assert_eq!(is_highest, upper == text.as_bytes());
            proptest::prop_assert!(std::str::from_utf8(&upper).is_ok());
        }

        #[test]
        fn least_and_greatest(texts in proptest::collection::vec("[a-c]{0,3}", 1..9)) {
            let mut bounds = Bounds::default();
            texts.iter().for_each(|text| bounds.widen(text));
            let texts = || texts.iter().map(String::as_str);
            proptest::prop_assert_eq!(bounds.both(), texts().min().zip(texts().max()));
        }
    }
}
