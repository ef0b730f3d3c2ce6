//! One batch: a bounded list of log objects → data files of a day each that nobody sees yet.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, StringArray, TypedDictionaryArray};
use arrow::datatypes::UInt32Type;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use super::ahead::Ahead;
use super::days::write_days;
use super::error::IngestError;
use super::plan::{Planned, refused_entry};
use super::seen::Seen;
use super::stages::{Stage, Stages};
use crate::archive::{self, Read, ReadError};
use crate::iam::{Catalog, Common, Step};
use crate::record::{self, ParsedObject, Record, Vocabulary};
use crate::store::{BrokenEntry, DayCount, LedgerEntry, StagedFile};
use crate::time::days_of;
use crate::usage::{Aggregator, Counted, EventColumns, SharedCalls};

/// A log object in memory, parsed.
pub(super) struct Loaded {
    planned: Planned,
    sha256: [u8; 32],
    object: ParsedObject,
    /// Size of its JSON.
    pub json_bytes: u64,
}

/// What a worker keeps from batch to batch: room, and what it worked out once.
pub(super) struct Memory<'c> {
    pub buffers: archive::Buffers,
    /// Where it finds small objects already read, if another thread reads them.
    pub ahead: Option<Ahead<'c>>,
    /// Whether secrets are masked.
    redact: bool,
    vocabulary: Vocabulary,
    step: Option<Step<'c>>,
    /// What the steps of other threads have found, if there are others.
    common: Option<Arc<Common>>,
}

impl<'c> Memory<'c> {
    /// Nothing yet but objects that another thread reads, and what other threads find. It will keep room for a batch of so
    /// many bytes.
    pub fn with(ahead: Option<Ahead<'c>>, common: Option<Arc<Common>>, batch_bytes: u64, redact: bool) -> Self {
        let buffers = archive::Buffers::keeping(batch_bytes as usize);
        Memory { buffers, ahead, redact, vocabulary: Vocabulary::default(), step: None, common }
    }

    /// Ends a batch.
    pub fn recycle(&mut self, objects: Vec<Loaded>) {
        objects.into_iter().for_each(|loaded| self.buffers.recycle(loaded.object.into_bytes()));
        self.vocabulary.tidy();
    }
}

/// Reads, if it wasn't read before, and parses one object; a copy of it where the first is bad.
///
/// # Errors
/// The ledger's entry for an object that is refused.
#[expect(clippy::result_large_err, reason = "one a refused object; boxing it would only move it")]
pub(super) fn load(
    planned: &Planned,
    before: Option<Result<Read, ReadError>>,
    memory: &mut Memory<'_>,
    cap_bytes: u64,
    stages: &Stages,
) -> Result<Loaded, LedgerEntry> {
    let read = |path: &Path, memory: &mut Memory<'_>| {
        stages.time(Stage::Inflate, || archive::read(path, &mut memory.buffers, cap_bytes))
    };
    let path = planned.path();
    let first = before.unwrap_or_else(|| read(&path, memory));
    let first = parse(planned, &path, first, memory, stages);
    if first.is_ok() {
        return first;
    }
    let copy = planned.copies.iter().find_map(|path| {
        let copy = read(path, memory);
        parse(planned, path, copy, memory, stages).ok()
    });
    copy.map_or(first, Ok)
}

#[expect(clippy::result_large_err, reason = "as above")]
fn parse(
    planned: &Planned,
    path: &Path,
    read: Result<Read, ReadError>,
    memory: &mut Memory<'_>,
    stages: &Stages,
) -> Result<Loaded, LedgerEntry> {
    let refuse =
        |sha256, reason, offset| refused_entry(planned.name(), path, planned.size_bytes, sha256, reason, offset);
    let read = read.map_err(|error| refuse(error.sha256(), error.reason(), error.offset_bytes()))?;
    let sha256 = read.sha256;
    let mut json = stages
        .time(Stage::Parse, || archive::normalise(read.bytes))
        .map_err(|error| refuse(Some(sha256), error.to_string(), error.offset_bytes()))?;
    let json_bytes = json.len() as u64;
    if memory.redact {
        stages.time(Stage::Parse, || record::redact(&mut json));
    }
    let object = stages
        .time(Stage::Parse, || ParsedObject::parse(json, &mut memory.vocabulary))
        .map_err(|error| refuse(Some(sha256), error.reason.to_owned(), Some(error.offset as u64)))?;
    Ok(Loaded { planned: planned.clone(), sha256, object, json_bytes })
}

/// The events of a batch that are new, and what each object brought.
pub(super) struct Claim {
    /// For each object, for each of its records: whether it is new.
    new: Vec<Vec<bool>>,
}

/// Claims the events of a batch: from now on they are known.
pub(super) fn claim(objects: &[Loaded], seen: &mut Seen) -> Result<Claim, IngestError> {
    let mut claim = Claim { new: Vec::with_capacity(objects.len()) };
    for loaded in objects {
        let mut new = Vec::with_capacity(loaded.object.records().len());
        for record in loaded.object.records() {
            new.push(seen.claim(record.event_time_us, record.event_key)?);
        }
        claim.new.push(new);
    }
    Ok(claim)
}

/// What a batch came to.
#[derive(Default)]
pub(super) struct Converted {
    pub files: Vec<StagedFile>,
    pub usage: Counted,
    /// By day, what there is of calls between accounts.
    pub shared: BTreeMap<i32, SharedCalls>,
    /// The first object's day, as its name says it.
    pub date: Option<i32>,
    pub objects: Vec<LedgerEntry>,
    pub days: Vec<DayCount>,
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
    stages: &Stages,
) -> Result<Converted, IngestError> {
    let date = objects.first().and_then(|loaded| loaded.planned.date).map(days_of);
    let mut converted = Converted { objects: refused, date, ..Default::default() };
    let mut by_day: BTreeMap<i32, Vec<(&ParsedObject, &Record)>> = BTreeMap::new();
    for (loaded, new) in objects.iter().zip(&claim.new) {
        converted.json_bytes += loaded.json_bytes;
        converted.objects.push(ledger_entry(loaded, new));
        for (record, _) in loaded.object.records().iter().zip(new).filter(|(_, new)| **new) {
            by_day.entry(record.event_date).or_default().push((&loaded.object, record));
        }
    }
    let step = memory.step.take().unwrap_or_else(|| Step::with_others(catalog, memory.common.clone()));
    let mut aggregator = Aggregator::resume(step);
    let vocabulary = &mut memory.vocabulary;
    let files = write_days(staging, stages, is_beside, |write| {
        for (event_date, mut records) in by_day {
            let mut counts: HashMap<(String, String), u64> = HashMap::new();
            let mut batches = stages.time(Stage::Encode, || record::encode(&mut records, vocabulary));
            while let Some(batch) = stages.time(Stage::Encode, || batches.next()) {
                let batch = batch?;
                write(event_date, &batch)?;
                let columns = EventColumns::try_new(&batch)?;
                stages.time(Stage::Usage, || {
                    aggregator.add(&columns, |_| true);
                    aggregator.bound();
                    converted.shared.entry(event_date).or_default().add(&batch, &columns)
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
    converted.files = files;
    memory.step = Some(stages.time(Stage::Usage, || {
        let (mut counted, used) = aggregator.finish();
        counted.bound();
        converted.usage = counted;
        used
    }));
    Ok(converted)
}

fn ledger_entry(loaded: &Loaded, new: &[bool]) -> LedgerEntry {
    let events = new.iter().filter(|new| **new).count() as u64;
    let broken = loaded.object.broken().iter().map(|record| BrokenEntry {
        index: record.index as u64,
        offset_bytes: record.offset as u64,
        reason: record.reason.to_string(),
    });
    let broken: Vec<BrokenEntry> = broken.collect();
    LedgerEntry {
        name: loaded.planned.name().to_owned(),
        path: loaded.planned.path().to_string_lossy().into_owned(),
        size_bytes: loaded.planned.size_bytes,
        sha256: Some(loaded.sha256),
        records: (new.len() + broken.len()) as u64,
        events,
        duplicates: new.len() as u64 - events,
        broken,
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
