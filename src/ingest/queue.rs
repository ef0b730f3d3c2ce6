//! Containers that are read or wait to be, and what comes out of them on its way to a batch.

use std::collections::VecDeque;
use std::io::BufRead;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::pack::{Beside, Pack, Seen};
use super::planned::Planned;
use crate::archive::{ContainerWalk, EntryFault, Packed, Read, Within};
use crate::store::{Container, LedgerEntry, NameKey};

/// A container at hand.
pub(super) struct Open {
    pub walk: ContainerWalk,
    pub pack: Arc<Pack>,
    pub window_bytes: u64,
    pub is_root: bool,
}

/// An object out of a container.
pub(super) struct Item {
    pub planned: Planned,
    pub pack: Arc<Pack>,
    /// What it is by its name, unless it turns out to hold events.
    pub beside: Option<Beside>,
    pub bytes: ItemBytes,
    /// For a container that it turns out to be: its name, and what it lies in.
    pub name: String,
    pub within: Option<Within>,
}

/// Its bytes.
pub(super) enum ItemBytes {
    /// As they stand in the container.
    Packed(Packed),
    /// Read already.
    Read(Result<Read, EntryFault>),
    /// All that comes out of a pipe.
    Pipe(Box<dyn BufRead + Send>),
    /// To be read as a stream, by who has memory for so much text: for all there may be, where nobody knows.
    Stream(Box<Open>, Option<u64>),
}

/// What was read at once.
#[derive(Default)]
pub(super) struct Handful {
    pub items: Vec<Item>,
    pub refused: Vec<LedgerEntry>,
    pub seen: Seen,
}

/// What a worker has to do.
pub(super) enum Task {
    /// Read a handful.
    Pull(Box<Open>),
    /// Open one, whose decoder may take so much memory.
    Open(Box<Planned>, u64),
    /// Read one object that is larger than a batch.
    Large(Box<Item>),
    /// Give back the memory that is held, because somebody needs all of it.
    EndBatch,
    /// Nothing more.
    Done,
}

/// Containers that are read or wait to be.
#[derive(Default)]
pub(super) struct Queue {
    pub state: Mutex<State>,
    pub changed: Condvar,
    /// What was taken out of containers since it was noted last.
    pub names: Mutex<HashMap<NameKey, (u64, [u8; 32])>>,
}

#[derive(Default)]
pub(super) struct State {
    pub waiting: VecDeque<Planned>,
    /// The one in another before that.
    pub idle: Vec<Open>,
    pub large: VecDeque<Box<Item>>,
    /// How many workers have one at hand.
    pub out: usize,
    /// How many of them wait for memory for a large object.
    pub large_out: usize,
    /// Memory that decoders take.
    pub windows_bytes: u64,
    /// Entries that may come before those that came are noted.
    pub left: u64,
    pub packs: Vec<Arc<Pack>>,
}

impl Queue {
    pub fn new(containers: Vec<Planned>) -> Queue {
        let state = State { waiting: containers.into(), ..State::default() };
        Queue { state: Mutex::new(state), ..Queue::default() }
    }

    /// Allows so many entries more.
    pub fn begin(&self, entries: u64) {
        self.state().left = entries;
    }

    /// Counts one of them.
    pub fn count(&self) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(1);
    }

    /// Whether all were read to their ends.
    pub fn is_done(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.idle.is_empty() && state.large.is_empty()
    }

    /// Stored bytes that are to be read.
    pub fn stored_bytes(&self) -> u64 {
        let state = self.state();
        let waiting: u64 = state.waiting.iter().map(|planned| planned.size_bytes).sum();
        waiting + state.idle.iter().map(|open| open.pack.size_bytes).sum::<u64>()
    }

    /// Names and sizes of what was taken.
    pub fn take_names(&self) -> Vec<(NameKey, u64)> {
        self.names().drain().map(|(key, (noted, _))| (key, noted)).collect()
    }

    /// The containers that were taken whole.
    pub fn whole(&self) -> Vec<Container> {
        self.state().packs.iter().filter_map(|pack| pack.noted()).collect()
    }

    /// Nothing can panic while it is held but what is out of memory.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn names(&self) -> MutexGuard<'_, HashMap<NameKey, (u64, [u8; 32])>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
