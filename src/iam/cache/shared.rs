//! What the resolvers of several threads tell each other: what one of them has found, the others needn't find again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use crate::iam::event::Permissions;

/// Outcomes that are held, and the kinds of calls; when there are more it starts anew.
const COUNT_MAX: usize = 32 * 1024;

/// Bytes of keys that are held.
const BYTES_MAX: usize = 8 << 20;

/// Outcomes by keys that mean the same to every resolver by the same catalogue.
#[derive(Debug, Default)]
pub struct SharedCache(Mutex<Held>);

/// At random, because keys are anybody's choice.
type Seeded = foldhash::fast::RandomState;

#[derive(Debug, Default)]
struct Held {
    /// Kinds of calls by all that tells them apart.
    kinds: HashMap<Box<[u8]>, u32, Seeded>,
    /// Never given twice.
    last_kind: u32,
    outcomes: HashMap<Box<[u8]>, Arc<Permissions>, Seeded>,
    bytes: usize,
}

impl SharedCache {
    /// The number of a kind of calls: an operation, and what its rules look at.
    pub(in crate::iam) fn kind(&self, told: &[u8]) -> u32 {
        let mut held = self.held();
        if let Some(kind) = held.kinds.get(told) {
            return *kind;
        }
        held.make_room(told.len());
        held.last_kind += 1;
        let kind = held.last_kind;
        held.kinds.insert(told.into(), kind);
        kind
    }

    pub(in crate::iam) fn find(&self, key: &[u8]) -> Option<Arc<Permissions>> {
        self.held().outcomes.get(key).cloned()
    }

    pub(in crate::iam) fn put(&self, key: &[u8], outcome: Arc<Permissions>) {
        let mut held = self.held();
        held.make_room(key.len());
        held.outcomes.insert(key.into(), outcome);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // What is in it is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn make_room(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.kinds.len() >= COUNT_MAX || self.outcomes.len() >= COUNT_MAX || self.bytes > BYTES_MAX {
            self.kinds.clear();
            self.outcomes.clear();
            self.bytes = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_their_own_numbers_whatever_was_forgotten() {
        let shared = SharedCache::default();
        let first = shared.kind(b"first");
        assert_eq!(shared.kind(b"first"), first);
        let others = (0..COUNT_MAX).map(|i| shared.kind(&i.to_le_bytes()));
        assert!(others.max().is_some_and(|greatest| greatest > first));
        assert!(shared.kind(b"first") > first);
        for i in 0..3 * COUNT_MAX {
            shared.put(&i.to_le_bytes(), Arc::default());
        }
        assert!(shared.held().outcomes.len() <= COUNT_MAX && shared.find(b"first").is_none());
        shared.put(&vec![0; BYTES_MAX], Arc::default());
        shared.put(b"first", Arc::default());
        assert!(shared.find(b"first").is_some() && shared.held().outcomes.len() == 1);
    }
}
