//! Reading usage for a selection: whole days from `usage`, days that the window cuts from `events`.

use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use super::aggregate::Aggregator;
use super::columns::{EVENT_COLUMNS, EventColumns};
use super::cross_account::{SharedCalls, derive_foreign};
use super::encode::{decode, dictionary, texts};
use super::interner::Texts;
use super::months::{Parts, days, parts};
use super::row::UsageRow;
use super::select::{Cover, Selection, TimeRange, Who, matches_any};
use super::sum::{bounded, summed};
use crate::iam::Catalog;
use crate::store::{DataFile, RowPredicate, Snapshot, StoreError, Stored, Table, read_batches};
use crate::time::MICROS_PER_DAY;

/// What can go wrong while usage is read or derived.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Columns that are not as the store's tables have them.
    #[error(
        "the store's files don't have the columns they should: {0}\nhint: was the store changed by another program?"
    )]
    Columns(#[from] ArrowError),
}

/// Whether rows are told apart by their sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// A row for each session.
    Apart,
    /// Summed up; whole months are then read at once.
    Together,
}

/// The usage of the selected principals in a window: one row a use, days summed up under the first, in a fixed order.
///
/// What is stored is read as it is: rows with `overflow` count further resources of a container beside those that have
/// rows of their own. [`read_exact`](super::read_exact) has none.
///
/// # Errors
/// When the store can't be read.
pub fn read(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    sessions: Sessions,
    catalog: &Catalog,
) -> Result<Vec<UsageRow>, ReadError> {
    let is_whole = |file: &DataFile| range.cover(file.event_date) == Cover::All;
    let by_days = || read_parts(&days(snapshot, is_whole), selection);
    let mut rows = if sessions == Sessions::Together && selection.sessions.is_empty() {
        // A month may be replaced by a newer one meanwhile.
        read_parts(&parts(snapshot, is_whole), selection).or_else(|_| by_days())?
    } else {
        by_days()?
    };
    rows.extend(derive_parts(snapshot, selection, range, catalog, true)?);
    Ok(finish(rows, sessions))
}

/// Rows of several days as an answer: under the first of them, without sessions where they are not told apart.
#[expect(clippy::cast_possible_truncation, reason = "days of readable times have 32 bits")]
pub(super) fn finish(mut rows: Vec<UsageRow>, sessions: Sessions) -> Vec<UsageRow> {
    // By the events themselves: a month that is summed up has but one day.
    let first = rows.iter().map(|row| row.first_time_us.div_euclid(MICROS_PER_DAY) as i32).min().unwrap_or_default();
    for row in &mut rows {
        row.event_date = first;
        if sessions == Sessions::Together {
            row.session_name = None;
        }
    }
    summed(rows)
}

/// The usage of the days of which the window holds some, from their events; with `is_bounded` as it would be stored.
pub(super) fn derive_parts(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    catalog: &Catalog,
    is_bounded: bool,
) -> Result<Vec<UsageRow>, ReadError> {
    let keep = is_wanted(selection, range);
    let mut rows = Vec::new();
    for day in event_days(snapshot, |date| range.cover(date) == Cover::Part) {
        let wanted = Derive { keep: &keep, predicate: &|| None, has_foreign: true, is_bounded };
        let derived = derive(&day, &wanted, catalog)?;
        rows.extend(if is_bounded { bounded(derived) } else { derived });
    }
    Ok(rows)
}

/// The files of `events` by their days.
pub(super) fn event_days(snapshot: &Snapshot, is_wanted: impl Fn(i32) -> bool) -> Vec<Vec<&DataFile>> {
    let mut days: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
    for file in snapshot.files(Table::Events).iter().filter(|file| is_wanted(file.event_date)) {
        days.entry(file.event_date).or_default().push(file);
    }
    days.into_values().collect()
}

fn read_parts(parts: &Parts<'_>, selection: &Selection) -> Result<Vec<UsageRow>, ReadError> {
    let (mut rows, mut known) = (Vec::new(), Texts::new());
    for stored in parts.paths() {
        rows.extend(read_usage(stored, selection, &mut known)?);
    }
    Ok(rows)
}

pub(super) fn read_usage(
    stored: &dyn Stored,
    selection: &Selection,
    known: &mut Texts,
) -> Result<Vec<UsageRow>, ReadError> {
    let wanted = |batch: RecordBatch| -> Result<BooleanArray, ArrowError> { is_selected(&batch, selection) };
    let columns = who_columns(selection);
    let predicate = RowPredicate { columns: &columns, dictionaries: true, wanted: Box::new(wanted) };
    let mut rows = Vec::new();
    for batch in read_batches(stored, None, Some(predicate))? {
        rows.extend(decode(&batch?, known)?);
    }
    Ok(rows)
}

/// The columns that tell whether a row is selected.
fn who_columns(selection: &Selection) -> Vec<&'static str> {
    let mut columns = vec!["principal_arn"];
    for (column, patterns) in [
        ("permission_set", &selection.permission_sets),
        ("session_name", &selection.sessions),
        ("account_id", &selection.accounts),
    ] {
        if !patterns.is_empty() {
            columns.push(column);
        }
    }
    columns
}

/// For each row of a batch of [`who_columns`], whether it is selected.
fn is_selected(batch: &RecordBatch, selection: &Selection) -> Result<BooleanArray, ArrowError> {
    let mut selected = by_text(batch, "principal_arn", |arn| selection.names(arn))?;
    if !selection.permission_sets.is_empty() {
        selected = &selected | &by_text(batch, "permission_set", |name| selection.names_permission_set(name))?;
    }
    for (column, patterns) in [("session_name", &selection.sessions), ("account_id", &selection.accounts)] {
        if !patterns.is_empty() {
            selected = &selected & &by_text(batch, column, |text| matches_any(patterns, Some(text)))?;
        }
    }
    Ok(BooleanArray::new(selected, None))
}

/// For each row, whether its text is meant; every text is looked at once. No text is not meant.
#[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
pub(super) fn by_text(
    batch: &RecordBatch,
    name: &str,
    is_meant: impl Fn(&str) -> bool,
) -> Result<BooleanBuffer, ArrowError> {
    let column = dictionary(batch, name)?;
    let meant: Vec<bool> = column.values().iter().map(|text| text.is_some_and(&is_meant)).collect();
    let keys = column.keys();
    let is_row_meant = |row: usize| keys.is_valid(row) && meant.get(keys.value(row) as usize) == Some(&true);
    Ok(BooleanBuffer::collect_bool(keys.len(), is_row_meant))
}

/// Whether an event is of the selected principals and in the window.
pub(super) fn is_wanted<'s>(
    selection: &'s Selection,
    range: &'s TimeRange,
) -> impl Fn(&EventColumns, usize) -> bool + 's {
    |events, row| {
        range.contains(events.time_us(row))
            && selection.matches(&Who {
                principal_arn: events.principal_arn(row).unwrap_or_default(),
                permission_set: events.permission_set(row),
                session_name: events.session_name(row),
                account_id: events.principal_account_id(row).or(events.recipient_account_id(row)).unwrap_or_default(),
            })
    }
}

/// What of a day is derived from its events.
pub(super) struct Derive<'d> {
    /// Whether an event counts.
    pub keep: &'d dyn Fn(&EventColumns, usize) -> bool,
    /// Rules out events before they are read.
    pub predicate: &'d dyn Fn() -> Option<RowPredicate<'d>>,
    /// Whether there may be calls that only the called accounts logged.
    pub has_foreign: bool,
    /// Whether further resources are counted together while it is derived.
    pub is_bounded: bool,
}

/// The usage of one day from its events, in no order.
pub(super) fn derive(files: &[&DataFile], wanted: &Derive<'_>, catalog: &Catalog) -> Result<Vec<UsageRow>, ReadError> {
    let mut aggregator = Aggregator::new(catalog);
    for file in files {
        for batch in read_batches(*file, Some(EVENT_COLUMNS), (wanted.predicate)())? {
            let events = EventColumns::try_new(&batch?)?;
            aggregator.add(&events, |row| (wanted.keep)(&events, row));
            if wanted.is_bounded {
                aggregator.bound();
            }
        }
    }
    let mut rows = aggregator.finish().0.into_rows();
    if wanted.has_foreign {
        rows.extend(derive_foreign(files, SharedCalls::default(), catalog, wanted.keep, wanted.is_bounded)?);
    }
    Ok(rows)
}

/// Merges the rows of several `usage` files of one day into one row a use, in stored order.
pub(crate) fn merge_day(files: &[&DataFile]) -> Result<Vec<UsageRow>, ReadError> {
    let (mut rows, mut known) = (Vec::new(), Texts::new());
    for file in files {
        for batch in read_batches(file, None, None)? {
            rows.extend(decode(&batch?, &mut known)?);
        }
    }
    Ok(bounded(rows))
}

/// Events by principal in a window, for telling somebody who selected nobody whom there is.
pub fn principals(snapshot: &Snapshot) -> Result<Vec<(String, u64)>, ReadError> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for file in snapshot.files(Table::Usage) {
        for batch in read_batches(file, Some(&["principal_arn", "event_count"]), None)? {
            let batch = batch?;
            let arns = texts(&batch, "principal_arn")?;
            for row in 0..batch.num_rows() {
                *counts.entry_ref(arns.value(row)).or_default() += 1;
            }
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(counts)
}
