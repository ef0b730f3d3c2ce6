//! Taking an export in: all of it in one commit, or nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::record_batch::RecordBatch;

use super::ledger::{ConflictLine, Line, ObjectLine};
use super::manifest::{FileLine, LEDGER, Manifest, digest_of};
use super::rows::Rows;
use super::source::Source;
use crate::iam::Catalog;
use crate::ingest::budget::{self, Budget};
use crate::ingest::committer::struck_by;
use crate::ingest::conflicts::{Doubt, conflicts};
use crate::ingest::dedup::{Claimed, Dedup};
use crate::ingest::error::IngestError;
use crate::ingest::replaced::row_key;
use crate::ingest::upkeep::{self, Days};
use crate::ingest::{PROBLEMS_MAX, with_threads};
use crate::store::{
    Commit, Conflict, DataFileWriter, DayCount, Known, LedgerEntry, Mode, StagedFile, Store, Table, Writer,
};
use crate::time::{format_date, parse_date};
use crate::usage;
use crate::util::hex::hex;
use crate::util::shown;

/// Records in doubt that are compared at once.
const DOUBTS_MAX: usize = 50_000;

/// Of the memory limit, what a file of an export may take, and what its rows may that are read at once.
const FILE_PART: u64 = 4;

/// What to take in, and with how much of the machine.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The file or folder; `-`: standard input.
    pub path: PathBuf,
    /// The SHA-256 that `export` said, where somebody knows it.
    pub sha256: Option<[u8; 32]>,
    /// Peak resident memory to stay below.
    pub memory_limit_bytes: u64,
    /// Threads for deriving usage.
    pub threads: usize,
    /// Who may read the store from now on; `None`: as it is.
    pub mode: Option<Mode>,
}

/// What an import came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The identity of the store that it is of.
    pub store_id: String,
    /// The snapshot of that store.
    pub source_snapshot: i64,
    /// The first and the last day of the export with events.
    pub days: Option<(i32, i32)>,
    /// How many days of it have events.
    pub day_count: u64,
    /// How many of them brought new events.
    pub days_changed: u64,
    /// Data files of the export.
    pub files: u64,
    /// Events new to the store.
    pub events: u64,
    /// Events that were there already, or whose days were pruned.
    pub known_events: u64,
    /// Events of stored ids that say something else; the store keeps the ones that it has.
    pub conflicts: u64,
    /// Log objects that the store knows from now on.
    pub objects: u64,
    /// Log objects that it knew.
    pub known_objects: u64,
    /// SHA-256 of the file, or of the folder's manifest.
    pub sha256: [u8; 32],
    /// Problems in words, the first of them.
    pub problems: Vec<String>,
    /// All problems.
    pub problem_count: u64,
    /// The store's newest snapshot.
    pub snapshot: i64,
}

impl Imported {
    fn problem(&mut self, text: impl FnOnce() -> String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text());
        }
    }
}

/// Takes an export in. What is there already stays as it is: importing it again changes nothing.
///
/// # Errors
/// An export that is not whole, was altered or is none; the store, the disk. Nothing is changed then.
pub fn import(store: &Store, options: &ImportOptions, catalog: &Catalog) -> Result<Imported, IngestError> {
    let Budget { threads, .. } = Budget::new(options.memory_limit_bytes, options.threads, 0)?;
    with_threads(threads, || take(store, options, catalog))
}

fn take(store: &Store, options: &ImportOptions, catalog: &Catalog) -> Result<Imported, IngestError> {
    let mut source = Source::open(&options.path)?;
    let (manifest, of_manifest) = source.manifest()?;
    let limit_bytes = options.memory_limit_bytes;
    check_sizes(&source, &manifest, limit_bytes)?;
    let mut writer = store.writer()?;
    let snapshot = store.snapshot_with(None, &[])?;
    let pruned = store.pruned()?.before;
    let mut taken = Taken {
        staging: writer.staging(),
        store,
        place: format!("{}:{}", manifest.store.id, manifest.store.snapshot),
        dedup: Dedup::new(&snapshot, &writer.staging()).keeping_from(pruned),
        seen_bytes: limit_bytes * 3 / 16,
        file_bytes: limit_bytes / FILE_PART,
        staged: Vec::new(),
        days: BTreeMap::new(),
        doubts: Vec::new(),
        conflicts: Vec::new(),
        sum: Imported {
            store_id: manifest.store.id.clone(),
            source_snapshot: manifest.store.snapshot,
            files: manifest.files.len() as u64,
            ..Imported::default()
        },
    };
    let ledger = digest_of(&manifest.ledger.sha256).unwrap_or_default();
    let ledger = source.next(LEDGER, manifest.ledger.bytes, &ledger)?;
    let (entries, told) = lines(&source, &manifest, &ledger)?;
    drop(ledger);
    for line in &manifest.files {
        let content = source.next(&line.path, line.bytes, &digest_of(&line.sha256).unwrap_or_default())?;
        taken.file(line, content).map_err(|fault| fault.of(&source, line))?;
    }
    taken.settle()?;
    taken.sum.sha256 = source.finish(&manifest, of_manifest)?;
    compare(options, &taken.sum)?;
    let dates: BTreeSet<i32> = manifest.files.iter().filter_map(|line| parse_date(&line.day)).collect();
    taken.sum.day_count = dates.len() as u64;
    taken.sum.days = dates.first().copied().zip(dates.last().copied());
    options.mode.map_or(Ok(()), |mode| writer.set_mode(mode))?;
    let told = told.into_iter().filter(|conflict| pruned.is_none_or(|before| conflict.event_date >= before));
    taken.commit(&mut writer, entries, told.collect(), catalog, limit_bytes)
}

/// Compares with what somebody was told.
fn compare(options: &ImportOptions, sum: &Imported) -> Result<(), IngestError> {
    match options.sha256 {
        Some(expected) if expected != sum.sha256 => Err(IngestError::Transfer {
            path: options.path.clone(),
            what: format!(
                "its SHA-256 is {}, not {}: it is not what was exported, or was altered on its way",
                hex(&sum.sha256),
                hex(&expected)
            ),
        }),
        _ => Ok(()),
    }
}

/// Turns away what would take more memory than there is.
fn check_sizes(source: &Source, manifest: &Manifest, limit_bytes: u64) -> Result<(), IngestError> {
    let most = limit_bytes / FILE_PART;
    let files = manifest.files.iter().map(|file| (file.path.as_str(), file.bytes));
    match files.chain([(LEDGER, manifest.ledger.bytes)]).find(|(_, bytes)| *bytes > most) {
        Some((name, bytes)) => Err(source.fault(format!(
            "{name} has {bytes} bytes, and a file is read whole: a quarter of --memory-limit at the most\n\
             hint: raise --memory-limit, or export fewer days at once"
        ))),
        None => Ok(()),
    }
}

/// Reads the lines of the ledger.
fn lines(source: &Source, manifest: &Manifest, text: &[u8]) -> Result<(Vec<LedgerEntry>, Vec<Conflict>), IngestError> {
    let (mut entries, mut conflicts) = (Vec::new(), Vec::new());
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let odd = || source.fault(format!("{LEDGER}, line {}: it makes no sense", at + 1));
        match serde_json::from_slice::<Line>(line).map_err(|_| odd())? {
            Line::Object(object) => entries.push(ObjectLine::entry(object).ok_or_else(odd)?),
            Line::Conflict(conflict) => conflicts.push(ConflictLine::conflict(conflict).ok_or_else(odd)?),
        }
    }
    let mut names = HashSet::new();
    let twice = entries.iter().find(|entry: &&LedgerEntry| !names.insert(entry.name.clone()));
    if let Some(twice) = twice {
        return Err(source.fault(format!("{LEDGER} has {} twice", shown::name(&twice.name))));
    }
    let (objects, of_conflicts) = (entries.len() as u64, conflicts.len() as u64);
    if (objects, of_conflicts) != (manifest.ledger.objects, manifest.ledger.conflicts) {
        return Err(source.fault(format!("{LEDGER} doesn't have as many lines as the manifest says")));
    }
    Ok((entries, conflicts))
}

/// Why a file could not be taken.
enum Fault {
    /// It is none, in words.
    File(String),
    /// What has nothing to do with it.
    Other(IngestError),
}

impl Fault {
    fn of(self, source: &Source, line: &FileLine) -> IngestError {
        match self {
            Fault::File(what) => source.fault(format!("{}: {what}", line.path)),
            Fault::Other(error) => error,
        }
    }
}

impl<E: Into<IngestError>> From<E> for Fault {
    fn from(error: E) -> Fault {
        Fault::Other(error.into())
    }
}

/// What was taken so far.
struct Taken<'a> {
    staging: PathBuf,
    store: &'a Store,
    /// Which export it is, for places of conflicts.
    place: String,
    dedup: Dedup,
    /// Memory for the ids of events.
    seen_bytes: u64,
    /// Memory for rows.
    file_bytes: u64,
    staged: Vec<StagedFile>,
    /// New events by day, account and region.
    days: BTreeMap<(i32, String, String), u64>,
    doubts: Vec<Doubt>,
    conflicts: Vec<Conflict>,
    sum: Imported,
}

impl Taken<'_> {
    /// Takes the rows of a file that are new, and notes those that may say something else than a stored event.
    fn file(&mut self, line: &FileLine, content: Vec<u8>) -> Result<(), Fault> {
        let date = line.date().map_err(Fault::File)?;
        let mut rows = Rows::open(content, date, self.file_bytes).map_err(Fault::File)?;
        let place = format!("{}/{}", self.place, line.path);
        let mut writer: Option<DataFileWriter> = None;
        self.dedup.begin_claim(self.seen_bytes);
        let mut read = 0;
        while let Some(batch) = rows.next().map_err(Fault::File)? {
            let is_new = self.claim(&batch, date, (Path::new(&place), read))?;
            read += batch.num_rows() as u64;
            let new = filter_record_batch(&batch, &is_new).map_err(IngestError::from)?;
            if new.num_rows() == 0 {
                continue;
            }
            self.count(&new, date);
            let mut open = match writer.take() {
                Some(writer) => writer,
                None => DataFileWriter::create(&self.staging, Table::Events, date)?,
            };
            open.write(&new)?;
            writer = Some(open);
        }
        if read != line.rows {
            return Err(Fault::File(format!("it has {read} rows, the manifest says {}", line.rows)));
        }
        self.staged.extend(writer.map(DataFileWriter::finish).transpose()?);
        Ok(())
    }

    /// Which rows are new.
    fn claim(&mut self, batch: &RecordBatch, date: i32, place: (&Path, u64)) -> Result<BooleanArray, Fault> {
        let times = batch.column_by_name("event_time");
        let times = times.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let times = times.ok_or_else(|| Fault::File("it doesn't say when its events were".to_owned()))?.clone();
        let mut is_new = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            // Each id has the same fingerprint: within an export an event stands once, and a second is none of its own.
            let claimed = self.dedup.claim(times.value(row), row_key(batch, row), 1)?;
            is_new.push(claimed == Claimed::New);
            match claimed {
                Claimed::New => self.sum.events += 1,
                Claimed::Same => self.sum.known_events += 1,
                Claimed::Doubtful => {
                    self.sum.known_events += 1;
                    self.doubts.push(Doubt::of_row((batch, row), date, place.0, place.1 + row as u64));
                }
            }
        }
        if self.doubts.len() >= DOUBTS_MAX {
            self.settle()?;
        }
        Ok(BooleanArray::from(is_new))
    }

    fn count(&mut self, batch: &RecordBatch, date: i32) {
        let column = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let columns = [column("recipient_account_id"), column("aws_region")];
        for row in 0..batch.num_rows() {
            let [account, region] = columns.map(|column| {
                column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row)).to_owned()
            });
            *self.days.entry((date, account, region)).or_default() += 1;
        }
    }

    /// Compares the events in doubt with those of the store.
    fn settle(&mut self) -> Result<(), IngestError> {
        let doubts = std::mem::take(&mut self.doubts);
        let found = conflicts(doubts, self.store, &[], &[])?.conflicts;
        for (conflict, _) in found {
            self.sum.conflicts += 1;
            self.sum.known_events -= 1;
            self.sum.problem(|| {
                format!(
                    "the event {} of {} has other content than the one in the store, which is kept",
                    shown::name(&conflict.event_id),
                    format_date(conflict.event_date)
                )
            });
            self.conflicts.push(conflict);
        }
        Ok(())
    }

    /// Makes all of it visible, with the usage of its days.
    fn commit(
        mut self,
        writer: &mut Writer,
        entries: Vec<LedgerEntry>,
        told: Vec<Conflict>,
        catalog: &Catalog,
        limit_bytes: u64,
    ) -> Result<Imported, IngestError> {
        let known = writer.known_objects()?;
        let stored = self.store.conflicts()?;
        let key = |conflict: &Conflict| (conflict.event_id.clone(), conflict.path.clone(), conflict.index);
        let mut stored: HashSet<_> = stored.iter().map(key).collect();
        let conflicts = std::mem::take(&mut self.conflicts).into_iter().chain(told);
        let conflicts: Vec<Conflict> = conflicts.filter(|conflict| stored.insert(key(conflict))).collect();
        let day =
            |((event_date, account_id, aws_region), events)| DayCount { event_date, account_id, aws_region, events };
        let mut commit = Commit {
            objects: self.new_objects(writer, entries, &known)?,
            add: std::mem::take(&mut self.staged),
            days: std::mem::take(&mut self.days).into_iter().map(day).collect(),
            conflicts,
            message: "import".to_owned(),
            may_lack_objects: true,
            ..Commit::default()
        };
        commit.instead = share(&mut commit.objects, self.sum.events);
        commit.struck = commit.objects.iter().filter_map(|entry| struck_by(&entry.name, &entry.path, &known)).collect();
        let dates: BTreeSet<i32> = commit.add.iter().map(|file| file.event_date).collect();
        self.sum.days_changed = dates.len() as u64;
        let is_changed = !(commit.add.is_empty() && commit.objects.is_empty() && commit.conflicts.is_empty());
        if is_changed {
            let memory = Days::beside_each_other(writer, limit_bytes);
            upkeep::derive_along(writer, &mut commit, catalog, &memory)?;
            writer.commit(&commit)?;
        }
        usage::refresh_months(writer, usage::MONTH_ROWS_MIN, budget::month_rows(limit_bytes))?;
        self.sum.snapshot = self.store.newest()?;
        Ok(self.sum)
    }

    /// The objects that the store doesn't know, and those of which it lacks records that came here whole.
    fn new_objects(
        &mut self,
        writer: &Writer,
        entries: Vec<LedgerEntry>,
        known: &Known,
    ) -> Result<Vec<LedgerEntry>, IngestError> {
        let mut new = Vec::new();
        for mut entry in entries {
            if known.size_bytes(&entry.name).is_some() {
                let sha256 = writer.known_digest(&entry.name)?;
                entry.is_again = known.is_partial(&entry.name) && entry.broken.is_empty();
                if !entry.is_again {
                    self.sum.known_objects += 1;
                    if sha256.is_some() && entry.sha256.is_some() && sha256 != entry.sha256 {
                        let name = &entry.name;
                        self.sum.problem(|| {
                            format!("{}: it was taken in here with other bytes, which is kept", shown::name(name))
                        });
                    }
                    continue;
                }
            }
            self.sum.objects += 1;
            new.push(entry);
        }
        Ok(new)
    }
}

/// Says of each object how many of the new events count as its own: as many as it brought first where it was taken in, as
/// far as there are; the others of its records are duplicates here. What is left came without an object.
fn share(entries: &mut [LedgerEntry], events: u64) -> u64 {
    let mut left = events;
    for entry in entries {
        entry.events = entry.events.min(left);
        left -= entry.events;
        entry.duplicates = entry.records.saturating_sub(entry.broken.len() as u64 + entry.events);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_new_event_counts_once() {
        let entry = |records: u64, events: u64| {
            let mut entry = LedgerEntry::refused("a", Path::new("/a"), 1, None, String::new(), None);
            (entry.refused, entry.records, entry.events) = (None, records, events);
            entry
        };
        for (events, expected, left) in
            [(9, [(5, 1), (3, 0)], 1), (8, [(5, 1), (3, 0)], 0), (6, [(5, 1), (1, 2)], 0), (0, [(0, 6), (0, 3)], 0)]
        {
            let mut entries = [entry(6, 5), entry(3, 3)];
            assert_eq!(share(&mut entries, events), left, "{events}");
            assert_eq!(entries.map(|entry| (entry.events, entry.duplicates)), expected, "{events}");
        }
    }
}
