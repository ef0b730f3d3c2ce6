//! A number for each pair of numbers that occurs.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Entries of the direct table at the most: what a core's cache holds.
const DIRECT_ENTRIES: usize = 1 << 18;

/// Pairs in the order in which they came, numbered from 0. While there is room each pair has a place of its own in a
/// table; then they are hashed.
#[derive(Default)]
pub(super) struct Pairs {
    pairs: Vec<(u32, u32)>,
    /// One more than the number of the pair, by the first and then by the second; 0 where there is none.
    direct: Vec<u32>,
    /// The first's place: it is shifted by so many bits.
    shift: u32,
    hashed: Option<HashTable<u32>>,
    hasher: FixedState,
}

impl Pairs {
    pub fn count(&self) -> usize {
        self.pairs.len()
    }

    pub fn pairs(&self) -> &[(u32, u32)] {
        &self.pairs
    }

    pub fn size_bytes(&self) -> usize {
        8 * self.pairs.capacity()
            + 4 * self.direct.capacity()
            + self.hashed.as_ref().map_or(0, |table| 5 * table.capacity())
    }

    /// Makes room for pairs of so many firsts and seconds.
    pub fn make_room(&mut self, firsts: usize, seconds: usize) {
        if self.hashed.is_some() {
            return;
        }
        let stride = seconds.next_power_of_two().max(1 << self.shift);
        let entries = firsts.max(self.direct.len() >> self.shift).saturating_mul(stride);
        if entries > DIRECT_ENTRIES {
            let Pairs { pairs, hasher, .. } = &*self;
            let mut table = HashTable::with_capacity(2 * pairs.len());
            for (number, pair) in (0..).zip(pairs) {
                table.insert_unique(hasher.hash_one(key(*pair)), number, |number| hash_at(hasher, pairs, *number));
            }
            self.hashed = Some(table);
            self.direct = Vec::new();
        } else if stride > 1 << self.shift {
            self.shift = stride.trailing_zeros();
            self.direct = vec![0; entries.next_power_of_two()];
            for (number, (first, second)) in (1..).zip(&self.pairs) {
                let place = ((*first as usize) << self.shift) + *second as usize;
                if let Some(slot) = self.direct.get_mut(place) {
                    *slot = number;
                }
            }
        } else if entries > self.direct.len() {
            self.direct.resize(entries.next_power_of_two(), 0);
        }
    }

    /// The number of a pair that there is room for.
    #[inline]
    pub fn number(&mut self, first: u32, second: u32) -> u32 {
        match self.direct.get_mut(((first as usize) << self.shift) + second as usize) {
            Some(0) | None => self.new_number(first, second),
            Some(number) => *number - 1,
        }
    }

    #[cold]
    fn in_direct(&mut self, first: u32, second: u32) -> u32 {
        self.pairs.push((first, second));
        let number = u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
        if let Some(slot) = self.direct.get_mut(((first as usize) << self.shift) + second as usize) {
            *slot = number;
        }
        number - 1
    }

    fn new_number(&mut self, first: u32, second: u32) -> u32 {
        let Pairs { pairs, hashed: Some(table), hasher, .. } = self else { return self.in_direct(first, second) };
        let pair = (first, second);
        let hash = hasher.hash_one(key(pair));
        if let Some(number) = table.find(hash, |number| pairs.get(*number as usize) == Some(&pair)) {
            return *number;
        }
        let number = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
        pairs.push(pair);
        table.insert_unique(hash, number, |number| hash_at(hasher, pairs, *number));
        number
    }
}

fn key(pair: (u32, u32)) -> u64 {
    u64::from(pair.0) << 32 | u64::from(pair.1)
}

fn hash_at(hasher: &FixedState, pairs: &[(u32, u32)], number: u32) -> u64 {
    hasher.hash_one(key(pairs.get(number as usize).copied().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_those_of_a_map(
            batches in prop::collection::vec(prop::collection::vec((0_u32..2_000, 0_u32..2_000), 0..50), 0..20),
            wide in any::<bool>(),
        ) {
            let mut pairs = Pairs::default();
            let mut known: HashMap<(u32, u32), u32> = HashMap::new();
            for batch in batches {
                let batch: Vec<_> = batch.into_iter().map(|(a, b)| if wide { (a, b) } else { (a % 7, b % 90) }).collect();
                let firsts = batch.iter().map(|pair| pair.0 as usize + 1).max().unwrap_or(0);
                let seconds = batch.iter().map(|pair| pair.1 as usize + 1).max().unwrap_or(0);
                pairs.make_room(firsts, seconds);
                for (first, second) in batch {
                    let next = u32::try_from(known.len()).unwrap();
                    let expected = *known.entry((first, second)).or_insert(next);
                    prop_assert_eq!(pairs.number(first, second), expected);
                    prop_assert_eq!(pairs.pairs()[expected as usize], (first, second));
                }
            }
            prop_assert_eq!(pairs.count(), known.len());
        }
    }
}
