//! Strings that occur again and again, by number: each is hashed and kept once, whatever its column, batch or object.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The number that stands for no word.
pub(super) const NONE: u32 = 0;

/// Text above which the words are forgotten between two batches: names from a log can be without end.
const KEPT_BYTES: usize = 4 << 20;

/// The words so far. Numbers hold until [`StringInterner::tidy`].
#[derive(Debug)]
pub(super) struct StringInterner {
    hasher: foldhash::fast::RandomState,
    table: HashTable<u32>,
    text: String,
    /// Where each word ends; the first is the one that is none.
    ends: Vec<usize>,
}

impl Default for StringInterner {
    fn default() -> StringInterner {
        StringInterner { hasher: Default::default(), table: HashTable::new(), text: String::new(), ends: vec![0] }
    }
}

/// The word of a number; empty for one that was not given out.
fn word<'a>(text: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let bounds = number.checked_sub(1).and_then(|before| Some((*ends.get(before)?, *ends.get(number)?)));
    bounds.and_then(|(start, end)| text.get(start..end)).unwrap_or_default()
}

impl StringInterner {
    /// How many numbers are taken, [`NONE`] included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The number of a word.
    #[expect(clippy::cast_possible_truncation, reason = "words are forgotten long before there are 2^32")]
    pub fn number(&mut self, of: &str) -> u32 {
        let StringInterner { hasher, table, text, ends } = self;
        let hash = hasher.hash_one(of);
        let is_it = |number: &u32| word(text, ends, *number) == of;
        let rehash = |number: &u32| hasher.hash_one(word(text, ends, *number));
        match table.entry(hash, is_it, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = ends.len() as u32;
                entry.insert(number);
                text.push_str(of);
                ends.push(text.len());
                number
            }
        }
    }

    /// The word of a number; empty for [`NONE`].
    pub fn word(&self, number: u32) -> &str {
        word(&self.text, &self.ends, number)
    }

    /// Every word, in the order of their numbers.
    #[expect(clippy::cast_possible_truncation, reason = "words are forgotten long before there are 2^32")]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (1..self.ends.len()).map(|number| self.word(number as u32))
    }

    /// The bytes of [`StringInterner::word`].
    pub fn bytes(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let bounds = number.checked_sub(1).and_then(|before| Some((*self.ends.get(before)?, *self.ends.get(number)?)));
        bounds.and_then(|(start, end)| self.text.as_bytes().get(start..end)).unwrap_or_default()
    }

    /// Forgets all words once there are too many; whether it did.
    pub fn tidy(&mut self) -> bool {
        let is_much = self.text.len() > KEPT_BYTES;
        if is_much {
            *self = StringInterner::default();
        }
        is_much
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_one_number_each() {
        let mut words = StringInterner::default();
        let numbers = ["a", "", "b", "a", ""].map(|word| words.number(word));
        assert_eq!(numbers, [1, 2, 3, 1, 2]);
        assert_eq!([0, 1, 2, 3, 4].map(|number| words.word(number)), ["", "a", "", "b", ""]);
        assert_eq!(words.iter().collect::<Vec<_>>(), ["a", "", "b"]);
        assert!(!words.tidy());
        words.number(&"x".repeat(KEPT_BYTES));
        assert!(words.tidy());
        assert_eq!((words.len(), words.number("b")), (1, 1));
    }
}
