//! Where the time of an ingest goes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding objects and asking the ledger which are new.
    Find,
    /// Reading, digesting and inflating objects.
    Inflate,
    /// JSON to fields.
    Parse,
    /// Which events are new, with the wait for other threads.
    Deduplicate,
    /// Fields to sorted columns.
    Encode,
    /// Columns to Parquet, compressed, on the disk.
    Write,
    /// Columns to usage.
    Usage,
    /// Commits, and merging the days' usage at the end.
    Commit,
}

const STAGES: [(Stage, &str); 8] = [
    (Stage::Find, "find"),
    (Stage::Inflate, "inflate"),
    (Stage::Parse, "parse"),
    (Stage::Deduplicate, "deduplicate"),
    (Stage::Encode, "encode"),
    (Stage::Write, "write"),
    (Stage::Usage, "usage"),
    (Stage::Commit, "commit"),
];

/// Time spent in each stage, summed over all threads.
#[derive(Debug, Default)]
pub struct Timings {
    nanoseconds: [AtomicU64; STAGES.len()],
}

impl Timings {
    /// Does a piece of work and counts its time.
    #[expect(clippy::cast_possible_truncation, reason = "nanoseconds of a run fit 64 bits")]
    #[expect(clippy::indexing_slicing, reason = "a stage is its place in the array")]
    pub fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.nanoseconds[stage as usize].fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    /// Time spent so far.
    #[expect(clippy::indexing_slicing, reason = "a stage is its place in the array")]
    pub fn spent(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.nanoseconds[stage as usize].load(Ordering::Relaxed))
    }
}

impl Timings {
    /// Seconds spent in each stage so far, by its name.
    pub fn seconds(&self) -> Vec<(&'static str, f64)> {
        STAGES.iter().map(|(stage, name)| (*name, self.spent(*stage).as_secs_f64())).collect()
    }
}

/// `find 1 %, inflate 20 %, …`.
impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = STAGES.map(|(stage, _)| self.spent(stage).as_secs_f64());
        let total = seconds.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for (i, ((_, name), seconds)) in STAGES.iter().zip(seconds).enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {:.0} %", 100.0 * seconds / total)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_whole() {
        let stages = Timings::default();
        stages.nanoseconds[Stage::Inflate as usize].store(1_000, Ordering::Relaxed);
        stages.nanoseconds[Stage::Commit as usize].store(3_000, Ordering::Relaxed);
        assert_eq!(
            stages.to_string(),
            "find 0 %, inflate 25 %, parse 0 %, deduplicate 0 %, encode 0 %, write 0 %, usage 0 %, commit 75 %"
        );
        assert_eq!(stages.time(Stage::Parse, || 7), 7);
        assert!(stages.spent(Stage::Parse) > Duration::ZERO);
    }
}
