//! Objects larger than a batch: each is one, and is put off until there is memory for it, so that what fits goes first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::plan::Planned;

/// An object that is larger than a batch.
#[derive(Clone, Copy)]
pub(super) struct Large<'a> {
    pub planned: &'a Planned,
    /// Size of its JSON at the most, as far as is known.
    pub json_bytes: u64,
}

/// Large objects that wait for memory.
pub(super) struct PutOff<'a> {
    waiting: Mutex<Vec<Large<'a>>>,
    count_max: usize,
}

impl<'a> PutOff<'a> {
    /// Room for about so many: those of later days should not go before others.
    pub fn new(count_max: usize) -> PutOff<'a> {
        PutOff { waiting: Mutex::default(), count_max }
    }

    pub fn put(&self, large: Large<'a>) {
        self.waiting().push(large);
    }

    pub fn is_full(&self) -> bool {
        self.waiting().len() >= self.count_max
    }

    /// The largest for which `room` has some now, with that.
    pub fn take_fitting<T>(&self, room: impl Fn(&Large<'a>) -> Option<T>) -> Option<(Large<'a>, T)> {
        let mut waiting = self.waiting();
        let mut by_size: Vec<usize> = (0..waiting.len()).collect();
        by_size.sort_by_key(|at| waiting.get(*at).map(|large| std::cmp::Reverse(large.json_bytes)));
        let (at, taken) = by_size.into_iter().find_map(|at| Some((at, room(waiting.get(at)?)?)))?;
        Some((waiting.remove(at), taken))
    }

    /// The largest of all.
    pub fn take_largest(&self) -> Option<Large<'a>> {
        self.take_fitting(|_| Some(())).map(|(large, ())| large)
    }

    /// Nothing can panic while it is held but what is out of memory.
    fn waiting(&self) -> MutexGuard<'_, Vec<Large<'a>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
