//! Memory for what is being taken in, shared out by bytes: whoever comes first waits first, so that large objects are
//! not put off for ever by small batches.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Room for batches and large objects.
pub(super) struct Room {
    all_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    free_bytes: u64,
    /// The number of who comes next, and of whose turn it is.
    next: u64,
    turn: u64,
}

/// Room taken; given back when it is dropped.
pub(super) struct Taken<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    pub fn new(all_bytes: u64) -> Room {
        Room {
            all_bytes,
            state: Mutex::new(State { free_bytes: all_bytes, next: 0, turn: 0 }),
            changed: Condvar::new(),
        }
    }

    /// Waits until there is room for so many bytes, or for all where that is less.
    pub fn take(&self, bytes: u64) -> Taken<'_> {
        let bytes = bytes.min(self.all_bytes);
        let mut state = self.state();
        let own = state.next;
        state.next += 1;
        let must_wait = |state: &mut State| state.turn != own || state.free_bytes < bytes;
        let mut state = self.changed.wait_while(state, must_wait).unwrap_or_else(PoisonError::into_inner);
        state.turn += 1;
        state.free_bytes -= bytes;
        // What is left may be enough for the next.
        self.changed.notify_all();
        Taken { room: self, bytes }
    }

    /// Nothing can panic while it is held but what is out of memory.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.state().free_bytes += self.bytes;
        self.room.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_and_all_have_their_turn() {
        let room = Room::new(10);
        let (held, most, turns) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for bytes in [3, 4, 11, 1, 9] {
                let (room, held, most, turns) = (&room, &held, &most, &turns);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let taken = room.take(bytes);
                        let now = held.fetch_add(taken.bytes, Ordering::SeqCst) + taken.bytes;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        held.fetch_sub(taken.bytes, Ordering::SeqCst);
                        turns.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 10);
        assert_eq!(turns.into_inner(), 1_000);
        assert_eq!(room.state().free_bytes, 10);
    }
}
