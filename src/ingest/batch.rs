//! One batch: a bounded list of log objects → data files of a day each that nobody sees yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, StringArray, TypedDictionaryArray};
use arrow::datatypes::UInt32Type;
use arrow::record_batch::RecordBatch;
use crossbeam_channel::Receiver;
use hashbrown::HashMap;

use super::Progress;
use super::conflicts::Doubt;
use super::day_writer::write_days;
use super::dedup::{Claimed, Dedup};
use super::error::IngestError;
use super::mended::{Elements, Standing};
use super::packs::{Handful, Seen};
use super::plan::{Identity, Planned, refused_entry};
use super::proving::{Proved, prove};
use super::read::read_object;
use super::read_ahead::ReadAhead;
use super::timings::{Stage, Timings};
use super::usage_files::write_counted;
use crate::archive::{self, Gap, Normal, ObjectKey, Read, ReadError, ReadFault, RefusedElement};
use crate::iam::{Catalog, Resolver, SharedCache};
use crate::record::{self, Dictionaries, ParsedObject, Record, Redacted};
use crate::store::{
    BrokenEntry, DayCount, FarEvents, KeptOut, Known, LedgerEntry, NO_LOG, Neighbours, OTHER_LOG, ObjectProof,
    ObjectVerdict, StagedFile, Struck,
};
use crate::time::{MICROS_PER_DAY, days_of};
use crate::usage::{Aggregator, EventColumns, Rollup, SharedCalls};
use crate::verify::Proof;

/// A log object in memory, parsed.
pub(super) struct Loaded {
    planned: Planned,
    /// Where it was read: of several copies one.
    path: Box<Path>,
    sha256: [u8; 32],
    size_bytes: u64,
    object: ParsedObject,
    /// Positions and places of the records, where they are not those of `object`.
    places: Option<Vec<(u64, u64)>>,
    /// What was masked in the bytes of `object`.
    redacted: Redacted,
    /// Elements that hold no event.
    refused: Vec<RefusedElement>,
    /// Positions of those of them that bytes are missing of.
    gaps: Vec<u64>,
    /// What digests say of it, where somebody asked.
    proof: Option<ObjectProof>,
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
    dictionaries: Dictionaries,
    resolver: Option<Resolver<'c>>,
    /// Memory for the usage of a batch: what takes more is written.
    usage_bytes: u64,
    /// What the steps of other threads have found, if there are others.
    common: Option<Arc<SharedCache>>,
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
    let read = |path: &Path, memory: &mut Memory<'_>| {
        read_object(planned, path, &mut memory.buffers, cap_bytes, known, progress)
    };
    let path = planned.path();
    let first = before.unwrap_or_else(|| read(&path, memory));
    let mut best = parse(planned, &path, first, memory, known, &progress.stages);
    for path in &planned.copies {
        match &best {
            Ok(loaded) if loaded.is_whole() => break,
            Err(Untaken::Known | Untaken::Stopped | Untaken::Container) => break,
            _ => {}
        }
        let copy = read(path, memory);
        let copy = parse(planned, path, copy, memory, known, &progress.stages);
        if copy.as_ref().is_ok_and(|copy| best.is_err() || copy.is_whole()) {
            best = copy;
        }
    }
    best
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
        Untaken::Refused(Box::new(refused_entry(&name, path, size_bytes, sha256, reason, offset)))
    };
    let read = match read {
        Ok(read) => read,
        Err(ReadError { fault: ReadFault::Known, .. }) => return Err(Untaken::Known),
        Err(ReadError { fault: ReadFault::Stopped, .. }) => return Err(Untaken::Stopped),
        Err(ReadError { fault: ReadFault::Container, .. }) => return Err(Untaken::Container),
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
    // It is the ledger's of that name alone.
    let proof = proof.filter(|_| planned.is_named());
    let parsed = stages.time(Stage::Parse, || parse_bytes(bytes, gaps, memory.redact, &mut memory.dictionaries));
    let parsed = parsed.map_err(|unread| refuse(size_bytes, Some(sha256), unread))?;
    let Parsed { object, places, redacted, refused, gaps, json_bytes } = parsed;
    let (planned, path) = (planned.clone(), path.into());
    Ok(Loaded { planned, path, sha256, size_bytes, object, places, redacted, refused, gaps, proof, json_bytes })
}

/// Why an object that is not sound was altered, if a digest lists it.
fn altered_unread(proof: Option<&Proof>, planned: &Planned, error: &ReadError) -> Option<String> {
    let proof = proof.filter(|_| !matches!(error.fault, ReadFault::Io(_)))?;
    let gap = Gap { offset_bytes: 0, reason: error.reason() };
    prove(proof, &planned.listed_name()?, &[], &[gap]).ok()?.1
}

/// Why the ledger has these bytes as altered, under the name by which digests list the object; under any, if it has none.
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

struct Parsed {
    object: ParsedObject,
    places: Option<Vec<(u64, u64)>>,
    redacted: Redacted,
    refused: Vec<RefusedElement>,
    /// Positions of those of them that bytes are missing of.
    gaps: Vec<u64>,
    json_bytes: u64,
}

impl Parsed {
    /// Notes where bytes are missing. What was cut there is refused for that reason; where it is between two elements
    /// the missing ones are an element themselves.
    fn note(&mut self, gap: Gap) {
        let places = self.places.as_deref().unwrap_or_default();
        let last = places.iter().map(|(_, offset)| *offset).filter(|offset| *offset < gap.offset_bytes).max();
        let is_cut = |element: &&mut RefusedElement| {
            element.offset_bytes < gap.offset_bytes && last.is_none_or(|last| element.offset_bytes > last)
        };
        if let Some(cut) = self.refused.iter_mut().rfind(is_cut) {
            cut.reason = gap.reason;
            self.gaps.push(cut.index);
            return;
        }
        let index = (self.object.records().len() + self.object.broken().len() + self.refused.len()) as u64;
        self.refused.push(RefusedElement { index, offset_bytes: gap.offset_bytes, reason: gap.reason });
        self.gaps.push(index);
    }
}

/// Why nothing is taken of an object.
struct Unread {
    reason: String,
    offset_bytes: Option<u64>,
    /// What it is, where it is a known log of another kind.
    other: Option<&'static str>,
}

impl Unread {
    fn new(reason: String, offset_bytes: u64) -> Unread {
        Unread { reason, offset_bytes: Some(offset_bytes), other: None }
    }
}

impl From<&ReadError> for Unread {
    fn from(error: &ReadError) -> Unread {
        let other = if let ReadFault::Other(kind) = error.fault { Some(kind) } else { None };
        Unread { reason: error.reason(), offset_bytes: error.offset_bytes(), other }
    }
}

/// Parses inflated bytes, some of which may be missing.
fn parse_bytes(
    bytes: Vec<u8>,
    gaps: Vec<Gap>,
    redact: bool,
    dictionaries: &mut Dictionaries,
) -> Result<Parsed, Unread> {
    let parsed = parse_sound(bytes, redact, dictionaries);
    let mut parsed = match gaps.first() {
        // Where nothing can be taken, that is why.
        Some(gap) => parsed.map_err(|_| Unread::new(gap.reason.clone(), gap.offset_bytes))?,
        None => parsed?,
    };
    gaps.into_iter().for_each(|gap| parsed.note(gap));
    Ok(parsed)
}

/// Parses inflated bytes; piece by piece, where they are not sound as a whole.
fn parse_sound(bytes: Vec<u8>, redact: bool, dictionaries: &mut Dictionaries) -> Result<Parsed, Unread> {
    let normal = archive::normalise(bytes)
        .map_err(|error| Unread { other: error.other, ..Unread::new(error.reason, error.offset_bytes) })?;
    let json_bytes = normal.json.len() as u64;
    let Normal { mut json, places, refused } = normal;
    let redacted = if redact { record::redact(&mut json) } else { Redacted::default() };
    let (error, json) = match ParsedObject::parse_or_return(json, dictionaries) {
        Ok(object) => return Ok(Parsed { object, places, redacted, refused, gaps: Vec::new(), json_bytes }),
        Err(refused) => refused,
    };
    let error = Unread::new(error.reason.to_owned(), redacted.original(error.offset as u64));
    if places.is_some() {
        return Err(error);
    }
    let Ok(Normal { json: mut sound, mut places, mut refused }) = archive::salvage(&json) else { return Err(error) };
    drop(json);
    places.iter_mut().flatten().for_each(|(_, offset)| *offset = redacted.original(*offset));
    refused.iter_mut().for_each(|element| element.offset_bytes = redacted.original(element.offset_bytes));
    if redact {
        // Brackets that are unsound may have hidden some.
        record::redact(&mut sound);
    }
    let object = ParsedObject::parse(sound, dictionaries).map_err(|_| error)?;
    Ok(Parsed { object, places, redacted: Redacted::default(), refused, gaps: Vec::new(), json_bytes })
}

/// The events of a batch that are new, and what each object brought.
pub(super) struct Claim {
    /// For each object, for each of its records: whether it is new.
    new: Vec<Vec<bool>>,
    /// Objects and their records that are not new and may say something else than what is there.
    doubtful: Vec<(usize, usize)>,
    /// Records that had been kept out and have come now.
    mended: Vec<(String, u64)>,
}

/// Claims the events of a batch: from now on they are known.
pub(super) fn claim(objects: &[Loaded], seen: &mut Dedup, standing: &mut Standing) -> Result<Claim, IngestError> {
    let mended = mended(objects, standing);
    let mut claim = Claim { new: Vec::with_capacity(objects.len()), doubtful: Vec::new(), mended };
    for (at, loaded) in objects.iter().enumerate() {
        let mut new = Vec::with_capacity(loaded.object.records().len());
        for (index, record) in loaded.object.records().iter().enumerate() {
            let claimed = seen.claim(record.event_time_us, record.event_key, record.fingerprint)?;
            if claimed == Claimed::Doubtful {
                claim.doubtful.push((at, index));
            }
            new.push(claimed == Claimed::New);
        }
        claim.new.push(new);
    }
    Ok(claim)
}

/// Which records that were kept out of earlier objects, or of others of the batch, have come; those that are kept out
/// now stand from here on.
fn mended(objects: &[Loaded], standing: &mut Standing) -> Vec<(String, u64)> {
    for loaded in objects.iter().filter(|loaded| !loaded.is_whole()) {
        let (name, broken) = (loaded.planned.ledger_name(&loaded.sha256), loaded.kept_out());
        for BrokenEntry { index, neighbours, .. } in broken {
            standing.add(KeptOut { name: name.clone(), index, neighbours });
        }
    }
    if standing.is_empty() {
        return Vec::new();
    }
    let of_object = |loaded: &Loaded| {
        let (name, events) = (loaded.planned.ledger_name(&loaded.sha256), loaded.events());
        let kept_out: Vec<u64> = loaded.unsound().iter().map(|entry| entry.index).collect();
        standing.mended_by(&Elements { name: &name, events: &events, kept_out: &kept_out })
    };
    objects.iter().flat_map(of_object).collect()
}

/// What a batch came to.
#[derive(Default)]
pub(super) struct Converted {
    pub files: Vec<StagedFile>,
    pub usage: Rollup,
    /// By day, what there is of calls between accounts.
    pub shared: BTreeMap<i32, SharedCalls>,
    /// The first object's day, as its name says it.
    pub date: Option<i32>,
    pub objects: Vec<LedgerEntry>,
    pub days: Vec<DayCount>,
    /// Records that may say something else than those of the same id.
    pub doubts: Vec<Doubt>,
    /// How many objects were known by their content.
    pub known: u64,
    /// What was found in containers.
    pub seen: Seen,
    /// What digests say of what was taken in before.
    pub proved: Vec<Proved>,
    /// What stands as refused although it is known.
    pub struck: Vec<Struck>,
    /// Records that had been kept out and have come since.
    pub mended: Vec<(String, u64)>,
    pub json_bytes: u64,
}

/// Turns the new events of a batch into one data file a day, and their usage. `is_beside`: another thread is to write.
pub(super) fn convert<'c>(
    objects: &[Loaded],
    claim: &Claim,
    refused: Vec<LedgerEntry>,
    memory: &mut Memory<'c>,
    catalog: &'c Catalog,
    (staging, is_beside): (&Path, bool),
    stages: &Timings,
) -> Result<Converted, IngestError> {
    let date = objects.first().and_then(|loaded| loaded.planned.date).map(days_of);
    let (doubts, mended) = (doubts(objects, claim), claim.mended.clone());
    let mut converted = Converted { objects: refused, date, doubts, mended, ..Default::default() };
    let mut by_day: BTreeMap<i32, Vec<(&ParsedObject, &Record)>> = BTreeMap::new();
    for (loaded, new) in objects.iter().zip(&claim.new) {
        converted.json_bytes += loaded.json_bytes;
        converted.objects.push(ledger_entry(loaded, new));
        for (record, _) in loaded.object.records().iter().zip(new).filter(|(_, new)| **new) {
            by_day.entry(record.event_date).or_default().push((&loaded.object, record));
        }
    }
    let resolver = memory.resolver.take().unwrap_or_else(|| Resolver::with_others(catalog, memory.common.clone()));
    let mut aggregator = Aggregator::resume(resolver);
    let usage_bytes = memory.usage_bytes;
    let dictionaries = &mut memory.dictionaries;
    let files = write_days(staging, stages, is_beside, |write| {
        for (event_date, mut records) in by_day {
            let mut counts: HashMap<(String, String), u64> = HashMap::new();
            let mut batches = stages.time(Stage::Encode, || record::encode(&mut records, dictionaries));
            while let Some(batch) = stages.time(Stage::Encode, || batches.next()) {
                let batch = batch?;
                write(event_date, &batch)?;
                let columns = EventColumns::try_new(&batch)?;
                stages.time(Stage::Usage, || {
                    aggregator.add_bounded(
                        &columns,
                        |_| true,
                        |aggregator| {
                            aggregator.bound();
                            if aggregator.size_bytes() > usage_bytes {
                                converted.files.extend(write_counted(staging, &aggregator.take())?);
                            }
                            Ok::<_, IngestError>(())
                        },
                    )?;
                    Ok::<_, IngestError>(converted.shared.entry(event_date).or_default().add(&batch, &columns)?)
                })?;
                count(&batch, &mut counts);
            }
            converted.days.extend(counts.into_iter().map(|((account_id, aws_region), events)| DayCount {
                event_date,
                account_id,
                aws_region,
                events,
            }));
        }
        Ok(())
    })?;
    converted.files.extend(files);
    memory.resolver = Some(stages.time(Stage::Usage, || {
        let (mut counted, used) = aggregator.finish();
        counted.bound();
        converted.usage = counted;
        used
    }));
    Ok(converted)
}

/// The records that are in doubt, but for those that differ in nothing but the order of keys and the like.
fn doubts(objects: &[Loaded], claim: &Claim) -> Vec<Doubt> {
    let doubt = |(at, index): &(usize, usize)| {
        let loaded = objects.get(*at)?;
        let record = loaded.object.records().get(*index)?;
        let place = loaded.place_of(*index, record);
        Doubt::new(&loaded.object, record, &loaded.path, place)
    };
    claim.doubtful.iter().filter_map(doubt).collect()
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
        refused_entry(&name, &self.path, self.size_bytes, Some(self.sha256), reason, None)
    }

    /// Whether nothing of it was kept out.
    pub fn is_whole(&self) -> bool {
        self.refused.is_empty() && self.object.broken().is_empty()
    }

    /// Position and place of a sound record in the object.
    fn place_of(&self, sound: usize, record: &Record) -> (u64, u64) {
        // Those kept out stand between the sound ones.
        let index = self.object.broken().iter().fold(sound, |index, broken| index + usize::from(broken.index <= index));
        self.place(index, self.object.offset(record))
    }

    /// Positions and keys of its events.
    fn events(&self) -> Vec<(u64, u128)> {
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

    /// Events far from the time that its name has. CloudTrail delivers within minutes; it never delivers what is to come.
    fn far_events(&self) -> Option<FarEvents> {
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
    fn unsound(&self) -> Vec<BrokenEntry> {
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
    fn kept_out(&self) -> Vec<BrokenEntry> {
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

fn ledger_entry(loaded: &Loaded, new: &[bool]) -> LedgerEntry {
    let events = new.iter().filter(|new| **new).count() as u64;
    let broken = loaded.kept_out();
    LedgerEntry {
        name: loaded.planned.ledger_name(&loaded.sha256),
        path: loaded.path.to_string_lossy().into_owned(),
        size_bytes: loaded.size_bytes,
        sha256: Some(loaded.sha256),
        records: (new.len() + broken.len()) as u64,
        events,
        duplicates: new.len() as u64 - events,
        broken,
        is_again: matches!(loaded.planned.identity, Identity::Again(_)),
        proof: loaded.proof.clone(),
        far: loaded.far_events(),
        refused: None,
    }
}

/// Counts a batch's rows by account and region.
fn count(batch: &RecordBatch, counts: &mut HashMap<(String, String), u64>) {
    let words = |name: &str| {
        let column = batch.column_by_name(name)?.as_dictionary_opt::<UInt32Type>()?;
        column.downcast_dict::<StringArray>()
    };
    let (Some(accounts), Some(regions)) = (words("recipient_account_id"), words("aws_region")) else { return };
    let mut runs: HashMap<(Option<u32>, Option<u32>), u64> = HashMap::new();
    for pair in accounts.keys().iter().zip(regions.keys().iter()) {
        *runs.entry(pair).or_default() += 1;
    }
    let word = |words: &TypedDictionaryArray<'_, UInt32Type, StringArray>, place: Option<u32>| {
        place.map_or(String::new(), |place| words.values().value(place as usize).to_owned())
    };
    for ((account, region), events) in runs {
        *counts.entry((word(&accounts, account), word(&regions, region))).or_default() += events;
    }
}
