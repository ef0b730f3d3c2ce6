//! Numbers for what repeats, so that it is compared and kept as a number.

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rayon::prelude::*;

use super::shared_str::Text;
use crate::util::invariant::Invariant as _;

/// The number of no text.
pub(super) const NONE: u32 = 0;

/// Texts by number. Number 0 is "none".
pub(super) struct Texts {
    /// Seeded at random: the texts are anybody's.
    hasher: foldhash::fast::RandomState,
    table: HashTable<u32>,
    texts: Vec<Text>,
    /// Bytes of all texts.
    bytes: u64,
}

impl Default for Texts {
    fn default() -> Self {
        Texts { hasher: Default::default(), table: HashTable::new(), texts: vec![Text::default()], bytes: 0 }
    }
}

/// What a text takes beside its bytes: its counts, its places here and in the table, what the allocator adds.
const TEXT_BYTES: u64 = 72;

impl Texts {
    pub fn new() -> Self {
        Texts::default()
    }

    /// Numbers so far, that of "none" included.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Memory that they take, about.
    pub fn size_bytes(&self) -> u64 {
        self.bytes + self.texts.len() as u64 * TEXT_BYTES
    }

    /// The number here of what has a number elsewhere.
    pub fn number_in(&mut self, others: &Texts, number: u32) -> u32 {
        match others.texts.get(number as usize) {
            Some(text) if number != NONE => self.number_of(text),
            _ => NONE,
        }
    }

    /// The order of two texts.
    pub fn order(&self, a: u32, b: u32) -> Ordering {
        if a == b { Ordering::Equal } else { self.text(a).cmp(self.text(b)) }
    }

    pub fn number(&mut self, text: Option<&str>) -> u32 {
        text.map_or(NONE, |text| self.number_or(text, || text.into()))
    }

    /// The number of a text that is kept already, and stays shared.
    pub fn number_of(&mut self, text: &Text) -> u32 {
        self.number_or(text, || text.clone())
    }

    #[expect(clippy::cast_possible_truncation, reason = "texts of a run have 32 bits")]
    fn number_or(&mut self, text: &str, kept: impl FnOnce() -> Text) -> u32 {
        let hash = self.hasher.hash_one(text);
        let Texts { hasher, table, texts, bytes } = self;
        let known = |number: &u32| texts.get(*number as usize).is_some_and(|t| &**t == text);
        let rehash = |number: &u32| hasher.hash_one(texts.get(*number as usize).map_or("", |t| t));
        match table.entry(hash, known, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = texts.len() as u32;
                entry.insert(number);
                *bytes += text.len() as u64;
                texts.push(kept());
                number
            }
        }
    }

    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |t| t)
    }

    /// The one text for all that say the same.
    pub fn text_of(&mut self, text: &str) -> Text {
        let number = self.number(Some(text));
        self.shared(number)
    }

    /// For each number its text's place in the order of all; "none" is before them.
    pub fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<(&Text, usize)> = self.texts.iter().zip(0..).skip(1).collect();
        order.par_sort_unstable();
        let mut ranks = vec![0; self.texts.len()];
        for ((_, number), rank) in order.into_iter().zip(1..) {
            if let Some(place) = ranks.get_mut(number) {
                *place = rank;
            }
        }
        ranks
    }

    /// The text, to be kept; empty for "none".
    pub fn shared(&self, number: u32) -> Text {
        self.texts.get(number as usize).cloned().invariant("numbers come from this interner")
    }
}

/// Values made of numbers, by number.
pub(super) struct Numbered<T> {
    hasher: foldhash::fast::FixedState,
    table: HashTable<u32>,
    values: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered { hasher: Default::default(), table: HashTable::new(), values: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Numbered<T> {
    #[expect(clippy::cast_possible_truncation, reason = "texts of a run have 32 bits")]
    pub fn number(&mut self, value: T) -> u32 {
        let hash = self.hasher.hash_one(value);
        let Numbered { hasher, table, values } = self;
        let known = |number: &u32| values.get(*number as usize) == Some(&value);
        let rehash = |number: &u32| values.get(*number as usize).map_or(0, |value| hasher.hash_one(value));
        match table.entry(hash, known, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = values.len() as u32;
                entry.insert(number);
                values.push(value);
                number
            }
        }
    }

    pub fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)
    }

    pub fn values(&self) -> &[T] {
        &self.values
    }

    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }
}

/// What numbers of one kind are elsewhere, as far as it was asked.
pub(super) struct Mapping(Vec<u32>);

impl Mapping {
    const UNKNOWN: u32 = u32::MAX;

    pub fn new(len: usize) -> Self {
        Mapping(vec![Self::UNKNOWN; len])
    }

    /// The number elsewhere; `find` finds it the first time.
    pub fn of(&mut self, number: u32, find: impl FnOnce() -> u32) -> u32 {
        match self.0.get_mut(number as usize) {
            Some(known) if *known == Self::UNKNOWN => {
                *known = find();
                *known
            }
            Some(known) => *known,
            None => find(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_one_number_each() {
        let mut texts = Texts::new();
        let a = texts.number(Some("a"));
        assert_eq!(texts.number(Some("a")), a);
        assert_ne!(texts.number(Some("")), NONE);
        assert_eq!(texts.number(None), NONE);
        assert_eq!(texts.text(a), "a");
        let (first, second) = (texts.text_of("b"), texts.text_of("b"));
        assert_eq!(first.place(), second.place());
        assert_eq!(texts.number_of(&first), texts.number(Some("b")));
    }

    #[test]
    fn ranks_are_the_order_of_the_texts() {
        let mut texts = Texts::new();
        let numbers = ["b", "", "a"].map(|text| texts.number(Some(text)));
        let ranks = texts.ranks();
        assert_eq!(ranks[NONE as usize], 0);
        assert_eq!(numbers.map(|number| ranks[number as usize]), [3, 1, 2]);
    }
}
