//! What a store waits for: merging, objects that were refused, gaps; and since when nothing new has come.

use serde::Serialize;

use super::Day;
use crate::ingest::mergeable;
use crate::store::{Snapshot, Store, StoreError};
use crate::time::{now_us, parse_time};

/// Files of this size are large enough for good.
const FILE_BYTES: u64 = 128 << 20;

/// Small files beyond one a day from which on merging them is due: a month of nights.
pub const OPTIMIZE_DUE_FILES: u64 = 30;

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Due {
    /// Whether `trailpare optimize` is worth its while.
    pub optimize: bool,
    /// Files that it would merge away.
    pub mergeable_files: u64,
    /// Days that these are of.
    pub mergeable_days: u64,
    /// Objects that were refused and stand so.
    pub refused_objects: u64,
    /// Objects that digests list and that never came.
    pub missing_objects: u64,
    /// Days without events between an account's first and last day, of all accounts.
    pub gap_days: u64,
}

impl Due {
    /// Of a snapshot, and of what stands besides.
    pub fn new(snapshot: &Snapshot, refused_objects: u64, missing_objects: u64, gap_days: u64) -> Due {
        let (mergeable_days, mergeable_files) = mergeable(snapshot, FILE_BYTES);
        Due {
            optimize: mergeable_files >= OPTIMIZE_DUE_FILES,
            mergeable_files,
            mergeable_days,
            refused_objects,
            missing_objects,
            gap_days,
        }
    }

    /// Whether merging is due once so many files could be merged away.
    pub fn is_optimize_due(&self, files: u64) -> bool {
        self.mergeable_files >= files.max(1)
    }
}

/// Since when nothing new has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// When the last ingest or import ended that brought events; `None` where the history knows of none.
    pub since: Option<String>,
    /// Hours from then until now.
    pub hours: Option<i64>,
    /// The newest day with events.
    pub newest_day: Option<Day>,
}

impl Silent {
    /// Reads it.
    ///
    /// # Errors
    /// The store.
    pub fn read(store: &Store, newest_day: Option<Day>) -> Result<Silent, StoreError> {
        let ended = |command: &str| -> Result<Option<String>, StoreError> {
            Ok(store.last_of_history(command, true)?.and_then(|run| run.ended))
        };
        let both = [ended("ingest")?, ended("import")?].into_iter().flatten();
        let since = both.max_by_key(|ended| parse_time(ended));
        let hours = since.as_deref().and_then(parse_time).map(|time_us| (now_us() - time_us).max(0) / 3_600_000_000);
        Ok(Silent { since, hours, newest_day })
    }
}
