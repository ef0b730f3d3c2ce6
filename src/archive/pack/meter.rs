//! How much a container has come to, and how much it may.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// What a container may come to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memory of the decoder of the file.
    pub window_bytes: u64,
    /// Likewise of each decoder within.
    pub inner_window_bytes: u64,
    /// Inflated bytes of all that is in it, however deep, each time they are inflated.
    pub inflated_max_bytes: u64,
    /// How often larger than its stored bytes they may be.
    pub growth_max: u64,
    /// Up to so many, nobody asks how often.
    pub growth_free_bytes: u64,
    /// Entries, with those of the containers in it.
    pub entries_max: u64,
    /// Entries of a zip whose directory isn't in their order.
    pub index_max: usize,
    /// Containers in one another.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            window_bytes: 128 << 20,
            inner_window_bytes: 32 << 20,
            inflated_max_bytes: 16 << 40,
            growth_max: 1_000,
            growth_free_bytes: 1 << 30,
            entries_max: 100_000_000,
            index_max: 1_000_000,
            depth_max: 4,
        }
    }
}

/// What a container came to so far. Shared with the containers in it.
#[derive(Debug)]
pub(super) struct Meter {
    pub limits: Limits,
    stored_bytes: AtomicU64,
    inflated_bytes: AtomicU64,
    entries: AtomicU64,
    /// Of the stored bytes.
    hasher: Mutex<Sha256>,
    is_whole: AtomicBool,
}

impl Meter {
    pub fn new(limits: Limits) -> Meter {
        Meter {
            limits,
            stored_bytes: AtomicU64::new(0),
            inflated_bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            hasher: Mutex::default(),
            is_whole: AtomicBool::new(false),
        }
    }

    /// Notes stored bytes, of which none says that there are no more.
    pub fn add_stored(&self, bytes: &[u8]) {
        self.stored_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.is_whole.store(bytes.is_empty(), Ordering::Relaxed);
        self.hasher.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
    }

    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Ordering::Relaxed)
    }

    /// SHA-256 of the stored bytes, once all were read.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        let hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.is_whole.load(Ordering::Relaxed).then(|| hasher.finalize().into())
    }

    /// Notes inflated bytes.
    ///
    /// # Errors
    /// More than there may be.
    pub fn add_inflated(&self, bytes: usize) -> io::Result<()> {
        let inflated = self.inflated_bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let Limits { inflated_max_bytes, growth_max, growth_free_bytes, .. } = self.limits;
        let bomb = |why: String| Err(io::Error::new(io::ErrorKind::QuotaExceeded, bomb(&why)));
        if inflated > inflated_max_bytes {
            return bomb(format!("it inflates to more than {inflated_max_bytes} bytes"));
        }
        if inflated > growth_free_bytes && inflated / growth_max > self.stored_bytes() {
            return bomb(format!(
                "it inflates to {inflated} bytes so far, more than {growth_max} times what is stored"
            ));
        }
        Ok(())
    }

    /// Notes an entry.
    pub fn add_entry(&self) -> Result<(), String> {
        let entries = self.entries.fetch_add(1, Ordering::Relaxed) + 1;
        let most = self.limits.entries_max;
        if entries > most { Err(bomb(&format!("it has more than {most} entries"))) } else { Ok(()) }
    }
}

fn bomb(why: &str) -> String {
    format!("a bomb: {why}\nhint: if it is none, unpack it, and give the folder")
}
