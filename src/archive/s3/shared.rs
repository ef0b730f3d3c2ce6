//! What all objects and listings of a connection have in common.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use object_store::aws::AmazonS3;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;
use super::window::{ASK_INTERVAL, Window};
use crate::archive::remote::{Address, Requests};

/// Objects that are denied before any was had, so that all of them will be.
const DENIED_MAX: u64 = 20;

/// Counts of requests.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub lists: AtomicU64,
    pub gets: AtomicU64,
    pub others: AtomicU64,
    /// The bucket's region, where a server said it.
    pub region: OnceLock<String>,
}

impl Counts {
    pub fn requests(&self) -> Requests {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Requests { lists: count(&self.lists), gets: count(&self.gets), others: count(&self.others) }
    }
}

/// See above.
#[derive(Debug)]
pub(super) struct Shared {
    pub handle: Handle,
    pub counts: Arc<Counts>,
    pub in_flight: Arc<Semaphore>,
    pub window: Window,
    /// Where large objects are put.
    pub spool: Mutex<Option<PathBuf>>,
    /// What everything ends with.
    failure: Mutex<Option<String>>,
    has_failed: AtomicBool,
    stop: Mutex<Option<Arc<AtomicBool>>>,
    had: AtomicU64,
    denied: AtomicU64,
}

/// A bucket, and how it is asked.
#[derive(Debug)]
pub(super) struct Bucket {
    pub address: Address,
    pub store: AmazonS3,
    pub shared: Arc<Shared>,
}

impl Shared {
    pub fn new(handle: Handle, counts: Arc<Counts>, requests: usize) -> Shared {
        Shared {
            handle,
            counts,
            in_flight: Arc::new(Semaphore::new(requests)),
            window: Window::new(),
            spool: Mutex::default(),
            failure: Mutex::default(),
            has_failed: AtomicBool::new(false),
            stop: Mutex::default(),
            had: AtomicU64::new(0),
            denied: AtomicU64::new(0),
        }
    }

    /// Whom to tell, and who tells, that all is to end.
    pub fn stops_with(&self, stop: Arc<AtomicBool>) {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
    }

    /// Whether somebody asked for an end, or nothing more can be had.
    pub fn is_over(&self) -> bool {
        let is_stopped = || {
            let stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
            stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
        };
        self.has_failed.load(Ordering::Relaxed) || is_stopped()
    }

    /// Notes what everything ends with: the first such thing is said.
    pub fn fail(&self, reason: String) {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.has_failed.store(true, Ordering::Relaxed);
        if let Some(stop) = self.stop.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            stop.store(true, Ordering::Relaxed);
        }
        self.window.wake();
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what became of an object. Where the first ones are all denied, so will be the others.
    pub fn judge<T>(&self, outcome: Result<T, Fault>) -> Result<T, Fault> {
        match outcome {
            Ok(had) => {
                self.had.fetch_add(1, Ordering::Relaxed);
                Ok(had)
            }
            Err(Fault::Denied(reason)) => {
                let denied = self.denied.fetch_add(1, Ordering::Relaxed) + 1;
                match denied >= DENIED_MAX && self.had.load(Ordering::Relaxed) == 0 {
                    true => Err(Fault::All(format!("the first {denied} objects are all denied: {reason}"))),
                    false => Err(Fault::Denied(reason)),
                }
            }
            Err(fault) => Err(fault),
        }
    }

    /// Waits until one more request may be on its way.
    pub async fn request(&self) -> Result<OwnedSemaphorePermit, Fault> {
        Arc::clone(&self.in_flight).acquire_owned().await.map_err(|_| Fault::Stopped)
    }

    /// Waits for what other threads do, unless somebody asks for an end.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        self.handle.block_on(async {
            tokio::pin!(work);
            loop {
                if self.is_over() {
                    return Err(Fault::Stopped);
                }
                if let Ok(outcome) = tokio::time::timeout(ASK_INTERVAL, &mut work).await {
                    return outcome;
                }
            }
        })
    }

    pub fn region(&self) -> Option<&str> {
        self.counts.region.get().map(String::as_str)
    }
}
