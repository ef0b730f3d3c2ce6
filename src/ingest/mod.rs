//! Taking an archive in: what is new, batch by batch into data files, committed in order.
//!
//! `plan` finds what is new, part by part where the list of it would be too long; `again` compares what is known by its
//! name. Worker threads (`work`) fill batches from it (`load`, `parse`, `batch`), drop the events that were there
//! already (`dedup`) and write data files that nobody sees yet. One thread commits them in the order in which they
//! claimed their events (`committer`), so that a batch that left an event to another one is never visible without it.
//! Tars and zips are told by what is in them, when they are read: `packs` goes through them once the other objects of a
//! plan are done, entry by entry, for whichever worker needs some. Where all is one batch, other threads read for its
//! worker (`read_ahead`) and write for it (`day_writer`).
//!
//! `remote` says what of archives in object storage is listed.
//!
//! `proving` asks CloudTrail's digests what they say of the objects, `settle` notes at the
//! end what they list and never came. `conflicts` compares records of one id: a proved one takes the place of another
//! (`replaced`). `displaced` takes out what only an object had whose place a proved one has taken.
//!
//! `budget` divides the memory. `memory_permits` gives batches theirs, and `large_objects` puts off what has to wait
//! for some. `cross_account_calls` holds what it takes to count calls between accounts once. `upkeep` keeps the stored
//! usage whole and in few files. `fsck` finds damage and mends it. `optimize` merges the files of many ingests and
//! removes old snapshots. `transfer` carries days of a store to another machine.

mod again;
mod batch;
mod budget;
mod committer;
mod conflicts;
mod cross_account_calls;
mod day_counts;
mod day_writer;
mod dedup;
mod displaced;
mod error;
mod fsck;
mod large_objects;
mod load;
mod members;
mod memory_permits;
mod mended;
mod optimize;
mod pack;
mod packs;
mod parse;
mod plan;
mod planned;
mod proving;
mod prune;
mod queue;
mod read;
mod read_ahead;
mod remote;
mod replaced;
mod reread;
mod run;
mod settle;
mod timings;
mod transfer;
mod upkeep;
mod usage_files;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub use budget::{MEMORY_LIMIT_BYTES, MEMORY_LIMIT_MIN_BYTES};
pub use error::IngestError;
pub use fsck::{fsck, repair};
pub use optimize::{OptimizeOptions, Optimized, mergeable, optimize, would_optimize};
pub use prune::{PruneOptions, PruneSummary, prune};
pub use run::ingest;
pub use timings::{Stage, Timings};
pub use transfer::{ExportOptions, Exported, ImportOptions, Imported, export, import, sha256_of};
pub use upkeep::{Refreshed, refresh_usage, refresh_usage_if_outdated};

use crate::archive::Remote;
use crate::store::{DayCount, Mode, ObjectVerdict, Run};
use crate::usage::TimeRange;
use crate::verify::Signers;

/// Does something where as much is done at once as there are threads with memory of their own.
fn with_threads<T: Send>(
    threads: usize,
    work: impl FnOnce() -> Result<T, IngestError> + Send,
) -> Result<T, IngestError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(IngestError::Threads)?;
    pool.install(work)
}

/// What to take in, and with how much of the machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files and directories below which log objects are looked for.
    pub archives: Vec<PathBuf>,
    /// Peak resident memory to stay below.
    pub memory_limit_bytes: u64,
    /// Worker threads.
    pub threads: usize,
    /// Only objects whose name says that they may hold events of this window.
    pub range: TimeRange,
    /// Only objects of these accounts, where the name says which; all where empty.
    pub accounts: Vec<String>,
    /// Only objects of these regions, where the name says which; all where empty.
    pub regions: Vec<String>,
    /// How archives in object storage are reached, where there are such.
    pub remote: Option<Arc<Remote>>,
    /// List such archives whole, whatever is known of them.
    pub list_all: bool,
    /// Read known objects again and compare their digests.
    pub rehash: bool,
    /// Follow symbolic links out of the archives as well.
    pub follow_links: bool,
    /// Whether digests are proved first, and what they say of each object decides whether it is taken.
    pub verify: bool,
    /// Files with the output of `aws cloudtrail list-public-keys`, for that.
    pub public_keys: Vec<PathBuf>,
    /// How long converted batches may wait for a commit. A commit costs a few syncs; a crash costs what waited.
    pub commit_interval: Duration,
    /// Who may read the store from now on; `None`: as it is.
    pub mode: Option<Mode>,
    /// Whether secrets are masked before they reach the store.
    pub redact: bool,
}

impl Options {
    /// All of these archives, with what an ingest does that nobody asks for by name.
    pub fn of(archives: Vec<PathBuf>) -> Options {
        Options {
            archives,
            memory_limit_bytes: MEMORY_LIMIT_BYTES,
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            range: TimeRange::default(),
            accounts: Vec::new(),
            regions: Vec::new(),
            remote: None,
            list_all: false,
            rehash: false,
            follow_links: false,
            verify: false,
            public_keys: Vec::new(),
            commit_interval: Duration::from_secs(5),
            mode: None,
            redact: true,
        }
    }
}

/// How far an ingest is, for whoever shows it; also how to end it early. For [`optimize()`], days stand in for objects.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files looked at while finding.
    pub found: AtomicU64,
    /// Objects to take in, as far as they are found; 0 before.
    pub objects_total: AtomicU64,
    /// Objects done.
    pub objects: AtomicU64,
    /// Bytes of these.
    pub bytes_total: AtomicU64,
    /// Bytes of objects done.
    pub bytes: AtomicU64,
    /// Bytes of JSON.
    pub json_bytes: AtomicU64,
    /// Events new to the store.
    pub events: AtomicU64,
    /// Where the time goes.
    pub stages: Timings,
    stop: Arc<AtomicBool>,
}

impl Progress {
    /// Asks the ingest to end; what is in work is still committed.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What says so, for a thread that outlives the ingest.
    fn stopper(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Whether somebody asked for an end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What an ingest came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Counts of objects.
    pub run: Run,
    /// Bytes of the objects taken in, as they are stored.
    pub object_bytes: u64,
    /// What was refused, the first [`REFUSALS_MAX`].
    pub refusals: Vec<Refusal>,
    /// New events by day, days since 1970-01-01.
    pub days: BTreeMap<i32, u64>,
    /// New events by account; empty where the record tells none.
    pub accounts: BTreeMap<String, u64>,
    /// Records in the objects taken in.
    pub records: u64,
    /// Events new to the store.
    pub events: u64,
    /// Records that repeat an event.
    pub duplicates: u64,
    /// Records kept out of sound objects.
    pub broken: u64,
    /// Records that say something else than the event of their id in the store.
    pub conflicts: u64,
    /// What was refused again, as somebody accepted.
    pub forgotten: u64,
    /// What digests say of the objects taken in, and of those that were there before and are told of only now.
    pub verified: Verdicts,
    /// What was altered or is missing, as proved digests say it: log objects and digests.
    pub tampered: u64,
    /// Log objects that digests list and that never came.
    pub missing: u64,
    /// Whether there are digests, and whose keys they name; of `--verify` alone.
    pub has_digests: bool,
    /// See `has_digests`.
    pub signers: Signers,
    /// Whether public keys were given.
    pub has_keys: bool,
    /// Objects whose name says that they lie outside the filters.
    pub filtered: u64,
    /// Logs of other services by their kind: the service as in the object's key, or what the content tells.
    pub other_logs: BTreeMap<String, u64>,
    /// Bytes of JSON parsed.
    pub json_bytes: u64,
    /// Problems in words, the first [`PROBLEMS_MAX`].
    pub problems: Vec<String>,
    /// All problems, also those not in `problems`.
    pub problem_count: u64,
    /// The store's newest snapshot.
    pub snapshot: i64,
    /// Whether it ended early because it was asked to.
    pub interrupted: bool,
}

/// An object that was refused.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// Where it was read.
    pub path: String,
    /// Where in the inflated bytes, where that is known.
    pub offset_bytes: Option<u64>,
    /// Why.
    pub reason: String,
}

/// How many objects have each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdicts {
    /// Proved.
    pub valid: u64,
    /// What digests say, whose signatures nobody could check.
    pub unchecked: u64,
    /// Not what digests say.
    pub altered: u64,
    /// Of which no digest tells, or none yet.
    pub not_covered: u64,
}

impl Verdicts {
    fn add(&mut self, verdict: ObjectVerdict) {
        *match verdict {
            ObjectVerdict::Valid => &mut self.valid,
            ObjectVerdict::Unchecked => &mut self.unchecked,
            ObjectVerdict::Altered => &mut self.altered,
            ObjectVerdict::NotCovered => &mut self.not_covered,
        } += 1;
    }
}

/// Problems that a summary says in words.
pub const PROBLEMS_MAX: usize = 20;

/// Refused objects that a summary names.
pub const REFUSALS_MAX: usize = 1_000;

/// Days and accounts that a summary counts by themselves, each; a record may claim any.
const COUNTED_MAX: usize = 100_000;

/// Kinds of other logs that are counted by themselves; a key may have any service's name.
const KINDS_MAX: usize = 1_000;

/// Counts logs of this kind.
fn count_kind(kinds: &mut BTreeMap<String, u64>, kind: &str, count: u64) {
    let is_known = kinds.contains_key(kind) || kinds.len() < KINDS_MAX;
    *kinds.entry(if is_known { kind } else { "others" }.to_owned()).or_default() += count;
}

impl Summary {
    /// Counts new events of a day and account.
    pub(crate) fn new_events(&mut self, count: &DayCount) {
        if self.days.len() < COUNTED_MAX || self.days.contains_key(&count.event_date) {
            *self.days.entry(count.event_date).or_default() += count.events;
        }
        let is_counted = self.accounts.len() < COUNTED_MAX || self.accounts.contains_key(&count.account_id);
        *self.accounts.entry(if is_counted { count.account_id.clone() } else { "others".to_owned() }).or_default() +=
            count.events;
    }

    /// Counts a log of this kind.
    pub(crate) fn other_log(&mut self, kind: &str) {
        count_kind(&mut self.other_logs, kind, 1);
    }

    pub(crate) fn problem(&mut self, text: impl FnOnce() -> String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text());
        }
    }
}
