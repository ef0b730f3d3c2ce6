//! Memory for what is being taken in, shared out by bytes: whoever comes first waits first, so that large objects are
//! not put off for ever by small batches.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Memory for batches and large objects: their own, and what another part lends them while it needs none.
pub(super) struct MemoryPermits {
    own_bytes: u64,
    lent_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    taken_bytes: u64,
    /// What the lender needs now.
    needed_bytes: u64,
    /// The number of who comes next, and of whose turn it is.
    next: u64,
    turn: u64,
}

/// Memory taken; given back when it is dropped.
pub(super) struct Taken<'a> {
    room: &'a MemoryPermits,
    bytes: u64,
}

impl MemoryPermits {
    pub fn new(own_bytes: u64, lent_bytes: u64) -> MemoryPermits {
        let state = State { taken_bytes: 0, needed_bytes: 0, next: 0, turn: 0 };
        MemoryPermits { own_bytes, lent_bytes, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until there is room for so many bytes, or for all that is its own where that is less.
    pub fn take(&self, bytes: u64) -> Taken<'_> {
        let bytes = bytes.min(self.own_bytes);
        let mut state = self.state();
        let own = state.next;
        state.next += 1;
        let must_wait = |state: &mut State| state.turn != own || self.free_bytes(state) < bytes;
        let mut state = self.changed.wait_while(state, must_wait).unwrap_or_else(PoisonError::into_inner);
        state.turn += 1;
        state.taken_bytes += bytes;
        // What is left may be enough for the next.
        self.changed.notify_all();
        Taken { room: self, bytes }
    }

    /// Takes so many bytes if they are there and nobody waits.
    pub fn try_take(&self, bytes: u64) -> Option<Taken<'_>> {
        let bytes = bytes.min(self.own_bytes);
        let mut state = self.state();
        if state.turn != state.next || self.free_bytes(&state) < bytes {
            return None;
        }
        state.taken_bytes += bytes;
        Some(Taken { room: self, bytes })
    }

    /// Of what is lent, what nobody has taken: what the lender may need.
    pub fn untouched_bytes(&self) -> u64 {
        (self.own_bytes + self.lent_bytes - self.state().taken_bytes).min(self.lent_bytes)
    }

    /// Says what the lender needs, up to all that it lends.
    pub fn need(&self, bytes: u64) {
        self.state().needed_bytes = bytes.min(self.lent_bytes);
        self.changed.notify_all();
    }

    fn free_bytes(&self, state: &State) -> u64 {
        (self.own_bytes + self.lent_bytes).saturating_sub(state.taken_bytes + state.needed_bytes)
    }

    /// Nothing can panic while it is held but what is out of memory.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.room.state().taken_bytes -= self.bytes;
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
        let room = MemoryPermits::new(10, 0);
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
        assert_eq!(room.state().taken_bytes, 0);
    }

    #[test]
    fn what_is_lent_is_there_while_its_owner_needs_it_not() {
        let room = MemoryPermits::new(10, 6);
        let first = room.try_take(9).expect("its own");
        let second = room.try_take(7).expect("lent");
        assert!(room.try_take(1).is_none());
        assert_eq!(room.untouched_bytes(), 0);
        drop(second);
        assert_eq!(room.untouched_bytes(), 6);
        room.need(4);
        assert!(room.try_take(4).is_none() && room.try_take(3).is_some());
        room.need(100);
        drop(first);
        assert!(room.try_take(10).is_some(), "its own is never lent");
        thread::scope(|scope| {
            let all = room.try_take(10).expect("nobody else");
            let waiting = scope.spawn(|| room.take(5).bytes);
            let is_waiting = |state: &State| state.next > state.turn;
            while !is_waiting(&room.state()) {
                thread::yield_now();
            }
            room.need(0);
            assert_eq!(waiting.join().ok(), Some(5));
            drop(all);
        });
    }
}
