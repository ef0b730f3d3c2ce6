//! A call into another account is logged in both, with one `sharedEventID`; it is counted once.
//!
//! The caller's account's copy knows the caller best and always counts. The called account's copy counts only when
//! the archive has no copy of the caller's account, which can be told only once the whole day is there: so these rows
//! are derived at the end of an ingest, day by day, and stand in files of their own (`cross_account` is true).

use std::hash::BuildHasher;

use arrow::array::{Array, StringArray};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashSet;

use super::aggregate::{Aggregator, Copies};
use super::columns::{EVENT_COLUMNS, EventColumns};
use super::encode::texts;
use super::read::ReadError;
use super::row::UsageRow;
use crate::iam::Catalog;
use crate::store::{DataFile, RowPredicate, read_batches};

/// Whether a row is the called account's copy of a call from another account.
pub fn is_foreign_copy(events: &EventColumns, row: usize) -> bool {
    events.shared_event_id(row).is_some()
        && is_foreign(events.principal_account_id(row), events.recipient_account_id(row))
}

fn is_foreign(principal_account_id: Option<&str>, recipient_account_id: Option<&str>) -> bool {
    principal_account_id.is_some_and(|caller| recipient_account_id.is_some_and(|called| called != caller))
}

/// The usage of one day that only the called accounts logged, from all `events` files of that day.
pub fn resolve_day(files: &[&DataFile], catalog: &Catalog) -> Result<Vec<UsageRow>, ReadError> {
    derive_foreign(files, catalog, &|_, _| true)
}

pub(super) fn derive_foreign(
    files: &[&DataFile],
    catalog: &Catalog,
    keep: &dyn Fn(&EventColumns, usize) -> bool,
) -> Result<Vec<UsageRow>, ReadError> {
    let shared = SharedIds::read(files)?;
    let mut aggregator = Aggregator::of_copies(catalog, Copies::Foreign);
    let mut counted = HashSet::new();
    for (file, has_foreign) in files.iter().zip(&shared.has_foreign) {
        if !has_foreign {
            continue;
        }
        let predicate =
            RowPredicate { columns: &SHARED_COLUMNS, wanted: Box::new(|batch| Ok(foreign_rows(&batch)?.into())) };
        for batch in read_batches(&file.path, Some(EVENT_COLUMNS), Some(predicate))? {
            let events = EventColumns::try_new(&batch?)?;
            let lone: Vec<bool> = (0..events.len())
                .map(|row| {
                    let id = events.shared_event_id(row).map(hash);
                    is_foreign_copy(&events, row)
                        && id.is_some_and(|id| !shared.own.contains(&id) && counted.insert(id))
                        && keep(&events, row)
                })
                .collect();
            aggregator.add(&events, |row| lone.get(row) == Some(&true));
        }
    }
    Ok(aggregator.finish().0)
}

const SHARED_COLUMNS: [&str; 3] = ["shared_event_id", "principal_account_id", "recipient_account_id"];

/// For each row of a batch with [`SHARED_COLUMNS`], whether it is [`is_foreign_copy`].
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
struct SharedIds {
    /// Those of which the caller's account's copy is there.
    own: HashSet<u128>,
    /// For each file, whether it has copies of the called accounts.
    has_foreign: Vec<bool>,
}

impl SharedIds {
    fn read(files: &[&DataFile]) -> Result<SharedIds, ReadError> {
        let mut ids = SharedIds { own: HashSet::new(), has_foreign: Vec::new() };
        for file in files {
            let mut has_foreign = false;
            for batch in read_batches(&file.path, Some(&SHARED_COLUMNS), None)? {
                let batch = batch?;
                let shared = texts(&batch, SHARED_COLUMNS[0])?;
                let rows = foreign_rows(&batch)?.into_iter().enumerate();
                for (row, is_foreign) in rows.filter(|(row, _)| shared.is_valid(*row)) {
                    if is_foreign {
                        has_foreign = true;
                    } else {
                        ids.own.insert(hash(shared.value(row)));
                    }
                }
            }
            ids.has_foreign.push(has_foreign);
        }
        Ok(ids)
    }
}

/// 128 bits, so that two ids of a day never meet by chance.
fn hash(id: &str) -> u128 {
    let half = |seed| u128::from(foldhash::quality::FixedState::with_seed(seed).hash_one(id));
    half(1) << 64 | half(2)
}
