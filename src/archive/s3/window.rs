//! Where objects wait that were fetched before they are asked for: how much memory they take is bounded.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;

/// Of memory so much is counted at once.
const UNIT_BYTES: u64 = 1 << 10;

/// Memory that objects which wait may take, where nobody says.
const WINDOW_BYTES: u64 = 16 << 20;

/// Larger objects are not fetched ahead: they go by way of a file.
const OBJECT_MAX_BYTES: u64 = 4 << 20;

/// What an object takes beside its bytes.
const OVERHEAD_BYTES: u64 = 512;

/// How often it is asked whether to go on.
pub(super) const ASK_INTERVAL: Duration = Duration::from_millis(100);

/// What became of an object.
enum Slot {
    /// It is on its way.
    Fetching,
    /// It is there, and takes memory until somebody takes it.
    Ready(Result<Bytes, Fault>, OwnedSemaphorePermit),
}

#[derive(Default)]
struct State {
    /// Which objects these are of: what comes late for others is dropped.
    round: u64,
    slots: HashMap<usize, Slot>,
    /// Those that somebody has fetched himself, because they were not on their way.
    passed: HashSet<usize>,
}

/// Objects on their way, and those that wait.
pub(super) struct Window {
    state: Mutex<State>,
    changed: Condvar,
    memory: Mutex<Arc<Semaphore>>,
    object_bytes: AtomicU64,
}

impl std::fmt::Debug for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Window")
    }
}

impl Window {
    pub fn new() -> Window {
        let window = Window {
            state: Mutex::default(),
            changed: Condvar::new(),
            memory: Mutex::new(Arc::new(Semaphore::new(0))),
            object_bytes: AtomicU64::new(0),
        };
        window.give_room(WINDOW_BYTES);
        window
    }

    /// Says how much memory there is.
    pub fn give_room(&self, bytes: u64) {
        let units = (bytes / UNIT_BYTES) as usize;
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(Semaphore::new(units));
        self.object_bytes.store(OBJECT_MAX_BYTES.min(bytes / 2), Ordering::Relaxed);
    }

    /// Bytes that an object in memory has at the most.
    pub fn object_bytes(&self) -> u64 {
        self.object_bytes.load(Ordering::Relaxed)
    }

    /// The memory that objects of this round share, to be taken by units.
    pub fn memory(&self) -> Arc<Semaphore> {
        Arc::clone(&self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Units of memory that an object takes.
    pub fn units(size_bytes: u64) -> Option<u32> {
        u32::try_from((size_bytes + OVERHEAD_BYTES).div_ceil(UNIT_BYTES)).ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits, so that he asks whether to go on.
    pub fn wake(&self) {
        self.changed.notify_all();
    }

    /// Begins with other objects.
    pub fn begin_round(&self) -> u64 {
        let mut state = self.state();
        let round = state.round + 1;
        *state = State { round, ..State::default() };
        drop(state);
        self.wake();
        round
    }

    /// Notes that an object is on its way, unless somebody has it already.
    pub fn begin(&self, round: u64, id: usize) -> bool {
        let mut state = self.state();
        let is_wanted = state.round == round && !state.passed.remove(&id);
        if is_wanted {
            state.slots.insert(id, Slot::Fetching);
        }
        is_wanted
    }

    pub fn end(&self, round: u64, id: usize, outcome: Result<Bytes, Fault>, memory: OwnedSemaphorePermit) {
        let mut state = self.state();
        if state.round == round {
            state.slots.insert(id, Slot::Ready(outcome, memory));
        }
        drop(state);
        self.wake();
    }

    /// What was fetched of an object; `None` where whoever asks has to do it himself.
    pub fn take(&self, id: usize, is_over: &dyn Fn() -> bool) -> Option<Result<Bytes, Fault>> {
        let mut state = self.state();
        loop {
            match state.slots.remove(&id) {
                None => {
                    state.passed.insert(id);
                    return None;
                }
                Some(Slot::Ready(outcome, _memory)) => return Some(outcome),
                Some(Slot::Fetching) if is_over() => return Some(Err(Fault::Stopped)),
                Some(Slot::Fetching) => {
                    state.slots.insert(id, Slot::Fetching);
                    let waited = self.changed.wait_timeout(state, ASK_INTERVAL);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// The same, which stays there; `None` where it is not on its way.
    pub fn look(&self, id: usize, is_over: &dyn Fn() -> bool) -> Option<Bytes> {
        let mut state = self.state();
        loop {
            match state.slots.get(&id)? {
                Slot::Ready(outcome, _) => return outcome.as_ref().ok().cloned(),
                Slot::Fetching if is_over() => return None,
                Slot::Fetching => {
                    let waited = self.changed.wait_timeout(state, ASK_INTERVAL);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }
}
