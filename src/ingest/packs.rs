//! Tars and zips, entry by entry, for whichever worker needs some.
//!
//! A container is read from its start to its end by whoever has it at hand: a worker takes it out of the queue, reads a
//! handful of entries as they stand there, puts it back, and inflates and parses what it has while others read on. What
//! nobody but the reader can do is little where entries are compressed themselves, as CloudTrail's objects are.
//!
//! An entry that is too large for a batch waits until there is memory for it alone; whoever holds memory then ends the
//! batch, so that nobody waits for somebody who waits.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::pack::{Beside, Pack, Seen};
use super::plan::is_wanted_by;
use super::planned::{Changed, Identity, MemberKey, Planned, changed_size};
use super::proving::NewDigests;
use super::queue::{Handful, Item, ItemBytes, Open, Queue, State, Task};
use super::timings::Stage;
use super::{Options, Progress};
use crate::archive::{
    self, Buffers, ContainerWalk, EntryFault, Event, Held, Limits, Member, ObjectKey, ObjectKind, Read, ReadFault,
    Refusal, WITHIN,
};
use crate::store::{Known, LedgerEntry, TakenBefore, TakenObjects};

/// Entries that are read at once at the most.
const HANDFUL: usize = 64;

/// Memory of what is noted of an entry, about.
pub(super) const NOTE_BYTES: u64 = 256;

/// What a decoder may take at the least: what the usual levels of compression need.
const WINDOW_MIN_BYTES: u64 = 9 << 20;

/// How often somebody who waits asks whether to go on.
const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// What an object has to the one of its name that was taken before in this part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Same,
    /// Records of that one were kept out, and none of this one.
    Partial,
    /// Of another size.
    Other,
    /// Of the same size, with other bytes.
    OtherBytes,
}

/// The queue, with what decides about entries.
#[derive(Clone, Copy)]
pub(super) struct Packs<'a> {
    pub queue: &'a Queue,
    pub options: &'a Options,
    pub known: &'a Known,
    /// Where digests are put; `None` where they were read before.
    pub digests: Option<&'a Mutex<NewDigests>>,
    /// Where objects are looked up that were taken in.
    pub taken: &'a TakenObjects,
    pub progress: &'a Progress,
    /// Memory of all decoders.
    pub window_bytes: u64,
    /// Containers that are read at once.
    pub open_max: usize,
    /// Bytes of an entry that is held as it stands in the container.
    pub hold_bytes: u64,
    /// Text of an object that a batch may hold.
    pub text_bytes: u64,
    /// What is read at once, as it stands in the container.
    pub handful_bytes: u64,
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
        let path = planned.path();
        let window = if is_pipe { self.window_bytes } else { archive::window_bytes(planned.at(&path)) };
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
            false => ContainerWalk::open(pack.at(), &limits).map(Some),
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
        let digest = self.progress.stages.time(Stage::Inflate, || archive::digest(pack.at())).ok()?;
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
    pub fn pull(&self, mut open: Box<Open>, buffers: &mut Buffers) -> Handful {
        let mut handful = Handful::default();
        let large = self.progress.stages.time(Stage::Inflate, || self.fill(&mut open, &mut handful, buffers));
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

    fn fill(&self, open: &mut Open, handful: &mut Handful, buffers: &mut Buffers) -> Pulled {
        let (mut bytes, mut passed) = (0, 0);
        while bytes < self.handful_bytes && handful.items.len() < HANDFUL && passed < HANDFUL * HANDFUL {
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
            let (planned, beside) = match self.judge(&member, &open.pack, &mut handful.seen) {
                Judged::Passed => continue,
                Judged::Refused(entry) => {
                    open.pack.is_partial.store(true, Ordering::Relaxed);
                    handful.refused.push(*entry);
                    continue;
                }
                Judged::Taken(planned, beside) => (*planned, beside),
            };
            let held = open.walk.hold_in(self.hold_bytes, &mut |len| buffers.room(len));
            let mut item = Item {
                planned,
                pack: Arc::clone(&open.pack),
                beside,
                bytes: ItemBytes::Read(Err((None, ReadFault::Empty))),
                name: member.name,
                within: Some(open.walk.within()),
            };
            match held {
                Ok(Held::All(packed)) => {
                    bytes += packed.len() as u64;
                    item.bytes = ItemBytes::Packed(packed);
                }
                // It can't grow.
                Ok(Held::Large(Some(text))) if text <= self.text_bytes => {
                    bytes += text;
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
        let verify = self.options.verify;
        if let Some(size) = member.size_bytes.filter(|size| *size != before && !verify && !self.known.is_partial(&name))
        {
            return Judged::Refused(Box::new(LedgerEntry::refused(
                &place,
                &path,
                size,
                None,
                changed_size(before, size),
                None,
            )));
        }
        // Its bytes come by anyhow: they say whether it is what was taken in.
        match self.taken.get(&name) {
            Ok(Some(before)) => {
                let before = TakenBefore { is_unproved: before.is_unproved && verify, ..before };
                let changed = Changed { before, place: Some(place.into()) };
                taken(name, Identity::Changed(Box::new(changed)))
            }
            _ => taken(place, Identity::Place(None)),
        }
    }

    /// Notes an object that is about to be taken, unless one of its name was.
    pub fn claim(&self, name: &str, size_bytes: u64, sha256: &[u8; 32], is_whole: bool) -> Before {
        let (key, noted) = Known::noted(name, size_bytes, !is_whole);
        let mut names = self.queue.names();
        let Some(before) = names.get(&key).copied() else {
            names.insert(key, (noted, *sha256));
            return Before::Nothing;
        };
        let (before, bytes) = before;
        match Known::noted_size(before) {
            (_, true) if is_whole => {
                names.insert(key, (noted, *sha256));
                Before::Partial
            }
            (size, _) if size == size_bytes && bytes == *sha256 => Before::Same,
            (size, false) if size == size_bytes => Before::OtherBytes,
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
}
