//! Objects that stand in one record after the other, letter by letter: `userIdentity` of a session's calls, `tlsDetails` of
//! a client's. What one came to is remembered, so that the next is compared instead of scanned.

use std::hash::BuildHasher;

use super::scanned_value::{Extra, ScannedValue, Value};
use crate::util::direct_mapped_cache::DirectMappedCache;

/// Objects remembered, by each thread.
const PLACES: usize = 4096;

/// Bytes of one that is worth remembering: real identities have up to about 1,200.
const ONE_MAX: usize = 2 << 10;

/// What an object came to. Nothing in it says where it stood, so that it holds wherever its text stands.
#[derive(Debug)]
pub(super) struct Known {
    /// Where such an object stands in a record: the same letters are something else elsewhere.
    group: usize,
    pub values: Box<[Value]>,
    pub extras: Box<[Extra]>,
    /// The columns and the groups that it has.
    pub columns: u128,
    pub groups: u32,
}

/// The objects so far. What they came to holds as long as the words by which it is said.
#[derive(Debug)]
pub(super) struct RepeatedObjects {
    hasher: foldhash::fast::RandomState,
    recent: DirectMappedCache<Known>,
}

impl Default for RepeatedObjects {
    fn default() -> RepeatedObjects {
        RepeatedObjects { hasher: Default::default(), recent: DirectMappedCache::new(PLACES, ONE_MAX) }
    }
}

/// What stands at the begin of some bytes, told by its letters up to the first `}`: in an identity they hold the
/// session's key.
#[derive(Clone, Copy)]
pub(super) struct Sought {
    group: usize,
    hash: u64,
}

impl RepeatedObjects {
    /// What is looked for, if it may be remembered.
    pub fn seek(&self, group: usize, rest: &[u8]) -> Option<Sought> {
        let front = rest.get(..ONE_MAX).unwrap_or(rest);
        let close = memchr::memchr(b'}', front)?;
        Some(Sought { group, hash: self.hasher.hash_one((group, front.get(..close)?)) })
    }

    /// What the bytes begin with, if it is known, and its length.
    pub fn find(&self, sought: Sought, rest: &[u8]) -> Option<(&Known, usize)> {
        // INVARIANT: an object is over where its text is.
        let (text, known) = self.recent.find(sought.hash, |text| rest.starts_with(text))?;
        (known.group == sought.group).then_some((known, text.len()))
    }

    /// Remembers what an object came to, from `{` to `}`.
    pub fn learn(
        &mut self,
        sought: Sought,
        text: &[u8],
        (values, extras): (&[Value], &[Extra]),
        (columns, groups): (u128, u32),
    ) {
        let is_placeless =
            values.iter().all(|value| !matches!(value.held, ScannedValue::Text(..) | ScannedValue::Marked(..)))
                && extras.iter().all(Extra::is_empty);
        let known = || Known { group: sought.group, values: values.into(), extras: extras.into(), columns, groups };
        self.recent.learn(sought.hash, text, || is_placeless.then(known));
    }
}
