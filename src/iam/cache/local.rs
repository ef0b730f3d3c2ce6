//! The resolver's cache: requests and their permissions. Its limits hold however many names a log invents.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::iam::event::Permissions;

/// Outcomes remembered.
const COUNT_MAX: usize = 32 * 1024;

/// Bytes of keys and resources remembered.
const BYTES_MAX: usize = 8 << 20;

/// Bytes of one that is worth remembering.
const ONE_MAX: usize = 32 << 10;

/// Permissions by key. Keys are compared in full; their hashes are seeded at random.
#[derive(Debug, Default)]
pub(in crate::iam) struct LocalCache {
    hasher: foldhash::fast::RandomState,
    table: HashTable<u32>,
    known: Vec<Known>,
    /// The last that was too large to be remembered.
    large: Remembered,
    bytes: usize,
    count: u64,
}

/// An outcome and the number by which it is known.
#[derive(Debug, Default)]
pub struct Remembered {
    /// Never given to another outcome of the same resolver.
    pub number: u64,
    /// What the event took.
    pub permissions: Arc<Permissions>,
}

#[derive(Debug)]
struct Known {
    hash: u64,
    key: Box<[u8]>,
    remembered: Remembered,
    /// Whether it was asked for since room was last made.
    was_used: bool,
}

/// Where an outcome stands until the next is put in.
#[derive(Clone, Copy, Debug)]
pub(in crate::iam) struct At(u32);

/// Where none is remembered.
const LARGE: At = At(u32::MAX);

impl LocalCache {
    /// What is remembered under a key.
    pub fn find(&mut self, key: &[u8]) -> Option<At> {
        let hash = self.hasher.hash_one(key);
        let known = &self.known;
        let is_it = |at: &u32| known.get(*at as usize).is_some_and(|known| known.hash == hash && *known.key == *key);
        let at = *self.table.find(hash, is_it)?;
        if let Some(known) = self.known.get_mut(at as usize) {
            known.was_used = true;
        }
        Some(At(at))
    }

    /// An outcome where it stood, if it still stands there.
    pub fn find_at(&mut self, at: At, number: u64) -> Option<At> {
        let known = self.known.get_mut(at.0 as usize).filter(|known| known.remembered.number == number)?;
        known.was_used = true;
        Some(at)
    }

    /// What was found or put in.
    pub fn at(&self, at: At) -> &Remembered {
        self.known.get(at.0 as usize).map_or(&self.large, |known| &known.remembered)
    }

    /// Remembers an outcome under a key that is not known.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most `COUNT_MAX`")]
    pub fn put(&mut self, key: &[u8], permissions: impl Into<Arc<Permissions>>) -> At {
        let permissions = permissions.into();
        let bytes = key.len() + size(&permissions);
        self.count += 1;
        let remembered = Remembered { number: self.count, permissions };
        if bytes > ONE_MAX {
            self.large = remembered;
            return LARGE;
        }
        if self.known.len() >= COUNT_MAX || self.bytes + bytes > BYTES_MAX {
            self.make_room();
        }
        let hash = self.hasher.hash_one(key);
        let at = self.known.len() as u32;
        self.bytes += bytes;
        self.known.push(Known { hash, key: key.into(), remembered, was_used: false });
        self.enter(hash, at);
        At(at)
    }

    fn enter(&mut self, hash: u64, at: u32) {
        let known = &self.known;
        let rehash = |at: &u32| known.get(*at as usize).map_or(0, |known| known.hash);
        if let Entry::Vacant(entry) = self.table.entry(hash, |_| false, rehash) {
            entry.insert(at);
        }
    }

    /// Forgets what was not asked for since the last time; all, where that is too little.
    #[expect(clippy::cast_possible_truncation, reason = "there are at most `COUNT_MAX`")]
    fn make_room(&mut self) {
        self.known.retain_mut(|known| std::mem::take(&mut known.was_used));
        self.bytes = self.known.iter().map(|known| known.key.len() + size(&known.remembered.permissions)).sum();
        if self.known.len() > COUNT_MAX / 2 || self.bytes > BYTES_MAX / 2 {
            self.known.clear();
            self.bytes = 0;
        }
        self.table.clear();
        for at in 0..self.known.len() {
            let hash = self.known.get(at).map_or(0, |known| known.hash);
            self.enter(hash, at as u32);
        }
    }

    pub fn clear(&mut self) {
        self.known.clear();
        self.table.clear();
        self.bytes = 0;
    }
}

fn size(permissions: &Permissions) -> usize {
    let all = permissions.needed.iter().chain(&permissions.suggestions);
    all.flat_map(|permission| &permission.resources).map(String::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Outcome;

    fn nothing() -> Permissions {
        Permissions { needed: Vec::new(), suggestions: Vec::new(), outcome: Outcome::Allowed, no_permission: None }
    }

    #[test]
    fn remembers_within_its_limits_and_keeps_what_is_asked_for() {
        let mut memory = LocalCache::default();
        memory.put(b"kept", nothing());
        let number = |memory: &LocalCache, at: Option<At>| at.map(|at| memory.at(at).number);
        for i in 0..3 * COUNT_MAX {
            let at = memory.find(b"kept");
            assert_eq!(number(&memory, at), Some(1), "{i}");
            let at = memory.put(format!("{i}").as_bytes(), nothing());
            assert_eq!(number(&memory, Some(at)), Some(i as u64 + 2));
            assert!(memory.known.len() <= COUNT_MAX && memory.table.len() == memory.known.len());
        }
        assert!(memory.find(b"0").is_none());
        let at = memory.find(b"kept").expect("kept");
        assert!(memory.find_at(at, 1).is_some() && memory.find_at(at, 2).is_none());
        let large = memory.put(&vec![0; ONE_MAX + 1], nothing());
        assert!(number(&memory, Some(large)).is_some() && memory.bytes <= BYTES_MAX);
        for i in 0..3 * BYTES_MAX / ONE_MAX {
            memory.put(&vec![i as u8; ONE_MAX - i % 7], nothing());
            assert!(memory.bytes <= BYTES_MAX);
        }
    }
}
