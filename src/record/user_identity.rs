//! `userIdentity` objects that stand in one record after the other, letter by letter: what one came to is remembered, so
//! that a session's calls have theirs compared instead of scanned.

use std::hash::BuildHasher;

use super::held::{Extra, Held, Value};

/// UserIdentities remembered, a power of two; each thread has them.
const PLACES: usize = 4096;

/// Bytes of one that is worth remembering: real ones have up to about 1,200.
const ONE_MAX: usize = 4 << 10;

/// What an object came to. Nothing in it says where it stood, so that it holds wherever its text stands.
#[derive(Debug)]
pub(super) struct Known {
    /// From `{` to `}`.
    text: Box<[u8]>,
    pub values: Box<[Value]>,
    pub extras: Box<[Extra]>,
    /// The columns and the groups that it has.
    pub columns: u128,
    pub groups: u32,
}

#[derive(Debug, Default)]
struct Place {
    known: Option<Known>,
    /// The hash of the last that was not it.
    other: u64,
}

/// The identities so far. What they came to holds as long as the words by which it is said.
#[derive(Debug)]
pub(super) struct UserIdentities {
    /// Seeded at random: names are anybody's choice.
    hasher: foldhash::fast::RandomState,
    places: Vec<Place>,
}

impl Default for UserIdentities {
    fn default() -> UserIdentities {
        UserIdentities { hasher: Default::default(), places: std::iter::repeat_with(Place::default).take(PLACES).collect() }
    }
}

/// What stands at the begin of the bytes, told by its letters up to the first `}`: they hold the session's key.
#[derive(Clone, Copy)]
pub(super) struct Sought {
    hash: u64,
}

impl Sought {
    fn place(self) -> usize {
        self.hash as usize % PLACES
    }
}

impl UserIdentities {
    /// What is looked for, if it may be remembered.
    pub fn seek(&self, rest: &[u8]) -> Option<Sought> {
        let front = rest.get(..ONE_MAX).unwrap_or(rest);
        let close = memchr::memchr(b'}', front)?;
        Some(Sought { hash: self.hasher.hash_one(front.get(..close)?) })
    }

    /// What the bytes begin with, if it is known, and its length.
    pub fn find(&self, sought: Sought, rest: &[u8]) -> Option<(&Known, usize)> {
        let known = self.places.get(sought.place())?.known.as_ref()?;
        // INVARIANT: an object is over where its text is.
        rest.starts_with(&known.text).then_some((known, known.text.len()))
    }

    /// Remembers what an object came to; in the place of another one only when it is met again, since many come once.
    pub fn learn(
        &mut self,
        sought: Sought,
        text: &[u8],
        (values, extras): (&[Value], &[Extra]),
        (columns, groups): (u128, u32),
    ) {
        let Some(place) = self.places.get_mut(sought.place()) else { return };
        if place.known.is_some() && place.other != sought.hash {
            place.other = sought.hash;
            return;
        }
        let is_placeless = values.iter().all(|value| !matches!(value.held, Held::Text(..) | Held::Marked(..)))
            && extras.iter().all(Extra::is_empty);
        if is_placeless && text.len() <= ONE_MAX {
            place.known =
                Some(Known { text: text.into(), values: values.into(), extras: extras.into(), columns, groups });
        }
    }
}
