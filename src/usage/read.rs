//! Reading usage for a selection: whole days from `usage`, days that the window cuts from `events`.

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
use super::sum::summed;
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
    let mut by_day: Vec<Vec<&DataFile>> = Vec::new();
    for file in snapshot.files(Table::Events).iter().filter(|file| range.cover(file.event_date) == Cover::Part) {
        match by_day.last_mut() {
            Some(day) if day.first().is_some_and(|f| f.event_date == file.event_date) => day.push(file),
            _ => by_day.push(vec![file]),
        }
    }
    for day in by_day {
        rows.extend(derive(&day, selection, range, catalog)?);
    }
    // By the events themselves: a month that is summed up has but one day.
    let first = rows.iter().map(|row| row.first_time_us.div_euclid(MICROS_PER_DAY) as i32).min().unwrap_or_default();
    for row in &mut rows {
        row.event_date = first;
        if sessions == Sessions::Together {
            row.session_name = None;
        }
    }
    Ok(summed(rows))
}

fn read_parts(parts: &Parts<'_>, selection: &Selection) -> Result<Vec<UsageRow>, ReadError> {
    let (mut rows, mut known) = (Vec::new(), Texts::new());
    for stored in parts.paths() {
        rows.extend(read_usage(stored, selection, &mut known)?);
    }
    Ok(rows)
}

fn read_usage(stored: &dyn Stored, selection: &Selection, known: &mut Texts) -> Result<Vec<UsageRow>, ReadError> {
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
fn by_text(batch: &RecordBatch, name: &str, is_meant: impl Fn(&str) -> bool) -> Result<BooleanBuffer, ArrowError> {
    let column = dictionary(batch, name)?;
    let meant: Vec<bool> = column.values().iter().map(|text| text.is_some_and(&is_meant)).collect();
    let keys = column.keys();
    let is_row_meant = |row: usize| keys.is_valid(row) && meant.get(keys.value(row) as usize) == Some(&true);
    Ok(BooleanBuffer::collect_bool(keys.len(), is_row_meant))
}

/// The usage in a part of one day, from its events.
fn derive(
    files: &[&DataFile],
    selection: &Selection,
    range: &TimeRange,
    catalog: &Catalog,
) -> Result<Vec<UsageRow>, ReadError> {
    let keep = |events: &EventColumns, row: usize| {
        range.contains(events.time_us(row))
            && selection.matches(&Who {
                principal_arn: events.principal_arn(row).unwrap_or_default(),
                permission_set: events.permission_set(row),
                session_name: events.session_name(row),
                account_id: events.principal_account_id(row).or(events.recipient_account_id(row)).unwrap_or_default(),
            })
    };
    let mut aggregator = Aggregator::new(catalog);
    for file in files {
        for batch in read_batches(file, Some(EVENT_COLUMNS), None)? {
            let events = EventColumns::try_new(&batch?)?;
            aggregator.add(&events, |row| keep(&events, row));
        }
    }
    let mut rows = aggregator.finish().0.into_rows();
    rows.extend(derive_foreign(files, SharedCalls::default(), catalog, &keep)?);
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
    Ok(summed(rows))
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
