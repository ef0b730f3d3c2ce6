//! Batches of objects out of containers.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use crossbeam_channel::Sender;

use super::budget;
use super::committer::struck_by;
use super::load::{Loaded, Memory, Untaken, load};
use super::pack::Beside;
use super::packs::{Before, Packs};
use super::planned::{Identity, Planned};
use super::proving::{Proved, prove};
use super::queue::{Handful, Item, ItemBytes, Task};
use super::timings::Stage;
use super::work::{CrossAccountCalls, Filled};
use crate::archive::{self, Buffers, EntryFault, Gap, Packed, Read, ReadError, ReadFault};
use crate::store::{ObjectProof, Struck};
use crate::verify::Proof;

impl<'a> CrossAccountCalls<'a> {
    /// Reads objects out of containers until a batch is full; one that is larger than a batch is one. `None` when there
    /// are no more.
    pub(super) fn fill_of(&self, packs: &Packs<'a>, memory: &mut Memory<'a>) -> Option<Filled<'_>> {
        while !self.progress.is_stopped() {
            let filled = self.fill_small(packs, memory);
            if !filled.is_empty() {
                return Some(filled);
            }
            // Somebody may wait for all memory, or for what is held here.
            drop(filled);
            match packs.take(false) {
                Task::Large(item) => return Some(self.fill_alone(packs, *item, memory)),
                Task::Done => return None,
                task => packs.give_back(task),
            }
        }
        None
    }

    fn fill_small(&self, packs: &Packs<'a>, memory: &mut Memory<'a>) -> Filled<'_> {
        let mut filled = Filled::new(self.room.take(budget::batch_room(self.budget.batch_bytes)));
        let (mut json_bytes, wanted_bytes) = (0, self.batch_bytes());
        while json_bytes < wanted_bytes && !filled.has_all() && !self.progress.is_stopped() {
            let ahead = memory.members.as_ref().and_then(|members| members.recv().ok());
            let handful = match ahead {
                Some(handful) => handful,
                None => {
                    memory.members = None;
                    match packs.take(true) {
                        Task::Pull(open) => packs.pull(open, &mut memory.buffers),
                        Task::Open(planned, window_bytes) => packs.open(&planned, window_bytes),
                        Task::Large(_) | Task::EndBatch | Task::Done => break,
                    }
                }
            };
            json_bytes += self.put_handful(packs, handful, memory, &mut filled);
        }
        filled
    }

    /// Adds what was read at once; the bytes of its JSON.
    fn put_handful(
        &self,
        packs: &Packs<'a>,
        handful: Handful,
        memory: &mut Memory<'a>,
        filled: &mut Filled<'_>,
    ) -> u64 {
        let Handful { items, refused, seen } = handful;
        filled.refused.extend(refused);
        filled.seen.add(&seen);
        let cap = self.batch_cap();
        let mut json_bytes = 0;
        for mut item in items {
            let read = match &mut item.bytes {
                ItemBytes::Packed(packed) => {
                    let is_known = |sha256: &[u8; 32]| item.planned.is_known(sha256, self.known);
                    match self.inflate(packed, &is_known, memory, cap) {
                        Err((_, ReadFault::Container)) => {
                            // What is in it is found.
                            filled.seen.found = filled.seen.found.saturating_sub(1);
                            filled.refused.extend(packs.enter(item));
                            continue;
                        }
                        read if self.may_be_large() && is_over_cap(&read) => {
                            packs.put_off(item);
                            continue;
                        }
                        read => read,
                    }
                }
                ItemBytes::Read(read) => std::mem::replace(read, Err((None, ReadFault::Empty))),
                ItemBytes::Pipe(_) | ItemBytes::Stream(..) => {
                    packs.put_off(item);
                    continue;
                }
            };
            json_bytes += self.put_item(item, read, memory, cap, filled);
        }
        json_bytes
    }

    /// Reads one object that is larger than a batch.
    fn fill_alone<'s>(&'s self, packs: &Packs<'a>, item: Item, memory: &mut Memory<'a>) -> Filled<'s> {
        memory.buffers.clear();
        let cap = match &item.bytes {
            // It can't be more.
            ItemBytes::Stream(_, Some(text)) => (*text).min(self.budget.object_bytes),
            _ => self.budget.object_bytes,
        };
        let mut filled = Filled::new(self.room.take(budget::object_room(cap)));
        packs.has_room();
        let mut item = item;
        let bytes = std::mem::replace(&mut item.bytes, ItemBytes::Read(Err((None, ReadFault::Empty))));
        let read = match bytes {
            ItemBytes::Stream(open, _) => packs.read_stream(open, cap),
            ItemBytes::Pipe(mut reader) => {
                let path = item.planned.path();
                let read = self
                    .progress
                    .stages
                    .time(Stage::Inflate, || archive::read_pipe(&path, &mut reader, &mut memory.buffers, cap));
                packs.end_large();
                read.map_err(|error| (error.sha256, error.fault))
            }
            ItemBytes::Packed(mut packed) => {
                let is_known = |sha256: &[u8; 32]| item.planned.is_known(sha256, self.known);
                let read = self.inflate(&mut packed, &is_known, memory, cap);
                packs.end_large();
                if let Err((_, ReadFault::Container)) = read {
                    item.bytes = ItemBytes::Packed(packed);
                    filled.refused.extend(packs.enter(item));
                    return filled;
                }
                read
            }
            ItemBytes::Read(read) => {
                packs.end_large();
                read
            }
        };
        self.put_item(item, read, memory, cap, &mut filled);
        filled
    }

    fn inflate(
        &self,
        packed: &mut Packed,
        is_known: &dyn Fn(&[u8; 32]) -> bool,
        memory: &mut Memory<'_>,
        cap_bytes: u64,
    ) -> Result<Read, EntryFault> {
        self.progress.stages.time(Stage::Inflate, || packed.take(&mut memory.buffers, cap_bytes, is_known))
    }

    /// Puts a digest where those of files are.
    fn put_digest(
        &self,
        beside: &Beside,
        planned: &Planned,
        name: &str,
        read: &Result<Read, EntryFault>,
        filled: &mut Filled<'_>,
    ) {
        let Some(digests) = self.packs.as_ref().and_then(|packs| packs.digests) else { return };
        let (Beside::Digest, Ok(read)) = (beside, read) else { return };
        let object = planned.path();
        let mut digests = digests.lock().unwrap_or_else(PoisonError::into_inner);
        filled.failure = digests.add_read(name, &object.to_string_lossy(), read).err().or(filled.failure.take());
    }

    /// What stood as refused at the place of an object that is what was taken in.
    fn struck_there(&self, planned: &Planned) -> Option<Struck> {
        let path = planned.path();
        self.known
            .has_standing()
            .then(|| struck_by(&planned.refused_name(None), &path.to_string_lossy(), self.known))?
    }

    /// Adds what became of an object; the bytes of its JSON.
    fn put_item(
        &self,
        item: Item,
        read: Result<Read, EntryFault>,
        memory: &mut Memory<'a>,
        cap_bytes: u64,
        filled: &mut Filled<'_>,
    ) -> u64 {
        let read = metered(&item, read, cap_bytes);
        let Item { planned, pack, beside, name, .. } = item;
        if let Some(judged) = memory.proof.and_then(|proof| prove_known(&planned, &read, proof)) {
            filled.seen.known += 1;
            filled.proved.push(Proved { name: planned.name().to_owned(), path: planned.path(), judged });
            filled.struck.extend(self.struck_there(&planned));
            return 0;
        }
        if let Some(beside) = beside {
            let has_events = match &read {
                Ok(read) => archive::has_events(&read.bytes),
                Err((_, fault)) => matches!(fault, ReadFault::Known),
            };
            if !has_events {
                self.put_digest(&beside, &planned, &name, &read, filled);
                pack.note_beside(&beside, &mut filled.seen);
                return 0;
            }
        }
        self.progress.objects_total.fetch_add(1, Ordering::Relaxed);
        let read = read.map_err(|(sha256, fault)| ReadError { path: planned.path(), sha256, fault });
        let loaded = load(&planned, Some(read), memory, cap_bytes, self.known, self.progress);
        if matches!(loaded, Err(Untaken::Known)) {
            filled.struck.extend(self.struck_there(&planned));
        }
        match &loaded {
            Ok(_) => filled.packs.push(pack),
            Err(Untaken::Refused(entry)) => pack.note_refused(entry),
            Err(_) => {}
        }
        self.put(&planned, loaded, filled)
    }
}

/// Whether more memory may bring more of an object.
fn is_over_cap(read: &Result<Read, EntryFault>) -> bool {
    match read {
        Ok(read) => read.gaps.iter().any(Gap::is_over_cap),
        Err((_, fault)) => matches!(fault, ReadFault::OverCap { .. }),
    }
}

/// Refuses what is too much of all that its container may come to.
fn metered(item: &Item, read: Result<Read, EntryFault>, cap_bytes: u64) -> Result<Read, EntryFault> {
    let bytes = match &read {
        Ok(read) => read.bytes.len(),
        Err((_, ReadFault::OverCap { .. })) => usize::try_from(cap_bytes).unwrap_or(usize::MAX),
        Err(_) => return read,
    };
    match item.within.as_ref().map_or(Ok(()), |within| within.note_inflated(bytes)) {
        Ok(()) => read,
        Err(reason) => {
            let sha256 = match &read {
                Ok(read) => Some(read.sha256),
                Err((sha256, _)) => *sha256,
            };
            Err((sha256, ReadFault::Cut { offset_bytes: 0, reason }))
        }
    }
}

/// What digests say of an object that was taken in before anybody verified it; `None` where it is not the one that was
/// taken in.
fn prove_known(
    planned: &Planned,
    read: &Result<Read, EntryFault>,
    proof: &Proof,
) -> Option<Result<ObjectProof, String>> {
    let Identity::Changed(changed) = &planned.identity else { return None };
    let name = planned.name();
    let (sha256, judged) = match read {
        Ok(read) => (read.sha256, prove(proof, name, &read.bytes, &read.gaps)),
        Err((Some(sha256), fault)) => {
            let gap = Gap { offset_bytes: 0, reason: fault.to_string() };
            (*sha256, prove(proof, name, &[], &[gap]))
        }
        Err((None, _)) => return None,
    };
    let in_words = |error: super::error::IngestError| error.to_string();
    let is_it = changed.before.is_unproved && changed.before.sha256 == sha256;
    is_it.then(|| judged.map(|(proof, _)| proof).map_err(in_words))
}

impl Packs<'_> {
    /// Takes out of a batch what was taken before in this part; lets what is whole take the place of what was not.
    pub(super) fn claim_all(&self, filled: &mut Filled<'_>) {
        let Filled { objects, packs, refused, seen, .. } = filled;
        let mut packs = packs.iter();
        let mut is_taken = |loaded: &mut Loaded| {
            let pack = packs.next();
            let (name, size_bytes) = loaded.ledger_name();
            match self.claim(&name, size_bytes, &loaded.sha256, loaded.is_whole()) {
                Before::Nothing => true,
                Before::Same => {
                    seen.known += 1;
                    false
                }
                Before::Partial => {
                    loaded.take_again();
                    true
                }
                other @ (Before::Other | Before::OtherBytes) => {
                    let reason = match other {
                        Before::OtherBytes => {
                            "another object of the same name and size, but with other bytes, is in this archive"
                        }
                        _ => "another object of the same name but of another size is in this archive",
                    };
                    let entry = loaded.refused_as(reason.to_owned());
                    pack.iter().for_each(|pack| pack.note_refused(&entry));
                    refused.push(entry);
                    false
                }
            }
        };
        objects.retain_mut(|loaded| is_taken(loaded));
    }

    /// Reads what is in containers until there is no more, or somebody needs all memory, or nobody takes it.
    pub(super) fn read_ahead(&self, cap_bytes: u64, sender: &Sender<Handful>) {
        let mut buffers = Buffers::default();
        loop {
            let mut handful = match self.take(true) {
                Task::Pull(open) => self.pull(open, &mut buffers),
                Task::Open(planned, window_bytes) => self.open(&planned, window_bytes),
                Task::Large(_) | Task::EndBatch | Task::Done => return,
            };
            for item in &mut handful.items {
                let ItemBytes::Packed(packed) = &mut item.bytes else { continue };
                let is_known = |sha256: &[u8; 32]| item.planned.is_known(sha256, self.known);
                let inflate = || packed.take(&mut buffers, cap_bytes, &is_known);
                match self.progress.stages.time(Stage::Inflate, inflate) {
                    // It is read again by whoever opens it, or has memory for it.
                    Err((_, ReadFault::Container)) => {}
                    read if is_over_cap(&read) => {}
                    read => item.bytes = ItemBytes::Read(read),
                }
            }
            if sender.send(handful).is_err() {
                return;
            }
        }
    }
}
