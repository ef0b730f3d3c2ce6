//! One batch: a bounded list of log objects of one day → data files that nobody sees yet.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, StringArray};
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use super::error::IngestError;
use super::plan::{Planned, refused_entry};
use super::seen::Seen;
use super::stages::{Stage, Stages};
use crate::archive;
use crate::iam::{Catalog, Step};
use crate::record::{self, ParsedObject, Record};
use crate::store::{BrokenEntry, DataFileWriter, DayCount, LedgerEntry, StagedFile, Table};
use crate::usage::{Aggregator, EventColumns, UsageRow};

/// A log object in memory, parsed.
pub(super) struct Loaded {
    planned: Planned,
    sha256: [u8; 32],
    object: ParsedObject,
    /// Size of its JSON.
    pub json_bytes: u64,
}

impl Loaded {
    /// Gives the room of its text back.
    pub fn recycle(self, buffers: &mut archive::Buffers) {
        buffers.recycle(self.object.into_bytes());
    }
}

/// Reads and parses one object; a copy of it where the first is bad.
///
/// # Errors
/// The ledger's entry for an object that is refused.
#[expect(clippy::result_large_err, reason = "one a refused object; boxing it would only move it")]
pub(super) fn load(
    planned: &Planned,
    buffers: &mut archive::Buffers,
    cap_bytes: u64,
    stages: &Stages,
) -> Result<Loaded, LedgerEntry> {
    let first = load_path(planned, &planned.path, buffers, cap_bytes, stages);
    if first.is_ok() {
        return first;
    }
    let copy = planned.copies.iter().find_map(|path| load_path(planned, path, buffers, cap_bytes, stages).ok());
    copy.map_or(first, Ok)
}

#[expect(clippy::result_large_err, reason = "as above")]
fn load_path(
    planned: &Planned,
    path: &Path,
    buffers: &mut archive::Buffers,
    cap_bytes: u64,
    stages: &Stages,
) -> Result<Loaded, LedgerEntry> {
    let refuse =
        |sha256, reason, offset| refused_entry(&planned.name, path, planned.size_bytes, sha256, reason, offset);
    let read = stages
        .time(Stage::Inflate, || archive::read(path, buffers, cap_bytes))
        .map_err(|error| refuse(error.sha256(), error.reason(), error.offset_bytes()))?;
    let sha256 = read.sha256;
    let json = stages
        .time(Stage::Parse, || archive::normalise(read.bytes))
        .map_err(|error| refuse(Some(sha256), error.to_string(), error.offset_bytes()))?;
    let json_bytes = json.len() as u64;
    let object = stages
        .time(Stage::Parse, || ParsedObject::parse(json))
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
    seen.begin_claim();
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
    pub usage: Vec<UsageRow>,
    /// Days with copies of calls that other accounts made.
    pub foreign_days: Vec<i32>,
    /// Days with copies of such calls by their callers' accounts.
    pub shared_days: Vec<i32>,
    pub objects: Vec<LedgerEntry>,
    pub days: Vec<DayCount>,
    pub json_bytes: u64,
}

/// Turns the new events of a batch into one data file a day, and their usage. The step is kept from batch to batch for
/// what it remembers.
pub(super) fn convert<'c>(
    objects: &[Loaded],
    claim: &Claim,
    refused: Vec<LedgerEntry>,
    step: &mut Option<Step<'c>>,
    catalog: &'c Catalog,
    staging: &Path,
    stages: &Stages,
) -> Result<Converted, IngestError> {
    let mut converted = Converted { objects: refused, ..Default::default() };
    let mut by_day: BTreeMap<i32, Vec<(&ParsedObject, &Record)>> = BTreeMap::new();
    for (loaded, new) in objects.iter().zip(&claim.new) {
        converted.json_bytes += loaded.json_bytes;
        converted.objects.push(ledger_entry(loaded, new));
        for (record, _) in loaded.object.records().iter().zip(new).filter(|(_, new)| **new) {
            by_day.entry(record.event_date).or_default().push((&loaded.object, record));
        }
    }
    let mut aggregator = Aggregator::resume(step.take().unwrap_or_else(|| Step::new(catalog)));
    let mut counts: HashMap<(String, String), u64> = HashMap::new();
    for (event_date, mut records) in by_day {
        let mut writer = DataFileWriter::create(staging, Table::Events, event_date)?;
        let mut batches = stages.time(Stage::Encode, || record::encode(&mut records));
        while let Some(batch) = stages.time(Stage::Encode, || batches.next()) {
            let batch = batch?;
            stages.time(Stage::Write, || writer.write(&batch))?;
            let columns = EventColumns::try_new(&batch)?;
            stages.time(Stage::Usage, || aggregator.add(&columns, |_| true));
            count(&batch, &mut counts);
        }
        converted.files.push(stages.time(Stage::Write, || writer.finish())?);
        converted.days.extend(counts.drain().map(|((account_id, aws_region), events)| DayCount {
            event_date,
            account_id,
            aws_region,
            events,
        }));
    }
    converted.foreign_days = aggregator.foreign_days().to_vec();
    converted.shared_days = aggregator.shared_days().to_vec();
    let (usage, used) = stages.time(Stage::Usage, || aggregator.finish());
    converted.usage = usage;
    *step = Some(used);
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
        name: loaded.planned.name.clone(),
        path: loaded.planned.path.to_string_lossy().into_owned(),
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
    let text = |name: &str| batch.column_by_name(name).and_then(|c| c.as_any().downcast_ref::<StringArray>());
    let (Some(accounts), Some(regions)) = (text("recipient_account_id"), text("aws_region")) else { return };
    fn value(array: &StringArray, row: usize) -> &str {
        if array.is_valid(row) { array.value(row) } else { "" }
    }
    let mut runs: HashMap<(&str, &str), u64> = HashMap::new();
    for row in 0..batch.num_rows() {
        *runs.entry((value(accounts, row), value(regions, row))).or_default() += 1;
    }
    for ((account, region), events) in runs {
        *counts.entry((account.to_owned(), region.to_owned())).or_default() += events;
    }
}
