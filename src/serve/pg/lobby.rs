//! Those who are not in yet: so many at the most, of whom the one who has been there longest goes when another comes.
//! Connections that say nothing so keep nobody out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Connections of which it is not known yet who they are.
const LOBBY_MAX: usize = 128;

/// Those who wait.
#[derive(Default)]
pub(super) struct Lobby(Mutex<VecDeque<Arc<Notify>>>);

/// A place in it.
pub(super) struct Place {
    lobby: Arc<Lobby>,
    push: Arc<Notify>,
}

impl Lobby {
    /// Comes in.
    pub fn enter(self: &Arc<Lobby>) -> Place {
        let push = Arc::new(Notify::new());
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.len() >= LOBBY_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            oldest.notify_one();
        }
        waiting.push_back(Arc::clone(&push));
        Place { lobby: Arc::clone(self), push }
    }
}

impl Place {
    /// Waits until another needs the place.
    pub async fn pushed_out(&self) {
        self.push.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.lobby.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|push| !Arc::ptr_eq(push, &self.push));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_oldest_goes_when_it_is_full() {
        let lobby = Arc::new(Lobby::default());
        let places: Vec<Place> = (0..LOBBY_MAX).map(|_| lobby.enter()).collect();
        assert!(places.iter().all(|place| place.pushed_out().now_or_never().is_none()));
        let another = lobby.enter();
        let pushed: Vec<bool> = places.iter().map(|place| place.pushed_out().now_or_never().is_some()).collect();
        assert_eq!(pushed.iter().position(|pushed| *pushed), Some(0));
        assert_eq!(pushed.iter().filter(|pushed| **pushed).count(), 1);
        drop((places, another));
        assert!(lobby.0.lock().unwrap().is_empty());
    }
}
