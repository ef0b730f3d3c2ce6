//! A call into another account is logged in both, with one `sharedEventID`; it is counted once.
//!
//! The caller's account's copy knows the caller best and always counts. The called account's copy counts only when
//! the archive has no copy of the caller's account, which can be told only once the whole day is there: so these rows
//! are derived at the end of an ingest, day by day, and stand in files of their own (`cross_account` is true).

use std::hash::BuildHasher;

use arrow::array::Array;
use hashbrown::HashSet;

use super::aggregate::{Aggregator, Copies};
use super::columns::{EVENT_COLUMNS, EventColumns};
use super::encode::texts;
use super::read::ReadError;
use super::row::UsageRow;
use crate::iam::Catalog;
use crate::store::{DataFile, read_batches};

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
        for batch in read_batches(&file.path, Some(EVENT_COLUMNS), None)? {
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
            let columns = ["shared_event_id", "principal_account_id", "recipient_account_id"];
            let mut has_foreign = false;
            for batch in read_batches(&file.path, Some(&columns), None)? {
                let batch = batch?;
                let [shared, caller, called] =
                    [texts(&batch, columns[0])?, texts(&batch, columns[1])?, texts(&batch, columns[2])?];
                for row in (0..batch.num_rows()).filter(|row| shared.is_valid(*row)) {
                    let caller = caller.is_valid(row).then(|| caller.value(row));
                    let called = called.is_valid(row).then(|| called.value(row));
                    if is_foreign(caller, called) {
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
