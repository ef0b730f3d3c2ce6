//! Objects larger than a batch: each is one, and is put off until there is memory for it, so that what fits goes first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::planned::Planned;

/// An object that is larger than a batch.
#[derive(Clone, Copy)]
pub(super) struct LargeObjects<'a> {
    pub planned: &'a Planned,
    /// Size of its JSON at the most, as far as is known.
    pub json_bytes: u64,
}

/// Large objects that wait for memory.
pub(super) struct PutOff<'a> {
    /// The largest first.
    waiting: Mutex<Vec<LargeObjects<'a>>>,
    count_max: usize,
}

impl<'a> PutOff<'a> {
    /// Room for about so many: those of later days should not go before others.
    pub fn new(count_max: usize) -> PutOff<'a> {
        PutOff { waiting: Mutex::default(), count_max }
    }

    pub fn put(&self, large: LargeObjects<'a>) {
        let mut waiting = self.waiting();
        let at = waiting.partition_point(|other| other.json_bytes >= large.json_bytes);
        waiting.insert(at, large);
    }

    pub fn is_full(&self) -> bool {
        self.waiting().len() >= self.count_max
    }

    /// The largest for which `room` has some now, with that.
    pub fn take_fitting<T>(&self, room: impl Fn(&LargeObjects<'a>) -> Option<T>) -> Option<(LargeObjects<'a>, T)> {
        let mut waiting = self.waiting();
        let (at, taken) = waiting.iter().enumerate().find_map(|(at, large)| Some((at, room(large)?)))?;
        Some((waiting.remove(at), taken))
    }

    /// The largest of all.
    pub fn take_largest(&self) -> Option<LargeObjects<'a>> {
        self.take_fitting(|_| Some(())).map(|(large, ())| large)
    }

    /// Nothing can panic while it is held but what is out of memory.
    fn waiting(&self) -> MutexGuard<'_, Vec<LargeObjects<'a>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
