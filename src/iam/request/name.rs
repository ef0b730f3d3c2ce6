//! Names of parameters, compared without case, `-` and `_`; sets of such names; lists ranked by likelihood.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::iam::request::json_tape::name_hash;

/// A name to look for: two names are the same but for case, `-` and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::iam) struct Name {
    pub hash: u64,
}

impl Name {
    pub const fn new(name: &str) -> Name {
        Name { hash: name_hash(name.as_bytes()) }
    }
}

/// Names to look for, the likeliest first.
#[derive(Clone, Debug, Default)]
pub(in crate::iam) struct Ranked {
    pub names: Vec<Name>,
    /// The same as a set.
    set: NameSet,
    /// Told apart by this: no two lists have the same, but a list and its clones. 0 where it is empty.
    pub id: u64,
}

impl Ranked {
    pub fn new(names: impl IntoIterator<Item = Name>) -> Ranked {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        let mut ranked = Ranked::default();
        for name in names {
            if ranked.set.insert(name) {
                ranked.names.push(name);
            }
        }
        if !ranked.names.is_empty() {
            ranked.id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        }
        ranked
    }

    pub fn contains(&self, name: Name) -> bool {
        self.set.contains(name)
    }
}

/// A set of names: a table of their hashes with free places between them, those of nobody's choice but ours.
#[derive(Clone, Debug, Default)]
pub(in crate::iam) struct NameSet {
    /// A power of two of places, 0 where there is none.
    pub places: Vec<u64>,
    count: usize,
}

impl NameSet {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The place of a hash, or the free one where it would be put.
    #[expect(clippy::cast_possible_truncation, reason = "a hash is as good in part")]
    fn place(&self, hash: u64) -> Option<usize> {
        let mask = self.places.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        loop {
            match self.places.get(at) {
                Some(held) if *held != hash && *held != 0 => at = (at + 1) & mask,
                _ => return Some(at),
            }
        }
    }

    pub fn contains(&self, name: Name) -> bool {
        self.place(name.hash).is_some_and(|at| self.places.get(at) == Some(&name.hash))
    }

    pub fn insert(&mut self, name: Name) -> bool {
        if self.contains(name) {
            return false;
        }
        self.count += 1;
        if self.count * 4 > self.places.len() {
            let size = (self.count * 8).next_power_of_two();
            let held = std::mem::replace(&mut self.places, vec![0; size]);
            held.into_iter().filter(|hash| *hash != 0).for_each(|hash| self.put(hash));
        }
        self.put(name.hash);
        true
    }

    fn put(&mut self, hash: u64) {
        if let Some(free) = self.place(hash).and_then(|at| self.places.get_mut(at)) {
            *free = hash;
        }
    }
}
