//! Objects that are fetched before they are asked for, in the order in which they will be: whoever takes them in never
//! waits for one request after the other. How many are on their way, and how much memory they take, is bounded.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::object::Stored;
use super::shared::Shared;
use super::window::Window;

/// Objects are fetched ahead for as long as this is kept.
#[derive(Debug)]
pub struct Ahead {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// Begins to fetch objects before they are opened.
pub fn fetch_ahead(objects: Vec<Stored>) -> Option<Ahead> {
    let shared = Arc::clone(objects.first()?.shared());
    let round = shared.window.begin_round();
    let memory = shared.window.memory();
    let task = shared.handle.spawn(fetch_all(Arc::clone(&shared), objects, round, memory));
    Some(Ahead { shared, task })
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.window.begin_round();
    }
}

async fn fetch_all(shared: Arc<Shared>, objects: Vec<Stored>, round: u64, memory: Arc<Semaphore>) {
    for stored in objects {
        if stored.size_bytes() > shared.window.object_bytes() {
            continue;
        }
        let Some(units) = Window::units(stored.size_bytes()) else { continue };
        let Ok(taken) = Arc::clone(&memory).acquire_many_owned(units).await else { return };
        let Ok(request) = shared.request().await else { return };
        if shared.is_over() {
            return;
        }
        let id = stored.id();
        if !shared.window.begin(round, id) {
            continue;
        }
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let outcome = stored.fetch().await;
            drop(request);
            shared.window.end(round, id, outcome, taken);
        });
    }
}
