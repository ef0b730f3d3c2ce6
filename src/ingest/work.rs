//! What a worker thread does: it fills batches, claims their events and converts them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::Progress;
use super::batch::{Claim, Converted, claim, convert};
use super::budget::{self, Budget};
use super::committer::{Ticketed, struck_by};
use super::dedup::Dedup;
use super::error::IngestError;
use super::large_objects::{LargeObjects, PutOff};
use super::load::{Loaded, Memory, Untaken, load};
use super::memory_permits::{MemoryPermits, Taken};
use super::mended::Standing;
use super::pack::{Pack, Seen};
use super::packs::Packs;
use super::planned::{Identity, Planned};
use super::proving::Proved;
use super::timings::Stage;
use crate::archive;
use crate::iam::Catalog;
use crate::store::{Known, LedgerEntry, Struck};

/// Objects that one batch holds at the most, so that tiny objects reach a commit as well.
const BATCH_OBJECTS_MAX: u64 = 20_000;

/// JSON that is worth a batch of its own.
const BATCH_MIN_BYTES: u64 = 32 << 20;

/// Batches a thread that may be claimed before the one that is to be committed next.
const AHEAD_MAX: u64 = 8;

/// Bytes of JSON in a byte of an archive, about, before any is known.
pub(super) const GROWTH: f64 = 8.0;

/// Likewise in what hardly any archive has.
const GROWTH_SURE: u64 = 64;

/// The events that the store has, and the records that were kept out.
pub(super) type SeenBefore = (Dedup, Standing);

/// What the worker threads share.
pub(super) struct CrossAccountCalls<'a> {
    pub objects: &'a [Planned],
    /// Where objects come out of containers.
    pub packs: Option<Packs<'a>>,
    /// The objects that turned out to be containers.
    pub containers: Mutex<Vec<&'a Planned>>,
    pub known: &'a Known,
    pub next: AtomicUsize,
    pub seen: Mutex<(u64, &'a mut SeenBefore)>,
    pub large: PutOff<'a>,
    pub room: MemoryPermits,
    pub budget: Budget,
    /// Threads that fill batches.
    pub threads: usize,
    /// The ticket that was handed on last, and whether a worker died with one.
    pub done: AtomicU64,
    pub has_died: AtomicBool,
    pub catalog: &'a Catalog,
    pub staging: &'a Path,
    pub progress: &'a Progress,
}

/// A batch in memory.
pub(super) struct Filled<'a> {
    pub objects: Vec<Loaded>,
    /// The containers that they are of, where they are of any.
    pub packs: Vec<Arc<Pack>>,
    pub refused: Vec<LedgerEntry>,
    /// How many were known by their content.
    pub known: u64,
    /// What was found in containers.
    pub seen: Seen,
    /// What stands as refused although it is known.
    pub struck: Vec<Struck>,
    /// What digests say of what was taken in before.
    pub proved: Vec<Proved>,
    /// What makes going on pointless.
    pub failure: Option<IngestError>,
    _room: Taken<'a>,
}

impl<'a> Filled<'a> {
    pub fn new(room: Taken<'a>) -> Filled<'a> {
        Filled {
            objects: Vec::new(),
            packs: Vec::new(),
            refused: Vec::new(),
            known: 0,
            seen: Seen::default(),
            struck: Vec::new(),
            proved: Vec::new(),
            failure: None,
            _room: room,
        }
    }

    /// Whether nothing came of it.
    pub fn is_empty(&self) -> bool {
        let has_failed = self.failure.is_some();
        self.objects.is_empty()
            && self.refused.is_empty()
            && self.known == 0
            && self.seen == Seen::default()
            && !has_failed
    }

    /// Whether it is as large as a batch may be.
    pub fn has_all(&self) -> bool {
        (self.objects.len() + self.refused.len()) as u64 + self.known >= BATCH_OBJECTS_MAX
    }
}

/// Tells the others that a worker died: what it had claimed never comes.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl<'a> CrossAccountCalls<'a> {
    pub fn work(&self, mut memory: Memory<'a>, sender: &Sender<Ticketed>) {
        let _alarm = Alarm(&self.has_died);
        while !self.progress.is_stopped() {
            let Some(mut filled) = self.fill(&mut memory) else { return };
            self.wait_for_others();
            let claimed = self.progress.stages.time(Stage::Deduplicate, || match self.seen.lock() {
                Ok(mut guard) => {
                    guard.0 += 1;
                    self.packs.iter().for_each(|packs| packs.claim_all(&mut filled));
                    Some((guard.0, self.claim(&filled.objects, guard.1)))
                }
                Err(_) => None,
            });
            // Another worker died in a claim; the committer hears of it by the missing ticket.
            let Some((ticket, claimed)) = claimed else { return };
            let stages = &self.progress.stages;
            let Filled { objects, refused, known, seen, struck, proved, failure, _room, .. } = filled;
            let claimed = failure.map_or(claimed, Err);
            let converted = claimed.and_then(|claimed| {
                let staging = (self.staging, self.has_beside());
                let converted = convert(&objects, &claimed, refused, &mut memory, self.catalog, staging, stages)?;
                // What lies in containers comes in any order: a folder that was packed has account after account.
                let date = converted.date.filter(|_| self.packs.is_none());
                Ok(Converted { known, seen, struck, proved, date, ..converted })
            });
            memory.recycle(objects);
            if sender.send((ticket, converted)).is_err() {
                return;
            }
        }
    }

    /// Waits while too much is converted that can't be committed yet, because a batch before it takes long.
    fn wait_for_others(&self) {
        let most = AHEAD_MAX * self.threads as u64;
        let is_ahead = || self.seen.lock().is_ok_and(|seen| seen.0 > self.done.load(Ordering::Relaxed) + most);
        while is_ahead() && !self.progress.is_stopped() && !self.has_died.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// JSON and usage of a batch.
    pub fn batch_memory(&self) -> (u64, u64) {
        // So much of what is set aside for a batch may be its usage.
        let usage_bytes = (self.budget.usage_bytes / self.threads as u64).max(self.budget.batch_bytes);
        (self.budget.batch_bytes, usage_bytes)
    }

    /// Whether there are threads that no worker has, because there is only one.
    pub fn has_beside(&self) -> bool {
        self.threads < self.budget.threads
    }

    fn claim(&self, objects: &[Loaded], (seen, standing): &mut SeenBefore) -> Result<Claim, IngestError> {
        let own_bytes = self.budget.seen_bytes - self.budget.lent_bytes;
        seen.begin_claim(own_bytes + self.room.untouched_bytes());
        let claimed = claim(objects, seen, standing);
        self.room.need(needed_of_room(self.budget, seen));
        claimed
    }

    /// Reads a batch, or one large object. `None` when there are no more.
    fn fill(&self, memory: &mut Memory<'a>) -> Option<Filled<'_>> {
        if let Some(packs) = &self.packs {
            return self.fill_of(packs, memory);
        }
        while !self.progress.is_stopped() {
            let fitting = self.large.take_fitting(|large| self.room.try_take(budget::object_room(large.json_bytes)));
            if let Some((large, room)) = fitting {
                return Some(self.fill_large(large, room, memory));
            }
            let planned = if self.large.is_full() { None } else { self.take_next() };
            let Some(planned) = planned else {
                let large = self.large.take_largest()?;
                let room = self.room.take(budget::object_room(large.json_bytes));
                return Some(self.fill_large(large, room, memory));
            };
            if self.puts_off(planned) {
                continue;
            }
            let filled = self.fill_batch(planned, memory);
            if !filled.is_empty() {
                return Some(filled);
            }
        }
        None
    }

    /// Reads objects from `first` on until a batch is full, or there are no more; puts off those that are too large for
    /// one.
    fn fill_batch(&self, first: &'a Planned, memory: &mut Memory<'a>) -> Filled<'_> {
        let mut filled = Filled::new(self.room.take(budget::batch_room(self.budget.batch_bytes)));
        let mut json_bytes = 0;
        let wanted_bytes = self.batch_bytes();
        let cap = self.batch_cap();
        let mut next = Some(first);
        while let Some(planned) = next {
            let before = memory.ahead.as_mut().and_then(|ahead| ahead.take(planned));
            let read = load(planned, before, memory, cap, self.known, self.progress);
            filled.refused.append(&mut memory.copies_refused);
            match self.may_be_large() && is_over_cap(&read) {
                // It said that it was smaller.
                true => self.large.put(LargeObjects { planned, json_bytes: self.budget.object_bytes }),
                false => json_bytes += self.put_planned(planned, read, &mut filled),
            }
            let is_full = json_bytes >= wanted_bytes || filled.has_all() || self.progress.is_stopped();
            next = if is_full { None } else { self.next_small() };
        }
        filled
    }

    fn next_small(&self) -> Option<&'a Planned> {
        std::iter::from_fn(|| self.take_next()).find(|planned| !self.puts_off(planned))
    }

    /// JSON of one object that a batch may hold.
    pub fn batch_cap(&self) -> u64 {
        self.budget.batch_bytes.min(self.budget.object_bytes)
    }

    pub fn may_be_large(&self) -> bool {
        self.budget.object_bytes > self.batch_cap()
    }

    /// Puts off an object that says that it is larger than a batch; whether it did.
    fn puts_off(&self, planned: &'a Planned) -> bool {
        let cap = self.batch_cap();
        // It can't be read again, should it be too large for a batch, or a container.
        if matches!(planned.identity, Identity::Pipe) {
            self.put_container(planned);
            return true;
        }
        // Asked of those alone that may well be: it takes as long as reading a small object.
        if !self.may_be_large() || planned.size_bytes <= cap / GROWTH_SURE {
            return false;
        }
        let path = planned.path();
        let said_bytes = archive::said_size(planned.at(&path)).filter(|said| *said > cap);
        let Some(said_bytes) = said_bytes else { return false };
        self.large.put(LargeObjects { planned, json_bytes: said_bytes.min(self.budget.object_bytes) });
        true
    }

    /// Reads one object that is larger than a batch.
    fn fill_large<'s>(&'s self, large: LargeObjects<'a>, room: Taken<'s>, memory: &mut Memory<'_>) -> Filled<'s> {
        let LargeObjects { planned, json_bytes } = large;
        memory.buffers.clear();
        let mut filled = Filled::new(room);
        let mut read = load(planned, None, memory, json_bytes, self.known, self.progress);
        // What the object says of itself may be too little.
        let may_be_larger = is_over_cap(&read) || read.is_err() && !planned.copies.is_empty();
        let most_bytes = self.budget.object_bytes;
        if may_be_larger && json_bytes < most_bytes {
            // Given back first: whoever holds some and waits for all waits for ever.
            drop(filled);
            filled = Filled::new(self.room.take(budget::object_room(most_bytes)));
            read = load(planned, None, memory, most_bytes, self.known, self.progress);
        }
        filled.refused.append(&mut memory.copies_refused);
        self.put_planned(planned, read, &mut filled);
        filled
    }

    /// Puts aside what turned out to be no object, but files in one.
    fn put_container(&self, planned: &'a Planned) {
        self.containers.lock().unwrap_or_else(PoisonError::into_inner).push(planned);
    }

    /// Adds what became of a file; the bytes of its JSON.
    fn put_planned(&self, planned: &'a Planned, read: Result<Loaded, Untaken>, filled: &mut Filled<'_>) -> u64 {
        if matches!(read, Err(Untaken::Container)) {
            self.put_container(planned);
            return 0;
        }
        self.progress.bytes.fetch_add(planned.size_bytes, Ordering::Relaxed);
        self.put(planned, read, filled)
    }

    /// Adds what became of an object; the bytes of its JSON.
    pub fn put(&self, planned: &Planned, read: Result<Loaded, Untaken>, filled: &mut Filled<'_>) -> u64 {
        let json_bytes = read.as_ref().map_or(0, |object| object.json_bytes);
        match read {
            Ok(object) => filled.objects.push(object),
            Err(Untaken::Refused(entry)) => filled.refused.push(*entry),
            Err(Untaken::Known) => {
                filled.known += 1;
                filled.struck.extend(struck_by(planned.name(), &planned.path().to_string_lossy(), self.known));
            }
            Err(Untaken::Stopped | Untaken::Container) => return 0,
        }
        self.progress.objects.fetch_add(1, Ordering::Relaxed);
        self.progress.json_bytes.fetch_add(json_bytes, Ordering::Relaxed);
        json_bytes
    }

    /// JSON at which the next batch is full: smaller towards the end, so that no thread waits long for the last one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate of bytes")]
    pub fn batch_bytes(&self) -> u64 {
        let [total, done, json] = [&self.progress.bytes_total, &self.progress.bytes, &self.progress.json_bytes]
            .map(|count| count.load(Ordering::Relaxed));
        let growth = if done == 0 { GROWTH } else { json as f64 / done as f64 };
        let left_bytes = total.saturating_sub(done) as f64 * growth;
        let share = left_bytes / self.threads as f64;
        (share as u64).max(BATCH_MIN_BYTES).min(self.budget.batch_bytes)
    }

    fn take_next(&self) -> Option<&'a Planned> {
        self.objects.get(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the ids that are held need of what they lend.
pub(super) fn needed_of_room(budget: Budget, seen: &Dedup) -> u64 {
    seen.held_bytes().saturating_sub(budget.seen_bytes - budget.lent_bytes)
}

/// Whether more memory may bring more of an object.
fn is_over_cap(read: &Result<Loaded, Untaken>) -> bool {
    match read {
        Ok(loaded) => loaded.is_cut_by_cap(),
        Err(Untaken::Refused(entry)) => {
            entry.refused.as_ref().is_some_and(|(reason, _)| reason.starts_with(archive::OVER_CAP))
        }
        Err(_) => false,
    }
}
