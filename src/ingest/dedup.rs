//! Which events the store has already: the ids of the hours that the ingest is at, the rest spilled to disk.
//!
//! CloudTrail delivers at least once and archives overlap, so duplicates are the normal case. Copies of an event carry
//! the same time, so only the ids of its hour have to be at hand. Objects come in the order of their days: the hours
//! that were touched longest ago are the ones to spill.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::error::IngestError;
use crate::record::{EVENT_KEY_COLUMNS, key_of_record, stored_event_key, to_json};
use crate::store::{DataFile, RowPredicate, Snapshot, Table, create_or_replace_private, read_batches};
use crate::time::MICROS_PER_DAY;

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const HOURS_PER_DAY: i64 = MICROS_PER_DAY / MICROS_PER_HOUR;

/// Bytes that an id takes in a hash table: itself, its record's fingerprint, and its share of the empty places and
/// marks.
const ID_BYTES: u64 = 35;

/// An id in four parts, so that nothing is lost between it and what stands beside it.
type Id = [u32; 4];

/// Ids, and beside each the fingerprint of the record that had it first.
type Ids = HashMap<Id, u32, foldhash::fast::RandomState>;

/// The fingerprint of a record that was read from the store: its bytes are not known.
const UNKNOWN: u32 = 0;

/// Bytes of an id and a fingerprint on the disk.
const SPILLED_BYTES: usize = 20;

/// What is known of a record that asks for its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// No other had the id: it has it now.
    New,
    /// Another of the same bytes has it.
    Same,
    /// Another has it, and may say something else.
    Doubtful,
}

#[expect(clippy::cast_possible_truncation, reason = "slices of a key, and days of readable times, have 32 bits")]
fn id_of(key: u128) -> Id {
    [96, 64, 32, 0].map(|shift| (key >> shift) as u32)
}

/// The ids of the events of one hour.
struct Hour {
    /// `None` while spilled.
    ids: Option<Ids>,
    /// When it was last touched, in claims.
    touched: u64,
}

/// The ids of every event in the store, as far as they are needed.
pub(super) struct Dedup {
    files: HashMap<i32, Vec<DataFile>>,
    hours: HashMap<i64, Hour>,
    limit_bytes: u64,
    held: u64,
    clock: u64,
    spill: PathBuf,
    /// Days before it were pruned: what comes of them counts as known.
    keeps_from: i32,
}

impl Dedup {
    /// Starts from what a snapshot has; what of the ids cannot be held is in files below `spill`.
    pub fn new(snapshot: &Snapshot, spill: &Path) -> Dedup {
        let mut files: HashMap<i32, Vec<DataFile>> = HashMap::new();
        for file in snapshot.files(Table::Events) {
            files.entry(file.event_date).or_default().push(file.clone());
        }
        let spill = spill.to_owned();
        Dedup { files, hours: HashMap::new(), limit_bytes: 0, held: 0, clock: 0, spill, keeps_from: i32::MIN }
    }

    /// The same, which knows all events of days before one that were pruned.
    pub fn keeping_from(mut self, day: Option<i32>) -> Dedup {
        self.keeps_from = day.unwrap_or(i32::MIN);
        self
    }

    /// Begins a claim, while `limit_bytes` of ids may be held: hours touched from here on are newer than all before.
    pub fn begin_claim(&mut self, limit_bytes: u64) {
        self.clock += 1;
        self.limit_bytes = limit_bytes;
    }

    /// Bytes of ids that are held.
    pub fn held_bytes(&self) -> u64 {
        self.held * ID_BYTES
    }

    /// Whether an event is new; if so, it is known from now on.
    #[expect(clippy::cast_possible_truncation, reason = "slices of a key, and days of readable times, have 32 bits")]
    pub fn claim(&mut self, event_time_us: i64, event_key: u128, fingerprint: u64) -> Result<Claimed, IngestError> {
        let hour = event_time_us.div_euclid(MICROS_PER_HOUR);
        let day = hour.div_euclid(HOURS_PER_DAY) as i32;
        if day < self.keeps_from {
            return Ok(Claimed::Same);
        }
        if let Some(files) = self.files.remove(&day) {
            self.load(&files)?;
        }
        // Half of it tells two records apart well enough; the seed is another one in each process.
        self.insert(hour, event_key, (fingerprint as u32).max(UNKNOWN + 1))
    }

    /// Adds an id to an hour; whether it is new there.
    fn insert(&mut self, hour: i64, key: u128, fingerprint: u32) -> Result<Claimed, IngestError> {
        let clock = self.clock;
        let entry = self.hours.entry(hour).or_insert_with(|| Hour { ids: Some(Ids::default()), touched: clock });
        entry.touched = clock;
        if entry.ids.is_none() {
            let ids = unspill(&spill_path(&self.spill, hour))?;
            self.held += ids.len() as u64;
            entry.ids = Some(ids);
        }
        let Some(ids) = entry.ids.as_mut() else { return Ok(Claimed::New) };
        let claimed = match ids.entry(id_of(key)) {
            Entry::Vacant(vacant) => {
                vacant.insert(fingerprint);
                self.held += 1;
                Claimed::New
            }
            Entry::Occupied(known) if *known.get() == fingerprint => Claimed::Same,
            Entry::Occupied(mut known) => {
                // It is compared now; the next of the same bytes need not be.
                if *known.get() == UNKNOWN {
                    known.insert(fingerprint);
                }
                Claimed::Doubtful
            }
        };
        if self.held_bytes() > self.limit_bytes {
            self.spill_oldest(hour)?;
        }
        Ok(claimed)
    }

    /// Reads the ids of a day from the store.
    fn load(&mut self, files: &[DataFile]) -> Result<(), IngestError> {
        for file in files {
            let mut has_nameless = false;
            for batch in read_batches(file, Some(&EVENT_KEY_COLUMNS), None)? {
                let batch = batch?;
                for (row, hour) in hours(&batch) {
                    match stored_event_key(&batch, row) {
                        Some(key) => drop(self.insert(hour, key, UNKNOWN)?),
                        None => has_nameless = true,
                    }
                }
            }
            if has_nameless {
                self.load_nameless(file)?;
            }
        }
        Ok(())
    }

    /// Events without an id are told by all they say: their whole rows are read.
    fn load_nameless(&mut self, file: &DataFile) -> Result<(), IngestError> {
        let is_nameless = |batch: RecordBatch| -> Result<BooleanArray, ArrowError> {
            Ok((0..batch.num_rows()).map(|row| Some(stored_event_key(&batch, row).is_none())).collect())
        };
        let predicate =
            RowPredicate { columns: &EVENT_KEY_COLUMNS, dictionaries: false, wanted: Box::new(is_nameless) };
        for batch in read_batches(file, None, Some(predicate))? {
            let batch = batch?;
            for (row, hour) in hours(&batch) {
                self.insert(hour, key_of_record(&to_json(&batch, row)), UNKNOWN)?;
            }
        }
        Ok(())
    }

    /// Spills the hours that were touched longest ago, `but` apart, until half of the limit is free.
    fn spill_oldest(&mut self, but: i64) -> Result<(), IngestError> {
        let mut oldest: Vec<(u64, i64)> = self
            .hours
            .iter()
            .filter(|(hour, h)| **hour != but && h.ids.as_ref().is_some_and(|ids| !ids.is_empty()))
            .map(|(hour, h)| (h.touched, *hour))
            .collect();
        oldest.sort_unstable();
        for (_, hour) in oldest {
            if self.held_bytes() <= self.limit_bytes / 2 {
                break;
            }
            if let Some(ids) = self.hours.get_mut(&hour).and_then(|h| h.ids.take()) {
                self.held -= ids.len() as u64;
                spill(&spill_path(&self.spill, hour), &ids)?;
            }
        }
        Ok(())
    }
}

/// The rows of a batch with the hours of their events.
fn hours(batch: &RecordBatch) -> Vec<(usize, i64)> {
    let times = batch.column_by_name("event_time").and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
    let hour = |row| times.filter(|t| t.is_valid(row)).map(|t| (row, t.value(row).div_euclid(MICROS_PER_HOUR)));
    (0..batch.num_rows()).filter_map(hour).collect()
}

fn spill_path(folder: &Path, hour: i64) -> PathBuf {
    folder.join(format!("seen-{hour}"))
}

fn spill(path: &Path, ids: &Ids) -> Result<(), IngestError> {
    let write = || {
        let mut file = BufWriter::new(create_or_replace_private(path)?);
        for (id, fingerprint) in ids {
            for part in id.iter().chain([fingerprint]) {
                file.write_all(&part.to_le_bytes())?;
            }
        }
        file.into_inner().map(drop).map_err(|e| e.into_error())
    };
    write().map_err(|source| IngestError::Spill { path: path.to_owned(), source })
}

#[expect(clippy::cast_possible_truncation, reason = "slices of a key, and days of readable times, have 32 bits")]
fn unspill(path: &Path) -> Result<Ids, IngestError> {
    let read = || {
        let count = fs::metadata(path)?.len() / SPILLED_BYTES as u64;
        let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
        let mut ids = Ids::with_capacity_and_hasher(count as usize, Default::default());
        let mut spilled = [0; SPILLED_BYTES];
        for _ in 0..count {
            file.read_exact(&mut spilled)?;
            let mut parts = spilled.as_chunks::<4>().0.iter().map(|part| u32::from_le_bytes(*part));
            let id = [(); 4].map(|()| parts.next().unwrap_or_default());
            ids.insert(id, parts.next().unwrap_or(UNKNOWN));
        }
        Ok(ids)
    };
    read().map_err(|source| IngestError::Spill { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn seen(spill: &Path) -> Dedup {
        Dedup {
            keeps_from: i32::MIN,
            files: HashMap::new(),
            hours: HashMap::new(),
            limit_bytes: 0,
            held: 0,
            clock: 0,
            spill: spill.to_owned(),
        }
    }

    #[test]
    fn an_event_is_new_once_spilled_or_not() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        // Room for a hundred ids, ten times as many over 20 hours.
        let mut seen = seen(folder.path());
        for round in 0..2 {
            for id in 0..1_000_u64 {
                seen.begin_claim(100 * ID_BYTES);
                let time = (id as i64 % 20) * MICROS_PER_HOUR + 1;
                let claimed = seen.claim(time, u128::from(id), id + 7)?;
                assert_eq!(claimed, if round == 0 { Claimed::New } else { Claimed::Same }, "round {round} id {id}");
                assert!(seen.held_bytes() <= seen.limit_bytes + 50 * ID_BYTES);
            }
        }
        let modes = fs::read_dir(folder.path())?.map(|entry| Ok(entry?.metadata()?.permissions().mode() & 0o777));
        let modes = modes.collect::<std::io::Result<Vec<_>>>()?;
        assert!(modes.len() > 10 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
        Ok(())
    }
}
