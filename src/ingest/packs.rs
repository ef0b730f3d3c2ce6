//! Tars and zips, entry by entry, for whichever worker needs some.
//!
//! A container is read from its start to its end by whoever has it at hand: a worker takes it out of the queue, reads a
//! handful of entries as they stand there, puts it back, and inflates and parses what it has while others read on. What
//! nobody but the reader can do is little where entries are compressed themselves, as CloudTrail's objects are.
//!
//! An entry that is too large for a batch waits until there is memory for it alone; whoever holds memory then ends the
//! batch, so that nobody waits for somebody who waits.

use std::collections::{BTreeMap, VecDeque};
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use hashbrown::HashMap;

use super::plan::{Identity, MemberKey, PIPE_PLACE, Planned, is_wanted_by, modified_us, other_kind, refused_entry};
use super::proving::NewDigests;
use super::timings::Stage;
use super::{Options, Progress, count_kind};
use crate::archive::{
    self, ContainerWalk, DIGESTS, EntryFault, Event, Held, Limits, Member, ObjectKey, ObjectKind, Packed, Read,
    ReadFault, Refusal, WITHIN, Within,
};
use crate::store::{Container, Known, LedgerEntry, NO_LOG, NameKey, Store};
use crate::time::now_us;

/// What is read at once: small objects are not worth taking turns for.
const HANDFUL_BYTES: usize = 1 << 20;
const HANDFUL: usize = 64;

/// Memory of what is noted of an entry, about.
pub(super) const NOTE_BYTES: u64 = 256;

/// A change may have the same time as one that was this little before.
const CLOCK_US: i64 = 2_000_000;

/// What a decoder may take at the least: what the usual levels of compression need.
const WINDOW_MIN_BYTES: u64 = 9 << 20;

/// How often somebody who waits asks whether to go on.
const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// A file that is a container, and what it came to.
pub(super) struct Pack {
    path: PathBuf,
    place: String,
    size_bytes: u64,
    modified_us: Option<i64>,
    date: Option<NaiveDate>,
    is_pipe: bool,
    sha256: Mutex<Option<[u8; 32]>>,
    /// Whether something in it was refused, or left out.
    is_partial: AtomicBool,
    has_files: AtomicBool,
    /// Containers of it that are not at their end: itself, and those in it.
    open: AtomicU64,
    stored_bytes: AtomicU64,
    objects: AtomicU64,
    digests: AtomicU64,
    other_services: AtomicU64,
    other_logs: Mutex<BTreeMap<String, u64>>,
    foreign_files: AtomicU64,
}

impl Pack {
    fn new(planned: &Planned) -> Pack {
        let path = planned.path();
        let is_pipe = matches!(planned.identity, Identity::Pipe);
        let place = if is_pipe { PIPE_PLACE.to_owned() } else { archive::place_of(&path) };
        let modified_us = if is_pipe { None } else { modified_us(&path) };
        Pack {
            place,
            size_bytes: planned.size_bytes,
            modified_us,
            date: planned.date,
            is_pipe,
            path,
            sha256: Mutex::default(),
            is_partial: AtomicBool::new(false),
            has_files: AtomicBool::new(false),
            open: AtomicU64::new(1),
            stored_bytes: AtomicU64::new(0),
            objects: AtomicU64::new(0),
            digests: AtomicU64::new(0),
            other_services: AtomicU64::new(0),
            other_logs: Mutex::default(),
            foreign_files: AtomicU64::new(0),
        }
    }

    /// The place and the path of something in it.
    fn within(&self, name: &str) -> (String, PathBuf) {
        if name.is_empty() {
            return (self.place.clone(), self.path.clone());
        }
        let mut path = self.path.as_os_str().to_owned();
        path.push(format!("{WITHIN}{name}"));
        (format!("{}{WITHIN}{name}", self.place), path.into())
    }

    fn refused(&self, Refusal { name, reason, offset_bytes }: Refusal) -> LedgerEntry {
        self.is_partial.store(true, Ordering::Relaxed);
        let (place, path) = self.within(&name);
        let size_bytes = if name.is_empty() { self.size_bytes } else { 0 };
        refused_entry(&place, &path, size_bytes, None, reason, offset_bytes)
    }

    /// Refuses what has no files at all, once its end is reached.
    fn empty(&self) -> Option<LedgerEntry> {
        let is_empty = !self.has_files.load(Ordering::Relaxed) && !self.is_partial.load(Ordering::Relaxed);
        let refusal =
            || Refusal { name: String::new(), reason: "empty: no file is in it".to_owned(), offset_bytes: None };
        is_empty.then(|| self.refused(refusal()))
    }

    /// Notes what became of an object that is refused.
    pub fn note_refused(&self, entry: &LedgerEntry) {
        let reason = entry.refused.as_ref().map_or("", |(reason, _)| reason.as_str());
        let count = match other_kind(reason) {
            Some(DIGESTS) => &self.digests,
            Some(kind) => {
                self.count_kind(kind);
                &self.other_services
            }
            None if reason.starts_with(NO_LOG) => &self.foreign_files,
            None => return self.is_partial.store(true, Ordering::Relaxed),
        };
        self.objects.fetch_sub(1, Ordering::Relaxed);
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn count_kind(&self, kind: &str) {
        count_kind(&mut self.other_logs.lock().unwrap_or_else(PoisonError::into_inner), kind, 1);
    }

    /// Notes that an object turned out to be something else.
    pub fn note_beside(&self, beside: &Beside, seen: &mut Seen) {
        self.objects.fetch_sub(1, Ordering::Relaxed);
        match beside {
            Beside::Digest => {
                self.digests.fetch_add(1, Ordering::Relaxed);
                seen.digests += 1;
            }
            Beside::OtherService(service) => {
                self.other_services.fetch_add(1, Ordering::Relaxed);
                self.count_kind(service);
                seen.other_services += 1;
                count_kind(&mut seen.other_logs, service, 1);
            }
        }
    }

    /// What the ledger is to have of it, if nothing of it was refused or left out and it is what it was.
    fn noted(&self) -> Option<Container> {
        let sha256 = (*self.sha256.lock().unwrap_or_else(PoisonError::into_inner))?;
        let is_whole = !self.is_pipe
            && !self.is_partial.load(Ordering::Relaxed)
            && self.open.load(Ordering::Relaxed) == 0
            && self.path.metadata().is_ok_and(|metadata| metadata.len() == self.size_bytes)
            && modified_us(&self.path) == self.modified_us;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        is_whole.then(|| Container {
            place: self.place.clone(),
            size_bytes: self.size_bytes,
            modified_us: self.modified_us.filter(|modified| now_us() - modified > CLOCK_US),
            sha256,
            objects: count(&self.objects),
            digests: count(&self.digests),
            other_services: count(&self.other_services),
            other_logs: self.other_logs.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            foreign_files: count(&self.foreign_files),
        })
    }
}

/// What the name of an object says that it is, beside logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    Digest,
    OtherService(String),
}

/// Counts of what was found in containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub found: u64,
    pub known: u64,
    pub digests: u64,
    pub other_services: u64,
    /// Those of other services, by service.
    pub other_logs: BTreeMap<String, u64>,
    pub foreign_files: u64,
    pub filtered: u64,
}

impl Seen {
    pub fn add(&mut self, other: &Seen) {
        self.found += other.found;
        self.known += other.known;
        self.digests += other.digests;
        self.other_services += other.other_services;
        other.other_logs.iter().for_each(|(kind, count)| count_kind(&mut self.other_logs, kind, *count));
        self.foreign_files += other.foreign_files;
        self.filtered += other.filtered;
    }
}

/// A container at hand.
pub(super) struct Open {
    walk: ContainerWalk,
    pack: Arc<Pack>,
    window_bytes: u64,
    is_root: bool,
}

/// An object out of a container.
pub(super) struct Item {
    pub planned: Planned,
    pub pack: Arc<Pack>,
    /// What it is by its name, unless it turns out to hold events.
    pub beside: Option<Beside>,
    /// The name of one that was taken in before anybody verified it: its bytes are read to be compared with digests.
    pub unproved: Option<String>,
    pub bytes: ItemBytes,
    /// For a container that it turns out to be: its name, and what it lies in.
    pub name: String,
    pub within: Option<Within>,
}

/// Its bytes.
pub(super) enum ItemBytes {
    /// As they stand in the container.
    Packed(Packed),
    /// Read already.
    Read(Result<Read, EntryFault>),
    /// All that comes out of a pipe.
    Pipe(Box<dyn BufRead + Send>),
    /// To be read as a stream, by who has memory for so much text: for all there may be, where nobody knows.
    Stream(Box<Open>, Option<u64>),
}

/// What was read at once.
#[derive(Default)]
pub(super) struct Handful {
    pub items: Vec<Item>,
    pub refused: Vec<LedgerEntry>,
    pub seen: Seen,
}

/// What a worker has to do.
pub(super) enum Task {
    /// Read a handful.
    Pull(Box<Open>),
    /// Open one, whose decoder may take so much memory.
    Open(Box<Planned>, u64),
    /// Read one object that is larger than a batch.
    Large(Box<Item>),
    /// Give back the memory that is held, because somebody needs all of it.
    EndBatch,
    /// Nothing more.
    Done,
}

/// Containers that are read or wait to be.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// What was taken out of containers since it was noted last.
    names: Mutex<HashMap<NameKey, u64>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Planned>,
    /// The one in another before that.
    idle: Vec<Open>,
    large: VecDeque<Box<Item>>,
    /// How many workers have one at hand.
    out: usize,
    /// How many of them wait for memory for a large object.
    large_out: usize,
    /// Memory that decoders take.
    windows_bytes: u64,
    /// Entries that may come before those that came are noted.
    left: u64,
    packs: Vec<Arc<Pack>>,
}

impl Queue {
    pub fn new(containers: Vec<Planned>) -> Queue {
        let state = State { waiting: containers.into(), ..State::default() };
        Queue { state: Mutex::new(state), ..Queue::default() }
    }

    /// Allows so many entries more.
    pub fn begin(&self, entries: u64) {
        self.state().left = entries;
    }

    /// Counts one of them.
    fn count(&self) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(1);
    }

    /// Whether all were read to their ends.
    pub fn is_done(&self) -> bool {
        let state = self.state();
        state.waiting.is_empty() && state.idle.is_empty() && state.large.is_empty()
    }

    /// Stored bytes that are to be read.
    pub fn stored_bytes(&self) -> u64 {
        let state = self.state();
        let waiting: u64 = state.waiting.iter().map(|planned| planned.size_bytes).sum();
        waiting + state.idle.iter().map(|open| open.pack.size_bytes).sum::<u64>()
    }

    /// Names and sizes of what was taken.
    pub fn take_names(&self) -> Vec<(NameKey, u64)> {
        self.names().drain().collect()
    }

    /// The containers that were taken whole.
    pub fn whole(&self) -> Vec<Container> {
        self.state().packs.iter().filter_map(|pack| pack.noted()).collect()
    }

    /// Nothing can panic while it is held but what is out of memory.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, HashMap<NameKey, u64>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an object has to the one of its name that was taken before in this part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Same,
    /// Records of that one were kept out, and none of this one.
    Partial,
    /// Of another size.
    Other,
}

/// The queue, with what decides about entries.
#[derive(Clone, Copy)]
pub(super) struct Packs<'a> {
    pub queue: &'a Queue,
    pub options: &'a Options,
    pub known: &'a Known,
    /// Where digests are put; `None` where they were read before.
    pub digests: Option<&'a Mutex<NewDigests>>,
    pub store: &'a Store,
    pub progress: &'a Progress,
    /// Memory of all decoders.
    pub window_bytes: u64,
    /// Containers that are read at once.
    pub open_max: usize,
    /// Bytes of an entry that is held as it stands in the container.
    pub hold_bytes: u64,
    /// Text of an object that a batch may hold.
    pub text_bytes: u64,
}

impl Packs<'_> {
    /// What to do next. `holds`: memory, for which somebody may wait.
    pub fn take(&self, holds: bool) -> Task {
        let mut state = self.queue.state();
        loop {
            if self.progress.is_stopped() {
                return Task::Done;
            }
            if holds && (state.large_out > 0 || !state.large.is_empty()) {
                return Task::EndBatch;
            }
            if let Some(item) = state.large.pop_front() {
                (state.out, state.large_out) = (state.out + 1, state.large_out + 1);
                return Task::Large(item);
            }
            if state.left == 0 {
                return Task::Done;
            }
            if let Some(open) = state.idle.pop() {
                state.out += 1;
                return Task::Pull(Box::new(open));
            }
            if state.out < self.open_max
                && let Some((planned, window_bytes)) = self.next(&mut state)
            {
                state.out += 1;
                return Task::Open(Box::new(planned), window_bytes);
            }
            if state.out == 0 {
                return Task::Done;
            }
            let waited = self.queue.changed.wait_timeout(state, ASK_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The next container, if there is memory for its decoder.
    fn next(&self, state: &mut State) -> Option<(Planned, u64)> {
        let planned = state.waiting.front()?;
        let is_pipe = matches!(planned.identity, Identity::Pipe);
        let window = if is_pipe { self.window_bytes } else { archive::window_bytes(&planned.path()) };
        let window = window.min(self.window_bytes);
        if state.out > 0 && state.windows_bytes + window > self.window_bytes {
            return None;
        }
        state.windows_bytes += window;
        state.waiting.pop_front().map(|planned| (planned, window))
    }

    /// Gives back what there is no memory for.
    pub fn give_back(&self, task: Task) {
        match task {
            Task::Pull(open) => self.put(open),
            Task::Open(planned, window_bytes) => {
                self.queue.state().waiting.push_front(*planned);
                self.leave(window_bytes);
            }
            Task::Large(_) | Task::EndBatch | Task::Done => {}
        }
    }

    /// Gives a container back that has more.
    fn put(&self, open: Box<Open>) {
        let mut state = self.queue.state();
        state.out -= 1;
        state.idle.push(*open);
        drop(state);
        self.queue.changed.notify_all();
    }

    /// Says that a container has come to its end.
    fn end(&self, open: &Open) {
        if open.is_root {
            *open.pack.sha256.lock().unwrap_or_else(PoisonError::into_inner) = open.walk.sha256();
            self.progress.objects.fetch_add(1, Ordering::Relaxed);
        }
        open.pack.open.fetch_sub(1, Ordering::Relaxed);
        self.leave(open.window_bytes);
    }

    /// Says that a worker has none at hand any more.
    fn leave(&self, window_bytes: u64) {
        let mut state = self.queue.state();
        state.out -= 1;
        state.windows_bytes = state.windows_bytes.saturating_sub(window_bytes);
        drop(state);
        self.queue.changed.notify_all();
    }

    /// Says that there is memory for the large object at hand.
    pub fn has_room(&self) {
        self.queue.state().large_out -= 1;
        self.queue.changed.notify_all();
    }

    /// Puts off an object that is too large for a batch.
    pub fn put_off(&self, item: Item) {
        self.queue.state().large.push_back(Box::new(item));
        self.queue.changed.notify_all();
    }

    /// Says that a large object was read that was no stream.
    pub fn end_large(&self) {
        self.leave(0);
    }

    /// Opens a container.
    pub fn open(&self, planned: &Planned, window_bytes: u64) -> Handful {
        let pack = Arc::new(Pack::new(planned));
        self.queue.state().packs.push(Arc::clone(&pack));
        let mut handful = Handful::default();
        if let Some(known) = self.known_again(&pack) {
            handful.seen = known;
            self.leave(window_bytes);
            return handful;
        }
        let limits = Limits {
            window_bytes: window_bytes.max(WINDOW_MIN_BYTES).min(self.window_bytes),
            inner_window_bytes: (self.window_bytes / 4).max(WINDOW_MIN_BYTES),
            ..Limits::default()
        };
        let opened = match pack.is_pipe {
            true => self.open_pipe(planned, &pack, &limits),
            false => ContainerWalk::open(&pack.path, &limits).map(Some),
        };
        match opened {
            Ok(Some(walk)) => self.put(Box::new(Open { walk, pack, window_bytes, is_root: true })),
            Ok(None) => self.leave(window_bytes),
            Err(fault) => {
                let refusal = Refusal { name: String::new(), reason: fault.to_string(), offset_bytes: None };
                handful.refused.push(pack.refused(refusal));
                self.leave(window_bytes);
            }
        }
        handful
    }

    /// Opens a pipe. What comes out of one that is no container is an object, of any size.
    fn open_pipe(
        &self,
        planned: &Planned,
        pack: &Arc<Pack>,
        limits: &Limits,
    ) -> Result<Option<ContainerWalk>, ReadFault> {
        let pipe = archive::open_pipe(&pack.path, self.progress.stopper());
        let opened = self.progress.stages.time(Stage::Inflate, || ContainerWalk::of_stream(Box::new(pipe), limits));
        match opened {
            Ok(Ok(walk)) => Ok(Some(walk)),
            Ok(Err(reader)) => {
                self.put_off(Item {
                    planned: planned.clone(),
                    pack: Arc::clone(pack),
                    beside: None,
                    unproved: None,
                    bytes: ItemBytes::Pipe(reader),
                    name: String::new(),
                    within: None,
                });
                Ok(None)
            }
            Err(_) if self.progress.is_stopped() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// What is in a container that was taken in whole and has the same bytes as then.
    fn known_again(&self, pack: &Pack) -> Option<Seen> {
        let before = self.known.container(&pack.place).filter(|before| before.size_bytes == pack.size_bytes)?;
        if self.options.verify {
            return None;
        }
        let digest = self.progress.stages.time(Stage::Inflate, || archive::digest(&pack.path)).ok()?;
        if digest != before.sha256 {
            return None;
        }
        *pack.sha256.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        pack.open.store(0, Ordering::Relaxed);
        for (count, before) in [
            (&pack.objects, before.objects),
            (&pack.digests, before.digests),
            (&pack.other_services, before.other_services),
            (&pack.foreign_files, before.foreign_files),
        ] {
            count.store(before, Ordering::Relaxed);
        }
        pack.other_logs.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&before.other_logs);
        self.progress.objects.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(pack.size_bytes, Ordering::Relaxed);
        Some(Seen {
            found: before.files(),
            known: before.objects,
            digests: before.digests,
            other_services: before.other_services,
            other_logs: before.other_logs.clone(),
            foreign_files: before.foreign_files,
            filtered: 0,
        })
    }

    /// Enters a container that came out of another one as a whole; why not, where it isn't one that is read.
    pub fn enter(&self, item: Item) -> Option<LedgerEntry> {
        let Item { pack, bytes, name, within, .. } = item;
        pack.objects.fetch_sub(1, Ordering::Relaxed);
        let (ItemBytes::Packed(packed), Some(within)) = (bytes, within) else { return None };
        let refusal = match ContainerWalk::of_packed(packed, &name, &within) {
            Ok(Some(walk)) => {
                pack.open.fetch_add(1, Ordering::Relaxed);
                let open = Open { walk, pack, window_bytes: 0, is_root: false };
                self.queue.state().idle.push(open);
                self.queue.changed.notify_all();
                return None;
            }
            Ok(None) => Refusal { name, reason: "foreign: a container of files".to_owned(), offset_bytes: None },
            Err(refusal) => refusal,
        };
        Some(pack.refused(refusal))
    }

    /// Reads a handful.
    pub fn pull(&self, mut open: Box<Open>) -> Handful {
        let mut handful = Handful::default();
        let large = self.progress.stages.time(Stage::Inflate, || self.fill(&mut open, &mut handful));
        let stored = open.walk.stored_bytes();
        let before = open.pack.stored_bytes.fetch_max(stored, Ordering::Relaxed);
        self.progress.bytes.fetch_add(stored.saturating_sub(before), Ordering::Relaxed);
        match large {
            Pulled::More => self.put(open),
            Pulled::End => {
                handful.refused.extend(open.is_root.then(|| open.pack.empty()).flatten());
                self.end(&open);
            }
            Pulled::Large(mut item, json_bytes) => {
                item.bytes = ItemBytes::Stream(open, json_bytes);
                let mut state = self.queue.state();
                state.out -= 1;
                state.large.push_back(item);
                drop(state);
                self.queue.changed.notify_all();
            }
        }
        handful
    }

    fn fill(&self, open: &mut Open, handful: &mut Handful) -> Pulled {
        let (mut bytes, mut passed) = (0, 0);
        while bytes < HANDFUL_BYTES && handful.items.len() < HANDFUL && passed < HANDFUL * HANDFUL {
            if self.progress.is_stopped() {
                return Pulled::More;
            }
            let member = match open.walk.advance() {
                None => return Pulled::End,
                Some(Event::Refused(_)) if self.progress.is_stopped() => return Pulled::More,
                Some(Event::Refused(refusal)) => {
                    handful.refused.push(open.pack.refused(refusal));
                    self.queue.count();
                    passed += HANDFUL;
                    continue;
                }
                Some(Event::Member(member)) => member,
            };
            self.queue.count();
            passed += 1;
            handful.seen.found += 1;
            open.pack.has_files.store(true, Ordering::Relaxed);
            let (planned, beside, unproved) = match self.judge(&member, &open.pack, &mut handful.seen) {
                Judged::Passed => continue,
                Judged::Refused(entry) => {
                    open.pack.is_partial.store(true, Ordering::Relaxed);
                    handful.refused.push(*entry);
                    continue;
                }
                Judged::Taken(planned, beside) => (*planned, beside, None),
                Judged::Unproved(planned, name) => (*planned, None, Some(name)),
            };
            let held = open.walk.hold(self.hold_bytes);
            let mut item = Item {
                planned,
                pack: Arc::clone(&open.pack),
                beside,
                unproved,
                bytes: ItemBytes::Read(Err((None, ReadFault::Empty))),
                name: member.name,
                within: Some(open.walk.within()),
            };
            match held {
                Ok(Held::All(packed)) => {
                    bytes += packed.len();
                    item.bytes = ItemBytes::Packed(packed);
                }
                // It can't grow.
                Ok(Held::Large(Some(text))) if text <= self.text_bytes => {
                    bytes += usize::try_from(text).unwrap_or(usize::MAX);
                    item.bytes = ItemBytes::Read(open.walk.read(self.text_bytes));
                }
                Ok(Held::Large(text)) => return Pulled::Large(Box::new(item), text),
                Err(fault) => item.bytes = ItemBytes::Read(Err((None, fault))),
            }
            handful.items.push(item);
        }
        Pulled::More
    }

    /// Reads an object that is larger than a batch, as a stream, and gives its container back.
    pub fn read_stream(&self, mut open: Box<Open>, cap_bytes: u64) -> Result<Read, EntryFault> {
        let read = self.progress.stages.time(Stage::Inflate, || open.walk.read(cap_bytes));
        self.put(open);
        read
    }

    /// What is to become of an entry, by its name and size.
    fn judge(&self, member: &Member, pack: &Pack, seen: &mut Seen) -> Judged {
        // What a container in a container is called is no folder's name.
        let key = ObjectKey::parse(&member.name.replace(WITHIN, "/"));
        let date = key.date.or(pack.date);
        if !is_wanted_by(self.options, key.account_id.as_deref(), key.region.as_deref(), date) {
            seen.filtered += 1;
            pack.is_partial.store(true, Ordering::Relaxed);
            return Judged::Passed;
        }
        pack.objects.fetch_add(1, Ordering::Relaxed);
        let beside = match key.kind {
            ObjectKind::Digest => Some(Beside::Digest),
            ObjectKind::Other(service) => Some(Beside::OtherService(service)),
            ObjectKind::Log | ObjectKind::Insight | ObjectKind::Foreign => None,
        };
        let (place, path) = pack.within(&member.name);
        let size_bytes = member.size_bytes.unwrap_or_default();
        let planned = |name: String, identity| {
            let key = MemberKey { name, size_bytes, date };
            Box::new(Planned::member(&pack.path, &member.name, key, identity))
        };
        let taken = |name: String, identity| Judged::Taken(planned(name, identity), beside);
        let Some(name) = key.canonical_name else { return taken(place, Identity::Place(None)) };
        let Some(before) = self.known.size_bytes(&name) else {
            // Its size may be known at its end only.
            return match member.size_bytes {
                Some(_) => taken(name, Identity::Name),
                None => taken(place, Identity::Place(None)),
            };
        };
        if self.known.is_partial(&name) {
            let digest = self.store.known_digest(&name).ok().flatten();
            return taken(name, digest.map_or(Identity::Name, |digest| Identity::Again(Box::new(digest))));
        }
        if self.options.verify
            && member.size_bytes.is_none_or(|size| size == before)
            && let Ok(Some(digest)) = self.store.unproved_digest(&name)
        {
            return Judged::Unproved(planned(place, Identity::Place(Some(Box::new(digest)))), name);
        }
        match member.size_bytes {
            Some(size) if size == before && !self.options.rehash => {
                seen.known += 1;
                Judged::Passed
            }
            Some(size) if size != before => Judged::Refused(Box::new(refused_entry(
                &place,
                &path,
                size,
                None,
                format!(
                    "changed: taken in earlier with {before} bytes, now {size} bytes under the same name; the store \
                     keeps the first"
                ),
                None,
            ))),
            // By its content.
            _ => {
                let digest = self.store.known_digest(&name).ok().flatten();
                taken(place, Identity::Place(digest.map(Box::new)))
            }
        }
    }

    /// Notes an object that is about to be taken, unless one of its name was.
    pub fn claim(&self, name: &str, size_bytes: u64, is_whole: bool) -> Before {
        let (key, noted) = Known::noted(name, size_bytes, !is_whole);
        let mut names = self.queue.names();
        let Some(before) = names.get(&key).copied() else {
            names.insert(key, noted);
            return Before::Nothing;
        };
        match Known::noted_size(before) {
            (_, true) if is_whole => {
                names.insert(key, noted);
                Before::Partial
            }
            (size, _) if size == size_bytes => Before::Same,
            (_, true) => Before::Same,
            _ => Before::Other,
        }
    }
}

/// What reading a handful ended with.
enum Pulled {
    More,
    End,
    /// An object that is larger than a batch, of so much text where that is known.
    Large(Box<Item>, Option<u64>),
}

/// What is to become of an entry.
enum Judged {
    Passed,
    Refused(Box<LedgerEntry>),
    Taken(Box<Planned>, Option<Beside>),
    /// Known by this name, and never verified.
    Unproved(Box<Planned>, String),
}
