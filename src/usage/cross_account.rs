//! A call into another account is logged in both, with one `sharedEventID`; it is counted once.
//!
//! The caller's account's copy knows the caller best and always counts. The called account's copy counts only when
//! the archive has no copy of the caller's account, which can be told only once the whole day is there: so these rows
//! are derived at the end of an ingest, day by day, and stand in files of their own (`cross_account` is true).

use std::hash::BuildHasher;

use arrow::array::{Array, StringArray, UInt32Array};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashSet;

use super::aggregate::{Aggregator, Copies};
use super::bounding::Rows;
use super::columns::{EVENT_COLUMNS, EventColumns, plain_rows};
use super::copies::{is_foreign, is_foreign_copy};
use super::encode::texts;
use super::error::ReadError;
use super::rollup::Rollup;
use super::sorter::{Order, Sorter, Space};
use crate::iam::Catalog;
use crate::store::{DataFile, RowPredicate, read_batches};

/// Of the events of one day in memory: what it takes to tell whose copy of a call counts.
#[derive(Debug, Default)]
pub struct SharedCalls {
    /// The `sharedEventID`s of which the caller's account's copy is there.
    own: HashSet<u128>,
    /// The called accounts' copies, with [`EVENT_COLUMNS`].
    foreign: Vec<RecordBatch>,
    foreign_bytes: usize,
}

/// What an id takes in a hash set: itself, and its share of the empty places and marks.
const ID_BYTES: usize = 28;

impl SharedCalls {
    /// Keeps what a batch has of such calls. `events` is the same batch, looked at.
    #[expect(clippy::cast_possible_truncation, reason = "rows of a day have 32 bits")]
    pub fn add(&mut self, batch: &RecordBatch, events: &EventColumns) -> Result<(), ArrowError> {
        let mut foreign = Vec::new();
        for row in 0..events.len() {
            match events.shared_event_id(row) {
                Some(_) if is_foreign_copy(events, row) => foreign.push(row as u32),
                Some(id) => _ = self.own.insert(hash(id)),
                None => {}
            }
        }
        if !foreign.is_empty() {
            let rows = plain_rows(batch, &UInt32Array::from(foreign))?;
            self.foreign_bytes += rows.get_array_memory_size();
            self.foreign.push(rows);
        }
        Ok(())
    }

    /// Takes over what others have of the same day.
    pub fn absorb(&mut self, other: SharedCalls) {
        self.own.extend(other.own);
        self.foreign.extend(other.foreign);
        self.foreign_bytes += other.foreign_bytes;
    }

    /// Whether there are copies of the callers' accounts.
    pub fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether there are copies of the called accounts.
    pub fn has_foreign(&self) -> bool {
        !self.foreign.is_empty()
    }

    /// Memory that it takes, about.
    pub fn size_bytes(&self) -> usize {
        self.own.len() * ID_BYTES + self.foreign_bytes
    }
}

/// The usage of one day that only the called accounts logged, as it is stored, from all `events` files of that day, or
/// from `held` and the files whose events are not in it.
pub(crate) fn resolve_day(
    files: &[&DataFile],
    held: Option<SharedCalls>,
    catalog: &Catalog,
    space: &Space,
) -> Result<Rows, ReadError> {
    let mut spilled = Sorter::new(Order::Stored, space);
    let bound = &mut |aggregator: &mut Aggregator<'_>| aggregator.bound_within(space, &mut spilled);
    let counted = count_foreign(files, &held.unwrap_or_default(), catalog, &|_, _| true, (space.bytes(), bound))?;
    Rows::of_counted(spilled, counted, space)
}

/// What follows each few events that were counted.
pub(super) type Bound<'b> = &'b mut dyn FnMut(&mut Aggregator<'_>) -> Result<(), ReadError>;

/// Counts the calls that only the called accounts logged. Where there are more ids than fit in the memory, the files
/// are read once for each part of the ids.
pub(super) fn count_foreign(
    files: &[&DataFile],
    held: &SharedCalls,
    catalog: &Catalog,
    keep: &dyn Fn(&EventColumns, usize) -> bool,
    (memory_bytes, bound): (u64, Bound<'_>),
) -> Result<Rollup, ReadError> {
    let mut aggregator = Aggregator::of_copies(catalog, Copies::Foreign);
    let ids_max = usize::try_from(memory_bytes / 4).unwrap_or(usize::MAX) / ID_BYTES;
    let mut class = Class::ALL;
    let mut first = loop {
        let ids_max = if class.of < CLASSES_MAX { ids_max } else { usize::MAX };
        match SharedIds::read_class(files, class, ids_max)? {
            Some(ids) => break Some(ids),
            None => class.of *= CLASSES,
        }
    };
    loop {
        let shared = match first.take() {
            Some(first) => first,
            None => SharedIds::read_class(files, class, usize::MAX)?.unwrap_or_default(),
        };
        count_class(files, held, class, &shared, keep, (&mut aggregator, &mut *bound))?;
        class.number += 1;
        if class.number == class.of {
            return Ok(aggregator.finish().0);
        }
    }
}

/// Counts the calls whose ids are of a part.
fn count_class(
    files: &[&DataFile],
    held: &SharedCalls,
    class: Class,
    shared: &SharedIds,
    keep: &dyn Fn(&EventColumns, usize) -> bool,
    (aggregator, bound): (&mut Aggregator<'_>, Bound<'_>),
) -> Result<(), ReadError> {
    let mut counted = HashSet::new();
    let mut count = |batch: &RecordBatch| -> Result<(), ReadError> {
        let events = EventColumns::try_new(batch)?;
        let mut is_lone = |row| {
            let id = events.shared_event_id(row).map(hash).filter(|id| class.has(*id));
            is_foreign_copy(&events, row)
                && id.is_some_and(|id| !held.own.contains(&id) && !shared.own.contains(&id) && counted.insert(id))
                && keep(&events, row)
        };
        let lone: Vec<bool> = (0..events.len()).map(&mut is_lone).collect();
        aggregator.add_bounded(&events, |row| lone.get(row) == Some(&true), &mut *bound)
    };
    for (file, _) in files.iter().zip(&shared.has_foreign).filter(|(_, has_foreign)| **has_foreign) {
        let predicate = RowPredicate {
            columns: &SHARED_COLUMNS,
            dictionaries: false,
            wanted: Box::new(|batch| Ok(foreign_rows(&batch)?.into())),
        };
        for batch in read_batches(*file, Some(EVENT_COLUMNS), Some(predicate))? {
            count(&batch?)?;
        }
    }
    held.foreign.iter().try_for_each(count)
}

/// Into how many a part of the ids is parted where it doesn't fit.
const CLASSES: u128 = 4;

/// Parts of the ids at the most: so often the files are read.
const CLASSES_MAX: u128 = 64;

/// Those of all ids that leave a number when they are divided.
#[derive(Clone, Copy)]
struct Class {
    number: u128,
    of: u128,
}

impl Class {
    const ALL: Class = Class { number: 0, of: 1 };

    fn has(self, id: u128) -> bool {
        self.of == 1 || id % self.of == self.number
    }
}

const SHARED_COLUMNS: [&str; 3] = ["shared_event_id", "principal_account_id", "recipient_account_id"];

/// For each row of a batch with [`SHARED_COLUMNS`], whether it is [`is_foreign_copy`].
#[expect(clippy::indexing_slicing, reason = "there are as many columns as numbers")]
fn foreign_rows(batch: &RecordBatch) -> Result<Vec<bool>, ArrowError> {
    let [shared, caller, called] = [0, 1, 2].map(|i| texts(batch, SHARED_COLUMNS[i]));
    let (shared, caller, called) = (shared?, caller?, called?);
    fn text(array: &StringArray, row: usize) -> Option<&str> {
        array.is_valid(row).then(|| array.value(row))
    }
    let is_foreign_copy = |row| shared.is_valid(row) && is_foreign(text(caller, row), text(called, row));
    Ok((0..batch.num_rows()).map(is_foreign_copy).collect())
}

/// The `sharedEventID`s of one day.
#[derive(Default)]
pub(super) struct SharedIds {
    /// Those of which the caller's account's copy is there.
    pub own: HashSet<u128>,
    /// For each file, whether it has copies of the called accounts.
    has_foreign: Vec<bool>,
}

impl SharedIds {
    /// Those that the files have.
    pub fn read(files: &[&DataFile]) -> Result<SharedIds, ReadError> {
        Ok(SharedIds::read_class(files, Class::ALL, usize::MAX)?.unwrap_or_default())
    }

    /// Those of a part of all ids; `None` where they are more than this, with those of the called accounts' copies.
    fn read_class(files: &[&DataFile], class: Class, ids_max: usize) -> Result<Option<SharedIds>, ReadError> {
        let (mut ids, mut foreign) = (SharedIds::default(), 0);
        for file in files {
            let mut has_foreign = false;
            for batch in read_batches(*file, Some(&SHARED_COLUMNS), None)? {
                let batch = batch?;
                let shared = texts(&batch, SHARED_COLUMNS[0])?;
                let rows = foreign_rows(&batch)?.into_iter().enumerate();
                for (row, is_foreign) in rows.filter(|(row, _)| shared.is_valid(*row)) {
                    has_foreign |= is_foreign;
                    let id = hash(shared.value(row));
                    match is_foreign {
                        _ if !class.has(id) => {}
                        true => foreign += 1,
                        false => _ = ids.own.insert(id),
                    }
                }
                if ids.own.len() + foreign > ids_max {
                    return Ok(None);
                }
            }
            ids.has_foreign.push(has_foreign);
        }
        Ok(Some(ids))
    }
}

/// 128 bits, so that two ids of a day never meet by chance.
pub(super) fn hash(id: &str) -> u128 {
    let half = |seed| u128::from(foldhash::quality::FixedState::with_seed(seed).hash_one(id));
    half(1) << 64 | half(2)
}
