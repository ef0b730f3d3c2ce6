//! A connection to object storage: what an ingest holds for as long as it runs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::aws::AmazonS3;
use tokio::runtime::Runtime;

use super::connect;
use super::http::Mark;
use super::list::{Lister, Listing};
use super::shared::{Bucket, Counts, Shared};
use crate::archive::remote::{Address, REQUESTS, Requests, Scope, Settings};

/// Threads that speak to servers: what they read is encrypted.
const THREADS: usize = 2;

/// Of a limit of memory, what objects that wait to be taken in may take.
const WINDOW_PART: u64 = 32;
const WINDOW_MIN_BYTES: u64 = 4 << 20;
const WINDOW_MAX_BYTES: u64 = 64 << 20;

/// What connections, pages of keys and pieces of large objects take beside it.
const OTHER_BYTES: u64 = 16 << 20;

/// A connection.
pub struct Remote {
    settings: Settings,
    mark: Mark,
    clients: Mutex<HashMap<String, AmazonS3>>,
    shared: Arc<Shared>,
    /// Last: what it runs needs the others.
    _runtime: Runtime,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Remote {
    /// Makes ready to connect: no server is asked yet.
    ///
    /// # Errors
    /// No threads to be had.
    pub fn connect(settings: &Settings) -> Result<Arc<Remote>, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("s3")
            .enable_all()
            .build()
            .map_err(|error| format!("threads can't be started: {error}"))?;
        let requests = if settings.requests == 0 { REQUESTS } else { settings.requests };
        let shared = Arc::new(Shared::new(runtime.handle().clone(), Arc::new(Counts::default()), requests));
        Ok(Arc::new(Remote {
            settings: settings.clone(),
            mark: Mark::new(),
            clients: Mutex::default(),
            shared,
            _runtime: runtime,
        }))
    }

    /// Lists an archive. `looks_like_events` says of an object's first bytes whether they are those of events.
    pub fn list(
        self: &Arc<Remote>,
        address: &Address,
        scope: Arc<Scope>,
        looks_like_events: fn(&[u8]) -> bool,
    ) -> Listing {
        match self.client(&address.bucket) {
            Ok(store) => {
                let bucket = Bucket { address: address.clone(), store, shared: Arc::clone(&self.shared) };
                Lister::begin(Arc::new(bucket), scope, self.mark.clone(), looks_like_events)
            }
            Err(reason) => {
                // Somebody who asks for an end meanwhile is no failure.
                if !self.shared.is_over() {
                    self.shared.fail(format!("{}: {reason}", address.place()));
                }
                Listing::none(Arc::clone(&self.shared))
            }
        }
    }

    fn client(&self, bucket: &str) -> Result<AmazonS3, String> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(bucket) {
            return Ok(client.clone());
        }
        let client = connect::bucket(bucket, &self.settings, &self.shared, &self.mark)?;
        clients.insert(bucket.to_owned(), client.clone());
        Ok(client)
    }

    /// What everything ends with.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure()
    }

    /// Whom to tell, and who tells, that all is to end.
    pub fn stops_with(&self, stop: Arc<AtomicBool>) {
        self.shared.stops_with(stop);
    }

    /// Where large objects are put while they are read, and of how much memory the others may take a part.
    pub fn give_room(&self, folder: &Path, limit_bytes: u64) {
        *self.shared.spool.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.to_owned());
        self.shared.window.give_room(window_bytes(limit_bytes));
    }

    /// Memory that it takes of a limit.
    pub fn memory_bytes(&self, limit_bytes: u64) -> u64 {
        window_bytes(limit_bytes) + OTHER_BYTES
    }

    /// Requests made so far.
    pub fn requests(&self) -> Requests {
        self.shared.counts.requests()
    }
}

fn window_bytes(limit_bytes: u64) -> u64 {
    (limit_bytes / WINDOW_PART).clamp(WINDOW_MIN_BYTES, WINDOW_MAX_BYTES)
}
