//! One ingest: threads fill and convert batches, one commits them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::batch::{Claim, Converted, Loaded, Memory, Untaken, claim, convert, load};
use super::budget::{self, Budget, MEMORY_LIMIT_MIN_BYTES, PLAN_MIN_BYTES};
use super::committer::{Committer, Ticketed, struck_by};
use super::cross_account_calls::HeldCalls;
use super::dedup::Dedup;
use super::error::IngestError;
use super::large_objects::{LargeObjects, PutOff};
use super::memory_permits::{MemoryPermits, Taken};
use super::mended::Standing;
use super::packs::{NOTE_BYTES, Pack, Packs, Queue, Seen};
use super::plan::{Identity, Plan, Planned, Planner, refused_entry};
use super::proving::{self, NewDigests, Proved};
use super::read_ahead::{ahead, read_all};
use super::settle;
use super::timings::Stage;
use super::upkeep::{self, Days};
use super::{Options, Progress, Summary};
use crate::archive;
use crate::iam::Catalog;
use crate::store::{Known, LedgerEntry, Store, Struck};
use crate::usage;
use crate::verify::Proof;

/// Objects that one batch holds at the most, so that tiny objects reach a commit as well.
const BATCH_OBJECTS_MAX: u64 = 20_000;

/// Large objects that are put off at the most, for each thread.
const PUT_OFF_MAX: usize = 4;

/// JSON that is worth a batch of its own.
const BATCH_MIN_BYTES: u64 = 32 << 20;

/// Of the text of a batch, what one entry of a container may have as it stands there and be held.
const HELD_PART: u64 = 4;

/// Handfuls of objects out of containers that wait to be taken.
const HANDFULS_AHEAD: usize = 2;

/// Entries of containers that are taken in before they are noted, at the least.
const ENTRIES_MIN: u64 = 16;

/// Batches a thread that may be claimed before the one that is to be committed next.
const AHEAD_MAX: u64 = 8;

/// Bytes of JSON in a byte of an archive, about, before any is known.
const GROWTH: f64 = 8.0;

/// Likewise in what hardly any archive has.
const GROWTH_SURE: u64 = 64;

/// Takes archives into a store.
///
/// # Errors
/// What makes going on pointless: the store, the disk. Bad objects are refused and counted in the summary instead.
pub fn ingest(
    store: &Store,
    options: &Options,
    catalog: &Catalog,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let Budget { threads, .. } = Budget::new(options.memory_limit_bytes, options.threads, 0)?;
    super::with_threads(threads, || in_parts(u64::MAX, store, options, catalog, progress))
}

/// As [`ingest()`]; lists of new objects take no more than `list_bytes_max` at once, however much there is.
fn in_parts(
    list_bytes_max: u64,
    store: &Store,
    options: &Options,
    catalog: &Catalog,
    progress: &Progress,
) -> Result<Summary, IngestError> {
    let mut writer = store.writer()?;
    options.mode.map_or(Ok(()), |mode| writer.set_mode(mode))?;
    let mut summary = Summary::default();
    let memory = Days::one(&writer, options.memory_limit_bytes);
    upkeep::refresh(&mut writer, catalog, None, &memory)?;
    let archives: Vec<String> = options.archives.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let run = writer.begin_run(&archives)?;
    let known = progress.stages.time(Stage::Find, || writer.known_objects())?;
    let proof = progress.stages.time(Stage::Find, || proving::read_first(options, store.dir()))?;
    let digests = if proof.is_none() { Some(NewDigests::new(&writer)?) } else { None };
    let proof_bytes = proof.as_ref().map_or(0, Proof::bytes);
    let mut planner = Planner::new(options, known, digests, store.dir())?;
    let budget = budget_beside(options, &planner, proof_bytes)?;
    let before = store.snapshot_with(None, upkeep::STATISTICS)?;
    let mut seen = (
        Dedup::new(&before, &writer.staging()).keeping_from(store.pruned()?.before),
        Standing::new(writer.kept_out()?),
    );
    let mut committer = Committer {
        shared: HeldCalls::new(&before, budget.shared_bytes),
        foreign_before: upkeep::cross_account_days(&before),
        threads: budget.threads,
        usage_bytes: budget.usage_bytes,
        day_bytes: budget.room_bytes / 4,
        refused: HashSet::new(),
        partial: HashSet::new(),
        containers: Vec::new(),
        run,
        writer: &mut writer,
        catalog,
        summary: &mut summary,
        pending: Converted::default(),
        since: Instant::now(),
        interval: options.commit_interval,
        progress,
    };
    let common = Common { options, proof: proof.as_ref(), catalog, progress };
    take_in_all(list_bytes_max, &mut planner, &mut seen, common, &mut committer)?;
    if !progress.is_stopped() {
        close(options, &planner, &mut committer)?;
        let found = planner.take_digests().map(NewDigests::finish).transpose()?;
        if let Some(proof) = proof.as_ref().or(found.as_ref()) {
            settle::settle(options, proof, &mut committer)?;
        }
        committer.writer.note_containers(&committer.containers)?;
    }
    let held = committer.shared;
    let rows_max = budget::month_rows(options.memory_limit_bytes);
    let memory = Days::beside_each_other(&writer, options.memory_limit_bytes);
    progress.stages.time(Stage::Commit, || upkeep::tidy(&mut writer, catalog, Some(held), &memory))?;
    progress.stages.time(Stage::Commit, || usage::refresh_months(&writer, usage::MONTH_ROWS_MIN, rows_max))?;
    writer.end_run(run, &summary.run)?;
    summary.snapshot = store.snapshot_with(None, &[])?.id;
    summary.interrupted = progress.is_stopped();
    Ok(summary)
}

/// Says at the end of a whole run which archives had nothing, and strikes what stood as refused and was looked at now.
fn close(options: &Options, planner: &Planner<'_>, committer: &mut Committer<'_>) -> Result<(), IngestError> {
    let folders = options.archives.iter().zip(planner.found()).filter(|(archive, _)| archive.is_dir());
    let folders: Vec<(&Path, String, u64)> =
        folders.map(|(archive, found)| (archive.as_path(), archive::place_of(archive), *found)).collect();
    let seen = folders.iter().filter(|(_, place, _)| !planner.is_unread(place));
    let (empty, full): (Vec<_>, Vec<_>) = seen.partition(|(_, _, found)| *found == 0);
    let mut refused = Vec::new();
    for (archive, place, _) in empty {
        let before = committer.writer.archive_before(place)?.filter(|(objects, _)| *objects > 0);
        refused.push(refused_entry(place, archive, 0, None, nothing_in(before), None));
    }
    let full: Vec<(&str, u64)> = full.iter().map(|(_, place, found)| (place.as_str(), *found)).collect();
    committer.writer.note_archives(&full)?;
    let is_within = |name: &str, place: &str| {
        name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || place.ends_with('/') || rest.starts_with('/'))
    };
    let is_looked_at = |unread: &crate::store::Unread| {
        let is_given = folders.iter().any(|(_, place, found)| match unread.name == *place {
            true => *found > 0,
            false => is_within(&unread.name, place),
        });
        // What is a file is struck when it is taken or known.
        is_given && !planner.is_unread(&unread.name) && Path::new(&unread.path).is_dir()
    };
    let struck = committer.writer.unread()?.into_iter().filter(is_looked_at);
    let struck = struck.map(|unread| Struck { name: unread.name, path: unread.path }).collect();
    committer.add(Converted { objects: refused, struck, ..Default::default() }, planner.known())?;
    committer.commit()
}

/// Says that an archive has no log objects.
fn nothing_in(before: Option<(u64, String)>) -> String {
    let looked_for = "looked for CloudTrail events in every file below it, whatever its name";
    match before {
        Some((objects, time)) => format!(
            "no log object is in this archive any more: there were {objects} at {time}; {looked_for}\n\
             hint: check whether the copy of the archive is whole"
        ),
        None => format!(
            "no log object is in this archive: {looked_for}\nhint: give the folder that the archive was copied to"
        ),
    }
}

/// The events that the store has, and the records that were kept out.
type SeenBefore = (Dedup, Standing);

/// What the worker threads share.
pub(super) struct CrossAccountCalls<'a> {
    objects: &'a [Planned],
    /// Where objects come out of containers.
    pub(super) packs: Option<Packs<'a>>,
    /// The objects that turned out to be containers.
    containers: Mutex<Vec<&'a Planned>>,
    pub(super) known: &'a Known,
    next: AtomicUsize,
    seen: Mutex<(u64, &'a mut SeenBefore)>,
    large: PutOff<'a>,
    pub(super) room: MemoryPermits,
    pub(super) budget: Budget,
    /// Threads that fill batches.
    threads: usize,
    /// The ticket that was handed on last, and whether a worker died with one.
    done: AtomicU64,
    has_died: AtomicBool,
    catalog: &'a Catalog,
    staging: &'a Path,
    pub(super) progress: &'a Progress,
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

/// How memory is shared out beside a list of known objects, and one of new ones.
fn budget_beside(options: &Options, planner: &Planner<'_>, proof_bytes: u64) -> Result<Budget, IngestError> {
    let lists_bytes = planner.known_bytes() + proof_bytes + PLAN_MIN_BYTES;
    Budget::new(options.memory_limit_bytes, options.threads, lists_bytes).map_err(|error| match error {
        IngestError::MemoryLimit { given, least } if given >= MEMORY_LIMIT_MIN_BYTES => {
            IngestError::KnownObjects { given, least, known: planner.known().len() }
        }
        other => other,
    })
}

/// Takes in what the planner finds, as much at once as there is memory for.
fn take_in_all(
    list_bytes_max: u64,
    planner: &mut Planner<'_>,
    seen: &mut SeenBefore,
    common: Common<'_>,
    committer: &mut Committer<'_>,
) -> Result<(), IngestError> {
    let Common { options, proof, progress, .. } = common;
    loop {
        let bytes_max = budget_beside(options, planner, common.proof_bytes())?.more_lists_bytes + PLAN_MIN_BYTES;
        let bytes_max = bytes_max.min(list_bytes_max);
        let find = || planner.next(bytes_max, committer.writer, progress, committer.summary);
        let Plan { objects, refused, unproved, bytes } = progress.stages.time(Stage::Find, find)?;
        progress.objects_total.fetch_add(objects.len() as u64, Ordering::Relaxed);
        progress.bytes_total.fetch_add(objects.iter().map(|o| o.size_bytes).sum(), Ordering::Relaxed);
        committer.add(Converted { objects: refused, ..Default::default() }, planner.known())?;
        committer.refused.clear();
        committer.partial.clear();
        // The last object may be a little beyond.
        let lists_bytes = planner.known_bytes() + common.proof_bytes() + bytes.min(bytes_max);
        let budget = Budget::new(options.memory_limit_bytes, options.threads, lists_bytes)?;
        if let Some(proof) = proof {
            proving::prove_known(unproved, proof, committer.writer, committer.summary)?;
        }
        let containers = take_in(Objects::Planned(&objects), budget, planner.known(), seen, common, committer)?;
        progress.stages.time(Stage::Commit, || committer.commit())?;
        if planner.is_done() && containers.is_empty() {
            return Ok(());
        }
        planner.note(&objects, &committer.refused, &committer.partial);
        drop(objects);
        take_in_containers(containers, list_bytes_max, planner, seen, common, committer)?;
        if planner.is_done() {
            return Ok(());
        }
    }
}

/// Takes in what is in containers, which are read once whatever else there is was taken: where a log object lies both
/// beside them and in one, the former is looked at first.
fn take_in_containers(
    containers: Vec<Planned>,
    list_bytes_max: u64,
    planner: &mut Planner<'_>,
    seen: &mut SeenBefore,
    common: Common<'_>,
    committer: &mut Committer<'_>,
) -> Result<(), IngestError> {
    let Common { options, progress, .. } = common;
    let queue = Queue::new(containers);
    while !queue.is_done() && !progress.is_stopped() {
        let lists_bytes = planner.known_bytes() + common.proof_bytes();
        let more = budget_beside(options, planner, common.proof_bytes())?.more_lists_bytes + PLAN_MIN_BYTES;
        let notes_bytes = more.min(list_bytes_max).max(NOTE_BYTES);
        queue.begin((notes_bytes / NOTE_BYTES).max(ENTRIES_MIN));
        let (budget, window_bytes) = budget::beside_windows(
            options.memory_limit_bytes,
            options.threads,
            lists_bytes + notes_bytes.min(PLAN_MIN_BYTES),
        )?;
        committer.refused.clear();
        committer.partial.clear();
        let digests = planner.take_digests().map(Mutex::new);
        let within = Objects::Within(&queue, window_bytes, digests.as_ref());
        take_in(within, budget, planner.known(), seen, common, committer)?;
        planner.put_digests(digests.map(|digests| digests.into_inner().unwrap_or_else(PoisonError::into_inner)));
        progress.stages.time(Stage::Commit, || committer.commit())?;
        planner.known_mut().extend_noted(queue.take_names());
    }
    if progress.is_stopped() {
        return Ok(());
    }
    // What their digests say is noted at the end: only then it is known for good that they were looked at.
    let (with_digests, others): (Vec<_>, Vec<_>) = queue.whole().into_iter().partition(|one| one.digests > 0);
    committer.containers.extend(with_digests);
    Ok(committer.writer.note_containers(&others)?)
}

/// What is taken in at once.
#[derive(Clone, Copy)]
enum Objects<'a> {
    /// Files, pipes.
    Planned(&'a [Planned]),
    /// What is in containers, whose decoders have so much memory; digests are put there.
    Within(&'a Queue, u64, Option<&'a Mutex<NewDigests>>),
}

/// What all of an ingest has in common.
#[derive(Clone, Copy)]
struct Common<'a> {
    options: &'a Options,
    /// What digests say, where somebody asks.
    proof: Option<&'a Proof>,
    catalog: &'a Catalog,
    progress: &'a Progress,
}

impl Common<'_> {
    /// Memory that the proof takes.
    fn proof_bytes(&self) -> u64 {
        self.proof.map_or(0, Proof::bytes)
    }
}

/// Takes in objects; the containers among them, which were not looked into.
fn take_in(
    objects: Objects<'_>,
    budget: Budget,
    known: &Known,
    seen: &mut SeenBefore,
    Common { options, proof, catalog, progress }: Common<'_>,
    committer: &mut Committer<'_>,
) -> Result<Vec<Planned>, IngestError> {
    let staging = committer.writer.staging();
    let store = committer.writer.store().clone();
    let (objects, within) = match objects {
        Objects::Planned(objects) => (objects, None),
        Objects::Within(queue, window_bytes, digests) => (&[][..], Some((queue, window_bytes, digests))),
    };
    let all_bytes = match within {
        Some((queue, ..)) => queue.stored_bytes(),
        None => objects.iter().map(|object| object.size_bytes).sum(),
    };
    // What fits a batch is one, because small files compress worse.
    let is_one = all_bytes as f64 * GROWTH <= budget.batch_bytes as f64;
    let threads = if is_one { 1 } else { budget.threads };
    let room = MemoryPermits::new(budget.room_bytes, budget.lent_bytes);
    room.need(needed_of_room(budget, &seen.0));
    let batch_cap = budget.batch_bytes.min(budget.object_bytes);
    let packs = within.map(|(queue, window_bytes, digests)| Packs {
        queue,
        digests,
        options,
        known,
        store: &store,
        progress,
        window_bytes,
        open_max: budget.threads,
        hold_bytes: batch_cap / HELD_PART,
        text_bytes: batch_cap,
    });
    let shared = CrossAccountCalls {
        objects,
        packs,
        containers: Mutex::default(),
        known,
        next: AtomicUsize::new(0),
        seen: Mutex::new((0, seen)),
        large: PutOff::new(PUT_OFF_MAX * threads),
        room,
        budget,
        threads,
        done: AtomicU64::new(0),
        has_died: AtomicBool::new(false),
        catalog,
        staging: &staging,
        progress,
    };
    let (sender, receiver) = crossbeam_channel::bounded(budget.threads);
    let outcome = std::thread::scope(|scope| {
        let shared = &shared;
        let is_ahead = shared.has_beside();
        let mut read_ahead = (is_ahead && packs.is_none()).then(|| {
            let (sender, ahead) = ahead();
            scope.spawn(move || read_all(objects, shared.batch_cap(), known, progress, &sender));
            ahead
        });
        let mut members = packs.filter(|_| is_ahead).map(|packs| {
            let (sender, members) = crossbeam_channel::bounded(HANDFULS_AHEAD);
            scope.spawn(move || packs.read_ahead(shared.batch_cap(), &sender));
            members
        });
        let common = (threads > 1).then(Arc::default);
        for _ in 0..threads {
            let mut memory = Memory::with(read_ahead.take(), common.clone(), shared.batch_memory(), options.redact);
            memory.proof = proof;
            memory.members = members.take();
            let sender = sender.clone();
            scope.spawn(move || shared.work(memory, &sender));
        }
        drop(sender);
        let outcome = committer.receive(&receiver, &shared.done, known);
        // Whoever still sends finds nobody listening, and ends.
        drop(receiver);
        if outcome.is_err() {
            progress.stop();
        }
        outcome
    });
    let mut containers = shared.containers.into_inner().unwrap_or_else(PoisonError::into_inner);
    // As they were planned.
    containers.sort_unstable_by_key(|planned| std::ptr::from_ref(*planned));
    outcome.map(|()| containers.into_iter().cloned().collect())
}

impl<'a> CrossAccountCalls<'a> {
    fn work(&self, mut memory: Memory<'a>, sender: &Sender<Ticketed>) {
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
                Ok(Converted { known, seen, struck, proved, ..converted })
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
    fn batch_memory(&self) -> (u64, u64) {
        // So much of what is set aside for a batch may be its usage.
        let usage_bytes = (self.budget.usage_bytes / self.threads as u64).max(self.budget.batch_bytes);
        (self.budget.batch_bytes, usage_bytes)
    }

    /// Whether there are threads that no worker has, because there is only one.
    fn has_beside(&self) -> bool {
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
    pub(super) fn batch_cap(&self) -> u64 {
        self.budget.batch_bytes.min(self.budget.object_bytes)
    }

    pub(super) fn may_be_large(&self) -> bool {
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
        let Some(said_bytes) = archive::said_size(&planned.path()).filter(|said| *said > cap) else { return false };
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
    pub(super) fn put(&self, planned: &Planned, read: Result<Loaded, Untaken>, filled: &mut Filled<'_>) -> u64 {
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
    pub(super) fn batch_bytes(&self) -> u64 {
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
fn needed_of_room(budget: Budget, seen: &Dedup) -> u64 {
    seen.held_bytes().saturating_sub(budget.seen_bytes - budget.lent_bytes)
}

pub(super) fn is_over_cap(read: &Result<Loaded, Untaken>) -> bool {
    matches!(read, Err(Untaken::Refused(entry)) if entry.refused.as_ref().is_some_and(|(reason, _)| reason.starts_with(crate::archive::OVER_CAP)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use arrow::array::AsArray;

    use super::*;
    use crate::store::{Table, read_batches};
    use crate::synth::{self, Config};

    /// How often each event is in a store.
    fn events(store: &Store) -> BTreeMap<String, usize> {
        let mut events = BTreeMap::new();
        for file in store.snapshot(None).expect("a snapshot").files(Table::Events) {
            for batch in read_batches(&file.path, Some(&["event_id"]), None).expect("a file") {
                let batch = batch.expect("a batch");
                let ids = batch.column(0).as_string::<i32>();
                ids.iter().flatten().for_each(|id| *events.entry(id.to_owned()).or_default() += 1);
            }
        }
        events
    }

    fn log_objects(archive: &Path) -> Vec<std::path::PathBuf> {
        archive::find(&[archive.to_owned()]).map(|found| found.expect("an object").path).collect()
    }

    #[test]
    fn in_parts_is_as_all_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("archive");
        let config = Config { objects: Some(40), events: Some(2_000), ..Config::default() };
        synth::generate(&config, &archive, |_, _| {}).expect("an archive");
        let [first, second, third, ..] = log_objects(&archive).try_into().map(|all: [_; 40]| all).expect("forty");
        // Copies in folders before and behind: of one that is bad first, of one that is good first, of another size.
        for (folder, of, is_bad) in [("A", &first, true), ("Z", &second, true), ("ZZ", &third, false)] {
            let copy = archive.join(folder).join(of.file_name().expect("a name"));
            fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
            let mut bytes = fs::read(of).expect("an object");
            if is_bad {
                let at = bytes.len() / 2;
                bytes[at..].iter_mut().for_each(|byte| *byte = !*byte);
            } else {
                bytes.extend(bytes.clone());
            }
            fs::write(copy, bytes).expect("a copy");
        }
        let options = Options { threads: 2, commit_interval: Duration::from_secs(60), ..Options::of(vec![archive]) };
        let mut stores = [u64::MAX, 3_000, 1].map(|list_bytes_max| {
            let dir = folder.path().join(format!("store-{list_bytes_max}"));
            let store = Store::open_or_create(&dir).expect("a store");
            let take_in = || in_parts(list_bytes_max, &store, &options, Catalog::embedded(), &Progress::default());
            let summary = take_in().expect("an ingest");
            let again = take_in().expect("an ingest");
            assert_eq!((again.run.taken, again.events), (0, 0), "{list_bytes_max}");
            (summary, events(&store), store)
        });
        let [(all, all_events, _), parts @ ..] = &mut stores;
        assert!(all_events.len() > 1_000 && all_events.values().all(|count| *count == 1));
        assert_eq!((all.run.taken, all.run.refused), (40, 1));
        for (summary, events, store) in parts {
            assert_eq!(events, all_events);
            // A part doesn't know that a copy comes later; the bad one is refused until it has come.
            let refused: Vec<String> = store.refused_objects().expect("refused").into_iter().map(|r| r.name).collect();
            assert_eq!(refused.len(), 1, "{refused:?}");
            let of = |summary: &Summary| (summary.run.found, summary.run.taken, summary.records, summary.events);
            assert_eq!(of(summary), of(all));
        }
    }
}
