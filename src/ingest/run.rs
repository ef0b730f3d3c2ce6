//! One ingest: threads fill and convert batches, one commits them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::again;
use super::batch::Converted;
use super::budget::{self, Budget, MEMORY_LIMIT_MIN_BYTES, PLAN_MIN_BYTES};
use super::committer::Committer;
use super::cross_account_calls::HeldCalls;
use super::dedup::Dedup;
use super::displaced;
use super::error::IngestError;
use super::large_objects::PutOff;
use super::load::Memory;
use super::memory_permits::MemoryPermits;
use super::mended::Standing;
use super::packs::{NOTE_BYTES, Packs};
use super::plan::{Plan, Planner};
use super::planned::Planned;
use super::proving::{self, NewDigests};
use super::queue::Queue;
use super::read_ahead::{ahead, read_all};
use super::remote;
use super::settle;
use super::timings::Stage;
use super::upkeep::{self, Days};
use super::work::{CrossAccountCalls, GROWTH, SeenBefore, needed_of_room};
use super::{Options, Progress, Summary};
use crate::archive;
use crate::iam::Catalog;
use crate::store::{Known, LedgerEntry, Store, Struck};
use crate::time::now_us;
use crate::usage;
use crate::verify::Proof;

/// Large objects that are put off at the most, for each thread.
const PUT_OFF_MAX: usize = 4;

/// Of the text of a batch, what one entry of a container may have as it stands there and be held.
const HELD_PART: u64 = 4;

/// What is read of a container at once at the most: small objects are not worth taking turns for.
const HANDFUL_BYTES: u64 = 1 << 20;

/// Of what a batch may hold, what it likely comes to: it goes into the batch as a whole.
const HANDFUL_PART: f64 = 4.0;

/// Handfuls of objects out of containers that wait to be taken.
const HANDFULS_AHEAD: usize = 2;

/// Entries of containers that are taken in before they are noted, at the least.
const ENTRIES_MIN: u64 = 16;

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
    let began_us = now_us();
    if let Some(remote) = &options.remote {
        remote.stops_with(progress.stopper());
        remote.give_room(&writer.staging(), options.memory_limit_bytes);
    }
    let proof = progress.stages.time(Stage::Find, || proving::read_first(options, store.dir()))?;
    let digests = if proof.is_none() { Some(NewDigests::new(&writer)?) } else { None };
    let proof_bytes = proof.as_ref().map_or(0, Proof::bytes);
    let mut planner = Planner::new(options, known, digests, &writer)?;
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
        new_instead: HashMap::new(),
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
        close(options, &planner, &mut committer, began_us)?;
        progress.stages.time(Stage::Commit, || displaced::clear(options, &mut committer))?;
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
    // What was committed before it stays.
    if let Some(failure) = options.remote.as_ref().and_then(|remote| remote.failure()) {
        return Err(IngestError::Remote(failure));
    }
    summary.snapshot = store.snapshot_with(None, &[])?.id;
    summary.interrupted = progress.is_stopped();
    Ok(summary)
}

/// Says at the end of a whole run which archives had nothing, and strikes what stood as refused and was looked at now.
fn close(
    options: &Options,
    planner: &Planner<'_>,
    committer: &mut Committer<'_>,
    began_us: i64,
) -> Result<(), IngestError> {
    let folders = whole_folders(options, planner);
    let seen = folders.iter().filter(|folder| !planner.is_unread(&folder.place));
    let (in_part, seen): (Vec<_>, Vec<_>) = seen.partition(|folder| folder.is_in_part);
    let (empty, full): (Vec<_>, Vec<_>) = seen.into_iter().partition(|folder| folder.found == 0);
    let mut refused = Vec::new();
    for Folder { archive, place, .. } in empty {
        let before = committer.writer.archive_before(place)?.filter(|(objects, _)| *objects > 0);
        refused.push(LedgerEntry::refused(place, archive, 0, None, nothing_in(before), None));
    }
    let counted: Vec<(&str, u64)> = full.iter().map(|folder| (folder.place.as_str(), folder.found)).collect();
    committer.writer.note_archives(&counted)?;
    if committer.summary.filtered == 0 && planner.has_seen_all() {
        let places: Vec<&str> = full.iter().chain(&in_part).map(|folder| folder.place.as_str()).collect();
        committer.writer.note_compared(&places, began_us)?;
    }
    let is_within = |name: &str, place: &str| {
        name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || place.ends_with('/') || rest.starts_with('/'))
    };
    let is_looked_at = |unread: &crate::store::Unread| {
        let is_given = folders.iter().any(|folder| match unread.name == folder.place {
            true => folder.found > 0,
            false => is_within(&unread.name, &folder.place),
        });
        // What is a file is struck when it is taken or known.
        let is_folder = remote::is_prefix(&unread.path) || Path::new(&unread.path).is_dir();
        is_given && !planner.is_unread(&unread.name) && is_folder
    };
    let struck = committer.writer.unread()?.into_iter().filter(is_looked_at);
    let struck = struck.map(|unread| Struck { name: unread.name, path: unread.path }).collect();
    committer.add(Converted { objects: refused, struck, ..Default::default() }, planner.known())?;
    committer.commit()
}

/// An archive that was gone through, as far as was asked for.
struct Folder<'a> {
    archive: &'a Path,
    place: String,
    /// Log objects in it.
    found: u64,
    /// Whether only what may be new was listed.
    is_in_part: bool,
}

/// The archives that are folders, and those in object storage of which nothing was left out by a filter.
fn whole_folders<'a>(options: &'a Options, planner: &Planner<'_>) -> Vec<Folder<'a>> {
    let folder = |(at, (archive, found)): (usize, (&'a PathBuf, &u64))| {
        let listing = planner.listing(at);
        let is_whole = listing.map_or_else(|| archive.is_dir(), |listing| !listing.scope.is_filtered());
        let is_in_part = listing.is_some_and(|listing| listing.is_in_part);
        is_whole.then(|| Folder { archive, place: archive::place_of(archive), found: *found, is_in_part })
    };
    options.archives.iter().zip(planner.found()).enumerate().filter_map(folder).collect()
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
        let Plan { mut objects, refused, again, bytes } = progress.stages.time(Stage::Find, find)?;
        objects.extend(again::look_again(again, proof, committer, planner.known())?);
        progress.objects_total.fetch_add(objects.len() as u64, Ordering::Relaxed);
        progress.bytes_total.fetch_add(objects.iter().map(|o| o.size_bytes).sum(), Ordering::Relaxed);
        committer.add(Converted { objects: refused, ..Default::default() }, planner.known())?;
        committer.refused.clear();
        committer.partial.clear();
        // The last object may be a little beyond.
        let lists_bytes = planner.known_bytes() + common.proof_bytes() + bytes.min(bytes_max);
        let budget = Budget::new(options.memory_limit_bytes, options.threads, lists_bytes)?;
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

/// Bytes of a container that are read at once where a batch holds so much text.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an estimate of bytes")]
fn handful_bytes(batch_bytes: u64) -> u64 {
    HANDFUL_BYTES.min((batch_bytes as f64 / GROWTH / HANDFUL_PART) as u64)
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
    // For as long as objects are taken in.
    let _on_their_way = match (objects, &options.remote) {
        (Objects::Planned(objects), Some(_)) => {
            archive::fetch_ahead(objects.iter().filter_map(|planned| planned.stored.clone()).collect())
        }
        _ => None,
    };
    let staging = committer.writer.staging();
    let taken = committer.writer.store().taken_objects()?;
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
        taken: &taken,
        progress,
        window_bytes,
        open_max: budget.threads,
        hold_bytes: batch_cap / HELD_PART,
        text_bytes: batch_cap,
        handful_bytes: handful_bytes(batch_cap),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::time::Duration;

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
            let mut refused: Vec<String> =
                store.refused_objects().expect("refused").into_iter().map(|r| r.name).collect();
            // A bad copy of what another part took in stands in a folder that no run went through before: it is said.
            refused.retain(|name| !name.contains("/archive/A/") && !name.contains("/archive/Z/"));
            assert_eq!(refused.len(), 1, "{refused:?}");
            let of = |summary: &Summary| (summary.run.found, summary.run.taken, summary.records, summary.events);
            assert_eq!(of(summary), of(all));
        }
    }
}
