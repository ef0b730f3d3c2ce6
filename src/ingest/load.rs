//! Reading and parsing one object: what is taken of it, what digests say of it, or why it is refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::Progress;
use super::mended::Elements;
use super::parse::{Parsed, Unread, parse_bytes};
use super::planned::{Changed, Identity, Planned, changed_size};
use super::proving::prove;
use super::queue::Handful;
use super::read::read_object;
use super::read_ahead::ReadAhead;
use super::timings::{Stage, Timings};
use crate::archive::{self, At, Gap, ObjectKey, Read, ReadError, ReadFault, RefusedElement};
use crate::iam::{Resolver, SharedCache};
use crate::record::{Dictionaries, ParsedObject, Record, Redacted};
use crate::store::{
    ALTERED, BrokenEntry, FarEvents, Known, LedgerEntry, NO_LOG, Neighbours, OTHER_LOG, ObjectProof, ObjectVerdict,
    Stray,
};
use crate::time::{self, MICROS_PER_DAY};
use crate::util::shown;
use crate::verify::Proof;

/// Accounts, regions and days of stray events that are told apart for one object.
const STRAYS_MAX: usize = 64;

/// A log object in memory, parsed.
pub(super) struct Loaded {
    pub planned: Planned,
    /// Where it was read: of several copies one.
    pub path: Box<Path>,
    pub sha256: [u8; 32],
    pub size_bytes: u64,
    pub object: ParsedObject,
    /// Positions and places of the records, where they are not those of `object`.
    places: Option<Vec<(u64, u64)>>,
    /// What was masked in the bytes of `object`.
    redacted: Redacted,
    /// Elements that hold no event.
    refused: Vec<RefusedElement>,
    /// Positions of those of them that bytes are missing of.
    gaps: Vec<u64>,
    /// What digests say of it, where somebody asked.
    pub proof: Option<ObjectProof>,
    /// Whether it is proved and takes the place of one that is not.
    pub is_displacing: bool,
    /// Size of its JSON.
    pub json_bytes: u64,
}

/// What a worker keeps from batch to batch: room, and what it worked out once.
pub(super) struct Memory<'c> {
    pub buffers: archive::Buffers,
    /// Where it finds small objects already read, if another thread reads them.
    pub ahead: Option<ReadAhead<'c>>,
    /// What digests say, if somebody asks.
    pub proof: Option<&'c Proof>,
    /// Likewise what is in containers.
    pub members: Option<Receiver<Handful>>,
    /// Whether secrets are masked.
    redact: bool,
    /// Copies of what was read that are refused, although it is taken.
    pub copies_refused: Vec<LedgerEntry>,
    pub dictionaries: Dictionaries,
    pub resolver: Option<Resolver<'c>>,
    /// Memory for the usage of a batch: what takes more is written.
    pub usage_bytes: u64,
    /// What the steps of other threads have found, if there are others.
    pub common: Option<Arc<SharedCache>>,
}

impl<'c> Memory<'c> {
    /// Nothing yet but objects that another thread reads, and what other threads find. It will keep room for a batch of
    /// so many bytes, and hold so many of its usage.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    pub fn with(
        ahead: Option<ReadAhead<'c>>,
        common: Option<Arc<SharedCache>>,
        (batch_bytes, usage_bytes): (u64, u64),
        redact: bool,
    ) -> Self {
        let buffers = archive::Buffers::keeping(batch_bytes as usize);
        Memory {
            buffers,
            ahead,
            proof: None,
            members: None,
            redact,
            copies_refused: Vec::new(),
            dictionaries: Dictionaries::default(),
            resolver: None,
            usage_bytes,
            common,
        }
    }

    /// Ends a batch.
    pub fn recycle(&mut self, objects: Vec<Loaded>) {
        objects.into_iter().for_each(|loaded| self.buffers.recycle(loaded.object.into_bytes()));
        self.dictionaries.tidy();
    }
}

/// An object that was not taken.
pub(super) enum Untaken {
    /// It is refused.
    Refused(Box<LedgerEntry>),
    /// It was taken in before.
    Known,
    /// It is no object, but files in one.
    Container,
    /// Somebody asked for an end.
    Stopped,
}

/// Reads, if it wasn't read before, and parses one object; a copy of it where the first is bad.
///
/// # Errors
/// An object that is not taken.
pub(super) fn load(
    planned: &Planned,
    before: Option<Result<Read, ReadError>>,
    memory: &mut Memory<'_>,
    cap_bytes: u64,
    known: &Known,
    progress: &Progress,
) -> Result<Loaded, Untaken> {
    let read =
        |at: At<'_>, memory: &mut Memory<'_>| read_object(planned, at, &mut memory.buffers, cap_bytes, known, progress);
    let path = planned.path();
    let first = before.unwrap_or_else(|| read(planned.at(&path), memory));
    let mut best = parse(planned, &path, first, memory, known, &progress.stages);
    let mut copies = planned.copies.iter();
    let mut others = Vec::new();
    while !is_final(&best)
        && let Some(place) = copies.next()
    {
        let copy = read(place.at(), memory);
        let mut copy = parse(&planned.copied(place), &place.path, copy, memory, known, &progress.stages);
        if copy.as_ref().is_ok_and(|copy| best.is_err() || copy.is_whole()) {
            std::mem::swap(&mut best, &mut copy);
        }
        others.push(copy);
    }
    let Ok(loaded) = &best else {
        memory.copies_refused.extend(others.into_iter().filter_map(altered_copy));
        return best;
    };
    for place in copies {
        // What can't be read says nothing else.
        if archive::digest(place.at()).is_ok_and(|sha256| sha256 != loaded.sha256) {
            let copy = read(place.at(), memory);
            others.push(parse(&planned.copied(place), &place.path, copy, memory, known, &progress.stages));
        }
    }
    memory.copies_refused.extend(others.into_iter().filter_map(|other| loaded.contradicted(other)));
    best
}

/// The refusal of a copy that is altered, under its place: the name is that of the object.
fn altered_copy(copy: Result<Loaded, Untaken>) -> Option<LedgerEntry> {
    let Err(Untaken::Refused(entry)) = copy else { return None };
    let is_altered = entry.refused.as_ref().is_some_and(|(reason, _)| reason.starts_with(ALTERED));
    is_altered.then(|| LedgerEntry { name: archive::place_of(Path::new(&entry.path)), ..*entry })
}

/// Whether no copy can be better.
fn is_final(read: &Result<Loaded, Untaken>) -> bool {
    match read {
        Ok(loaded) => loaded.is_whole(),
        Err(untaken) => !matches!(untaken, Untaken::Refused(_)),
    }
}

fn parse(
    planned: &Planned,
    path: &Path,
    read: Result<Read, ReadError>,
    memory: &mut Memory<'_>,
    known: &Known,
    stages: &Timings,
) -> Result<Loaded, Untaken> {
    let is_beside = matches!(planned.identity, Identity::Place(None)) && planned.is_beside_logs();
    let refuse = |size_bytes, sha256: Option<[u8; 32]>, unread: Unread| {
        let Unread { reason, offset_bytes: offset, other } = unread;
        let reason = match other {
            Some(kind) if !planned.is_by_hand => format!("{OTHER_LOG}: {kind}"),
            _ => reason,
        };
        let is_foreign = ["foreign", "empty"].iter().any(|kind| reason.starts_with(kind));
        let reason = if is_beside && is_foreign { format!("{NO_LOG}: {reason}") } else { reason };
        let name = planned.refused_name(sha256.as_ref());
        Untaken::Refused(Box::new(LedgerEntry::refused(&name, path, size_bytes, sha256, reason, offset)))
    };
    let read = match read {
        Ok(read) => read,
        Err(ReadError { fault: ReadFault::Known, .. }) => return Err(Untaken::Known),
        Err(ReadError { fault: ReadFault::Stopped, .. }) => return Err(Untaken::Stopped),
        Err(error) if matches!(error.fault, ReadFault::Container) => {
            let changed = || matches!(planned.identity, Identity::Changed(_)).then(|| CHANGED.to_owned());
            return match altered_unread(memory.proof, planned, &error).or_else(changed) {
                Some(reason) => {
                    Err(refuse(planned.size_bytes, None, Unread { reason, offset_bytes: None, other: None }))
                }
                None => Err(Untaken::Container),
            };
        }
        Err(error) => {
            let before = || altered_before(planned, &error.sha256()?, known);
            let unread = match altered_unread(memory.proof, planned, &error).or_else(before) {
                Some(reason) => Unread { reason, offset_bytes: error.offset_bytes(), other: None },
                None => Unread::from(&error),
            };
            return Err(refuse(planned.size_bytes, error.sha256(), unread));
        }
    };
    let (sha256, size_bytes) = (read.sha256, read.size_bytes);
    let Read { bytes, gaps, .. } = read;
    // What has no path of its own, or was read by another thread, wasn't asked for before.
    if planned.is_known(&sha256, known) {
        return Err(Untaken::Known);
    }
    let refuse_whole = |reason| refuse(size_bytes, Some(sha256), Unread { reason, offset_bytes: None, other: None });
    let proof = match memory.proof.zip(planned.listed_name()) {
        None => None,
        Some((proof, name)) => match stages.time(Stage::Inflate, || prove(proof, &name, &bytes, &gaps)) {
            Ok((proof, None)) => Some(proof),
            Ok((_, Some(altered))) => return Err(refuse_whole(altered)),
            Err(error) => return Err(refuse_whole(format!("not verified: {error}"))),
        },
    };
    // Only a signed digest outweighs what the ledger has.
    if proof.as_ref().is_none_or(|proof| proof.verdict != ObjectVerdict::Valid)
        && let Some(altered) = altered_before(planned, &sha256, known)
    {
        return Err(refuse_whole(altered));
    }
    let is_proved = proof.as_ref().is_some_and(|proof| proof.verdict == ObjectVerdict::Valid);
    let planned = match &planned.identity {
        Identity::Changed(changed) => match instead(planned, changed, is_proved, size_bytes, &bytes) {
            Ok(planned) => planned,
            Err(None) => return Err(Untaken::Known),
            Err(Some(reason)) => return Err(refuse_whole(reason)),
        },
        _ => planned.clone(),
    };
    let is_displacing = is_proved && matches!(planned.identity, Identity::Again(_));
    // It is the ledger's of that name alone.
    let proof = proof.filter(|_| planned.is_named());
    let parsed = stages.time(Stage::Parse, || parse_bytes(bytes, gaps, memory.redact, &mut memory.dictionaries));
    let parsed = parsed.map_err(|unread| refuse(size_bytes, Some(sha256), unread))?;
    let Parsed { object, places, redacted, refused, gaps, json_bytes } = parsed;
    let path = path.into();
    Ok(Loaded {
        planned,
        path,
        sha256,
        size_bytes,
        object,
        places,
        redacted,
        refused,
        gaps,
        proof,
        is_displacing,
        json_bytes,
    })
}

/// How the reason begins where other bytes lie under a name that is known.
const CHANGED: &str =
    "changed: the same name as an object taken in earlier, but other bytes; the store keeps the first";

/// As what an object is taken of whose name is known, with other bytes; else why it is not, where it is not the same.
fn instead(
    planned: &Planned,
    changed: &Changed,
    is_proved: bool,
    size_bytes: u64,
    bytes: &[u8],
) -> Result<Planned, Option<String>> {
    let before = &changed.before;
    // Packed anew, it is what it was.
    if before.content_sha256.is_some_and(|content| content == archive::sha256(bytes)) {
        return Err(None);
    }
    match () {
        // A proved one takes the place of any, and a whole one that of one of which records were kept out.
        () if is_proved || before.is_partial && !before.is_proved => {
            let mut again = planned.clone();
            again.identity = Identity::Again(Box::new(before.sha256));
            Ok(again)
        }
        () if planned.is_by_hand => Ok(planned.clone().into_placed()),
        () if before.size_bytes != size_bytes => Err(Some(changed_size(before.size_bytes, size_bytes))),
        () => Err(Some(CHANGED.to_owned())),
    }
}

/// Why an object that is not sound was altered, if a digest lists it.
fn altered_unread(proof: Option<&Proof>, planned: &Planned, error: &ReadError) -> Option<String> {
    // What there is no memory for is not known.
    let is_unknown = matches!(error.fault, ReadFault::Io(_) | ReadFault::OverCap { .. } | ReadFault::Window(_));
    let proof = proof.filter(|_| !is_unknown)?;
    let gap = Gap { offset_bytes: 0, reason: error.reason() };
    prove(proof, &planned.listed_name()?, &[], &[gap]).ok()?.1
}

/// Why the ledger has these bytes as altered, under the name by which digests list the object; under any, if it has
/// none.
fn altered_before(planned: &Planned, sha256: &[u8; 32], known: &Known) -> Option<String> {
    let listed = |name: &str| {
        let file = name.rsplit('/').next().unwrap_or(name);
        let canonical = ObjectKey::parse(file).canonical_name;
        canonical.or_else(|| ObjectKey::parse(&format!("{file}.json")).canonical_name)
    };
    let mut altered = known.altered(sha256).iter();
    let is_same = |name: &str| planned.listed_name().is_none_or(|own| listed(name).is_none_or(|name| name == own));
    altered.find(|(name, _)| is_same(name)).map(|(_, reason)| reason.clone())
}

impl Loaded {
    /// Its name in the ledger, and its size as stored.
    pub fn ledger_name(&self) -> (String, u64) {
        (self.planned.ledger_name(&self.sha256), self.size_bytes)
    }

    /// Lets it take the place of one of its name that was taken before.
    pub fn take_again(&mut self) {
        self.planned.identity = Identity::Again(Box::new(self.sha256));
    }

    /// The ledger's entry where it is refused after all.
    pub fn refused_as(&self, reason: String) -> LedgerEntry {
        let name = self.planned.refused_name(Some(&self.sha256));
        // The name is that of the object that was taken.
        let name = if self.planned.is_named() { self.path.to_string_lossy().into_owned() } else { name };
        LedgerEntry::refused(&name, &self.path, self.size_bytes, Some(self.sha256), reason, None)
    }

    /// Why a copy is refused although the object is taken: it is altered, or says something else. What can't be read
    /// gives way to what can.
    fn contradicted(&self, copy: Result<Loaded, Untaken>) -> Option<LedgerEntry> {
        let fingerprints =
            |loaded: &Loaded| -> Vec<u64> { loaded.object.records().iter().map(|record| record.fingerprint).collect() };
        match copy {
            Ok(copy) if copy.sha256 != self.sha256 && fingerprints(&copy) != fingerprints(self) => {
                let reason = format!(
                    "another object of the same name in this archive has other content; the store has the one in {}",
                    shown::path(&self.path)
                );
                let name = archive::place_of(&copy.path);
                Some(LedgerEntry::refused(&name, &copy.path, copy.size_bytes, Some(copy.sha256), reason, None))
            }
            copy => altered_copy(copy),
        }
    }

    /// New events of another account, region or time than its name says, where no digest proves that they are its own.
    pub fn strays(&self, new: &[bool], dictionaries: &mut Dictionaries) -> Vec<Stray> {
        let is_proved = self.proof.as_ref().is_some_and(|proof| proof.verdict == ObjectVerdict::Valid);
        if is_proved || !self.planned.is_named() {
            return Vec::new();
        }
        let key = ObjectKey::parse(&format!("{}.json", self.planned.name()));
        let place = [key.account_id, key.region].map(|word| dictionaries.number(word.as_deref().unwrap_or_default()));
        let delivered = key.delivery_time.map(|time| time.and_utc().timestamp_micros());
        // What happened shortly before midnight is delivered in the first hour of the day after.
        let days = delivered.map(|us| [time::day_of(us - MICROS_PER_DAY / 24), time::day_of(us)]);
        let mut strays: BTreeMap<(Option<i32>, [u32; 2]), u64> = BTreeMap::new();
        for (record, _) in self.object.records().iter().zip(new).filter(|(_, new)| **new) {
            let own = ParsedObject::place_of(record);
            let is_of_day = days.is_some_and(|days| days.contains(&record.event_date));
            if own == place && is_of_day {
                continue;
            }
            let of = (Some(record.event_date), own);
            let has_room = strays.len() < STRAYS_MAX || strays.contains_key(&of);
            *strays.entry(if has_room { of } else { (None, [0, 0]) }).or_default() += 1;
        }
        let word = |number: u32| dictionaries.word(number).unwrap_or_default().to_owned();
        let stray = |((day, [account, region]), events): ((Option<i32>, [u32; 2]), u64)| match day {
            Some(_) => Stray { account_id: word(account), region: word(region), day, events },
            None => Stray { account_id: String::new(), region: String::new(), day, events },
        };
        strays.into_iter().map(stray).collect()
    }

    /// Whether more memory would bring more of it.
    pub fn is_cut_by_cap(&self) -> bool {
        self.refused.iter().any(|element| element.reason.starts_with(archive::OVER_CAP))
    }

    /// Whether nothing of it was kept out.
    pub fn is_whole(&self) -> bool {
        self.refused.is_empty() && self.object.broken().is_empty()
    }

    /// Position and place of a sound record in the object.
    pub fn place_of(&self, sound: usize, record: &Record) -> (u64, u64) {
        // Those kept out stand between the sound ones.
        let index = self.object.broken().iter().fold(sound, |index, broken| index + usize::from(broken.index <= index));
        self.place(index, self.object.offset(record))
    }

    /// Positions and keys of its events.
    pub fn events(&self) -> Vec<(u64, u128)> {
        let mut broken = self.object.broken().iter().map(|broken| broken.index).peekable();
        let mut index = 0;
        let position = |record: &Record| {
            // Those kept out stand between the sound ones.
            while broken.next_if_eq(&index).is_some() {
                index += 1;
            }
            index += 1;
            (self.place(index - 1, 0).0, record.event_key)
        };
        self.object.records().iter().map(position).collect()
    }

    /// Events far from the time that its name has. CloudTrail delivers within minutes; it never delivers what is to
    /// come.
    pub fn far_events(&self) -> Option<FarEvents> {
        const LONG_BEFORE_US: i64 = MICROS_PER_DAY;
        // The name has the minute, and clocks differ.
        const AFTER_US: i64 = 15 * 60_000_000;
        if !matches!(self.planned.identity, Identity::Name | Identity::Again(_)) {
            return None;
        }
        let name = self.planned.name();
        let time_us = ObjectKey::parse(&format!("{name}.json")).delivery_time?.and_utc().timestamp_micros();
        let near = time_us - LONG_BEFORE_US..=time_us + AFTER_US;
        let times = self.object.records().iter().map(|record| record.event_time_us).filter(|time| !near.contains(time));
        times.fold(None, |far, time_us| {
            let far = far.unwrap_or(FarEvents {
                name: name.to_owned(),
                events: 0,
                first_time_us: time_us,
                last_time_us: time_us,
            });
            let (first_time_us, last_time_us) = (far.first_time_us.min(time_us), far.last_time_us.max(time_us));
            Some(FarEvents { events: far.events + 1, first_time_us, last_time_us, ..far })
        })
    }

    /// What is kept out of it, in order.
    pub fn unsound(&self) -> Vec<BrokenEntry> {
        let neighbours = Neighbours::default();
        let refused = self.refused.iter().map(|element| BrokenEntry {
            index: element.index,
            offset_bytes: element.offset_bytes,
            reason: element.reason.clone(),
            neighbours,
        });
        let broken = self.object.broken().iter().map(|record| {
            let (index, offset_bytes) = self.place(record.index, record.offset);
            BrokenEntry { index, offset_bytes, reason: record.reason.to_string(), neighbours }
        });
        let mut broken: Vec<BrokenEntry> = refused.chain(broken).collect();
        broken.sort_by_key(|entry| entry.index);
        broken
    }

    /// The same with what stands beside each.
    pub fn kept_out(&self) -> Vec<BrokenEntry> {
        let mut broken = self.unsound();
        if broken.is_empty() {
            return broken;
        }
        let kept_out: Vec<u64> = broken.iter().map(|entry| entry.index).collect();
        let elements = Elements { name: "", events: &self.events(), kept_out: &kept_out };
        for entry in &mut broken {
            entry.neighbours = elements.neighbours(entry.index, |index| self.gaps.contains(&index));
        }
        broken
    }

    /// Position and place in the object of what has these in the list of records.
    fn place(&self, index: usize, offset: usize) -> (u64, u64) {
        let place = self.places.as_ref().and_then(|places| places.get(index));
        place.copied().unwrap_or_else(|| (index as u64, self.redacted.original(offset as u64)))
    }
}
