//! Numbers for what repeats, so that it is compared and kept as a number.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::text::Text;

/// The number of no text.
pub(super) const NONE: u32 = 0;

/// Texts by number. Number 0 is "none".
pub(super) struct Texts {
    /// Seeded at random: the texts are anybody's.
    hasher: foldhash::fast::RandomState,
    table: HashTable<u32>,
    texts: Vec<Text>,
}

impl Texts {
    pub fn new() -> Self {
        Texts { hasher: Default::default(), table: HashTable::new(), texts: vec![Text::default()] }
    }

    pub fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return NONE };
        let hash = self.hasher.hash_one(text);
        let Texts { hasher, table, texts } = self;
        let known = |number: &u32| texts.get(*number as usize).is_some_and(|t| &**t == text);
        let rehash = |number: &u32| hasher.hash_one(texts.get(*number as usize).map_or("", |t| t));
        match table.entry(hash, known, rehash) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let number = texts.len() as u32;
                entry.insert(number);
                texts.push(text.into());
                number
            }
        }
    }

    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |t| t)
    }

    /// The text, to be kept; empty for "none".
    pub fn shared(&self, number: u32) -> Text {
        self.texts.get(number as usize).cloned().unwrap_or_default()
    }

    pub fn optional(&self, number: u32) -> Option<Text> {
        (number != NONE).then(|| self.shared(number))
    }
}

/// Values made of numbers, by number.
pub(super) struct Numbered<T> {
    hasher: foldhash::fast::FixedState,
    table: HashTable<u32>,
    values: Vec<T>,
}

impl<T: Copy + Eq + Hash> Numbered<T> {
    pub fn new() -> Self {
        Numbered { hasher: Default::default(), table: HashTable::new(), values: Vec::new() }
    }

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

    pub fn into_values(self) -> Vec<T> {
        self.values
    }

    pub fn len(&self) -> usize {
        self.values.len()
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
    }
}
