//! Calls between accounts, held while an ingest runs, so that a day can be told apart without reading its events again.

use std::collections::BTreeMap;

use crate::store::{DataFile, Snapshot, Table};
use crate::usage::SharedCalls;

/// What the events that this ingest adds have of such calls, by day.
pub(super) struct HeldCalls {
    /// `None` for days of which not everything is held: the store has to be read.
    days: BTreeMap<i32, Option<SharedCalls>>,
    limit_bytes: usize,
    size_bytes: usize,
    /// Data files with greater ids are this ingest's.
    last_file: i64,
}

impl HeldCalls {
    /// Holds nothing yet of what is added to `snapshot`, and never more than about `limit_bytes`.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    pub fn new(snapshot: &Snapshot, limit_bytes: u64) -> HeldCalls {
        let last_file = snapshot.files(Table::Events).iter().map(|file| file.id).max().unwrap_or(0);
        HeldCalls { days: BTreeMap::new(), limit_bytes: limit_bytes as usize, size_bytes: 0, last_file }
    }

    /// Holds what was added to a day. Whoever adds a file must say so here.
    pub fn add(&mut self, event_date: i32, calls: SharedCalls) {
        let Some(held) = self.days.entry(event_date).or_insert_with(|| Some(SharedCalls::default())) else { return };
        self.size_bytes -= held.size_bytes();
        held.absorb(calls);
        self.size_bytes += held.size_bytes();
        while self.size_bytes > self.limit_bytes {
            let largest = self.days.values_mut().max_by_key(|day| day.as_ref().map_or(0, SharedCalls::size_bytes));
            let Some(dropped) = largest.and_then(Option::take) else { return };
            self.size_bytes -= dropped.size_bytes();
        }
    }

    /// Days before `event_date` of which everything is held.
    pub fn days_before(&self, event_date: i32) -> impl Iterator<Item = i32> + '_ {
        self.days.range(..event_date).filter(|(_, held)| held.is_some()).map(|(day, _)| *day)
    }

    /// What is held of a day, and the files whose events are not in it. What comes later is no longer held.
    pub fn take<'a>(&mut self, event_date: i32, files: &[&'a DataFile]) -> (Option<SharedCalls>, Vec<&'a DataFile>) {
        let held = self.days.get_mut(&event_date).and_then(Option::take);
        self.size_bytes -= held.as_ref().map_or(0, SharedCalls::size_bytes);
        let unheld = files.iter().copied().filter(|file| held.is_none() || file.id <= self.last_file);
        let unheld = unheld.collect();
        (held, unheld)
    }
}
