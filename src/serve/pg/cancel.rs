//! Queries that run, by the numbers with which their clients may end them: on another connection, as the protocol has
//! it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::users::{UsersError, random};
use crate::serve::job::{End, Ending};

/// What a connection runs at the moment.
#[derive(Default)]
pub(super) struct Runs(Mutex<Option<Ending>>);

impl Runs {
    /// A query begins: what ends it.
    pub fn begin(&self) -> Ending {
        let ending = Ending::default();
        self.follow(&ending);
        ending
    }

    /// A query goes on.
    pub fn follow(&self, ending: &Ending) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending.clone());
    }

    /// Nothing runs: whoever cancels comes too late.
    pub fn rest(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn cancel(&self) {
        if let Some(ending) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            ending.end(End::Cancelled);
        }
    }
}

/// All connections that run queries.
#[derive(Default)]
pub(super) struct Cancels {
    connections: Mutex<HashMap<i32, (i32, Arc<Runs>)>>,
    next: AtomicI32,
}

/// The number and the secret of a connection, for as long as it lives.
pub(super) struct Key {
    pub number: i32,
    pub secret: i32,
    cancels: Arc<Cancels>,
}

impl Cancels {
    /// Enters a connection.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn enter(self: &Arc<Cancels>, runs: &Arc<Runs>) -> Result<Key, UsersError> {
        let secret = i32::from_be_bytes(random::<4>()?);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let number = loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed) & i32::MAX;
            if number != 0 && !connections.contains_key(&number) {
                break number;
            }
        };
        connections.insert(number, (secret, Arc::clone(runs)));
        Ok(Key { number, secret, cancels: Arc::clone(self) })
    }

    /// Ends what a connection runs. Whoever does not know its secret ends nothing.
    pub fn cancel(&self, number: i32, secret: i32) {
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, runs)) = connections.get(&number)
            && *known == secret
        {
            runs.cancel();
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.cancels.connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_ends_a_query() {
        let (cancels, runs) = (Arc::new(Cancels::default()), Arc::new(Runs::default()));
        let key = cancels.enter(&runs).unwrap();
        let ending = runs.begin();
        cancels.cancel(key.number, key.secret.wrapping_add(1));
        cancels.cancel(key.number + 1, key.secret);
        assert!(!ending.was_cancelled());
        cancels.cancel(key.number, key.secret);
        assert!(ending.was_cancelled());
        let later = runs.begin();
        runs.rest();
        cancels.cancel(key.number, key.secret);
        assert!(!later.was_cancelled());
        drop(key);
        assert!(cancels.connections.lock().unwrap().is_empty());
    }
}
