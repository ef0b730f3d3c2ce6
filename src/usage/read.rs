//! Reading usage for a selection: whole days from `usage`, days that the window cuts from `events`.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow::array::{Array, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;

use super::aggregate::Aggregator;
use super::bounding::{RowIterator, Rows};
use super::columns::{EVENT_COLUMNS, EventColumns};
use super::cross_account::{SharedCalls, count_foreign};
use super::encode::{decode, dictionary, texts};
use super::error::ReadError;
use super::interner::Texts;
use super::months::{days, leave_out, parts};
use super::role_paths::RolePaths;
use super::rollup::Rollup;
use super::row::UsageRow;
use super::select::{Cover, Selection, TimeRange, Who, matches_any};
use super::sorter::{Order, Sorter, Space, row_bytes};
use super::sum::summed;
use crate::iam::Catalog;
use crate::store::{DataFile, RowPredicate, Snapshot, StoreError, Stored, Table, read_batches};
use crate::time::day_of;

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
    read_within(snapshot, selection, range, sessions, catalog, &Space::unlimited())?.into_iter().collect()
}

/// As [`read`]: what doesn't fit in memory is on the disk.
///
/// # Errors
/// When the store can't be read, or the disk is full.
pub fn read_within(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    sessions: Sessions,
    catalog: &Catalog,
    space: &Space,
) -> Result<Uses, ReadError> {
    let is_whole = |file: &DataFile| range.cover(file.event_date) == Cover::All;
    let mut uses = Gathered::new(sessions, &selection.role_paths, space);
    let by_months = sessions == Sessions::Together && selection.sessions.is_empty();
    let found = if by_months { parts(snapshot, is_whole) } else { days(snapshot, is_whole) };
    let mut by_day = found.days;
    for month in &found.months {
        // A month may be replaced by a newer one meanwhile.
        match read_usage(&[month], selection, space.bytes() / 2) {
            Ok(Some(rows)) => uses.add_all(rows)?,
            other => {
                leave_out(snapshot, month, other.err().as_ref());
                by_day.extend(snapshot.files(Table::Usage).iter().filter(|file| month.covers(file)));
            }
        }
    }
    for file in by_day {
        uses.add_from(file, selection, |_| true)?;
    }
    derive_parts(snapshot, selection, range, catalog, true, &mut uses)?;
    uses.finish()
}

/// Rows of several days on their way to an answer: under the first of them, without sessions where they are not told
/// apart.
pub(super) struct Gathered {
    sessions: Sessions,
    sorter: Sorter,
    first: Option<i32>,
    pub space: Space,
    role_paths: RolePaths,
    known: Texts,
}

impl Gathered {
    pub fn new(sessions: Sessions, role_paths: &RolePaths, space: &Space) -> Gathered {
        let sorter = Sorter::new(Order::Stored, space);
        let (role_paths, space) = (role_paths.clone(), space.clone());
        Gathered { sessions, sorter, first: None, space, role_paths, known: Texts::new() }
    }

    pub fn add(&mut self, mut row: UsageRow) -> Result<(), ReadError> {
        // By the events themselves: a month that is summed up has but one day.
        let date = day_of(row.first_time_us);
        self.first = Some(self.first.map_or(date, |first| first.min(date)));
        row.event_date = 0;
        if let Some(arn) = self.role_paths.longer(&row.principal_arn) {
            row.principal_arn = arn.clone();
        }
        if self.sessions == Sessions::Together {
            row.session_name = None;
        }
        if self.sorter.push(row)? {
            self.known = Texts::new();
        }
        Ok(())
    }

    pub fn add_all(&mut self, rows: impl IntoIterator<Item = UsageRow>) -> Result<(), ReadError> {
        rows.into_iter().try_for_each(|row| self.add(row))
    }

    /// Adds the selected rows of a file for which `is_wanted` says so.
    pub fn add_from(
        &mut self,
        stored: &dyn Stored,
        selection: &Selection,
        is_wanted: impl Fn(&UsageRow) -> bool,
    ) -> Result<(), ReadError> {
        for batch in selected_batches(stored, selection)? {
            let rows = decode(&batch?, &mut self.known)?;
            self.add_all(rows.into_iter().filter(&is_wanted))?;
        }
        Ok(())
    }

    /// Adds what is left of what was counted, and what of it is on the disk; with `is_bounded` as it would be stored.
    pub fn add_counted(&mut self, spilled: Sorter, counted: Rollup, is_bounded: bool) -> Result<(), ReadError> {
        let space = self.space.clone();
        let rows = match is_bounded {
            true => Rows::of_counted(spilled, counted, &space)?,
            false => Rows::all_of_counted(spilled, counted, &space)?,
        };
        rows.into_iter().try_for_each(|row| self.add(row?))
    }

    pub fn finish(self) -> Result<Uses, ReadError> {
        drop(self.known);
        let first = self.first.unwrap_or_default();
        Ok(Uses { rows: Rows::sorted(self.sorter)?, first })
    }
}

/// An answer: its rows, one a use, in memory or one after the other.
pub struct Uses {
    rows: Rows,
    first: i32,
}

impl Uses {
    /// All rows at once.
    ///
    /// # Errors
    /// The disk, or more rows than fit in memory.
    pub fn collect(self, space: &Space) -> Result<Vec<UsageRow>, ReadError> {
        let first = self.first;
        if let Rows::All(mut rows) = self.rows {
            rows.iter_mut().for_each(|row| row.event_date = first);
            return Ok(rows);
        }
        space.hold(self)
    }
}

impl Uses {
    /// The same in another order, which must tell all rows apart.
    ///
    /// # Errors
    /// The disk.
    pub fn ordered_by(self, order: fn(&UsageRow, &UsageRow) -> Ordering, space: &Space) -> Result<Uses, ReadError> {
        let first = self.first;
        let rows = match self.rows {
            Rows::All(mut rows) => {
                rows.sort_unstable_by(order);
                Rows::All(rows)
            }
            rows => {
                let mut sorter = Sorter::new(Order::Given(order), space);
                for row in rows {
                    sorter.push(row?)?;
                }
                Rows::sorted(sorter)?
            }
        };
        Ok(Uses { rows, first })
    }
}

impl IntoIterator for Uses {
    type Item = Result<UsageRow, ReadError>;
    type IntoIter = RowIterator;

    fn into_iter(self) -> RowIterator {
        let first = self.first;
        Box::new(self.rows.into_iter().map(move |row| row.map(|row| UsageRow { event_date: first, ..row })))
    }
}

impl Space {
    /// All of these rows at once.
    ///
    /// # Errors
    /// Those of the rows, or that they don't fit.
    pub fn hold(
        &self,
        found: impl IntoIterator<Item = Result<UsageRow, ReadError>>,
    ) -> Result<Vec<UsageRow>, ReadError> {
        let (mut rows, mut bytes, mut others): (Vec<UsageRow>, u64, u64) = (Vec::new(), 0, 0);
        for row in found {
            let row = row?;
            bytes += row_bytes(&row, rows.last());
            match bytes <= self.bytes() {
                true => rows.push(row),
                false => others += 1,
            }
        }
        match others {
            0 => Ok(rows),
            _ => Err(ReadError::TooMany { rows: rows.len() as u64 + others, bytes, space_bytes: self.bytes() }),
        }
    }
}

/// Adds the usage of the days of which the window holds some, from their events; with `is_bounded` as it would be
/// stored.
pub(super) fn derive_parts(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    catalog: &Catalog,
    is_bounded: bool,
    uses: &mut Gathered,
) -> Result<(), ReadError> {
    let keep = is_wanted(selection, range);
    for day in event_days(snapshot, |date| range.cover(date) == Cover::Part) {
        let wanted = Derive { keep: &keep, predicate: &|| None, has_foreign: true, is_bounded };
        derive(&day, &wanted, catalog, uses)?;
    }
    Ok(())
}

/// Rows of several days as an answer: under the first of them, without sessions where they are not told apart.
pub(super) fn finish(mut rows: Vec<UsageRow>, sessions: Sessions) -> Vec<UsageRow> {
    // By the events themselves: a month that is summed up has but one day.
    let first = rows.iter().map(|row| day_of(row.first_time_us)).min().unwrap_or_default();
    for row in &mut rows {
        row.event_date = first;
        if sessions == Sessions::Together {
            row.session_name = None;
        }
    }
    summed(rows)
}

/// The files of `events` by their days.
pub(super) fn event_days(snapshot: &Snapshot, is_wanted: impl Fn(i32) -> bool) -> Vec<Vec<&DataFile>> {
    let mut days: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
    for file in snapshot.files(Table::Events).iter().filter(|file| is_wanted(file.event_date)) {
        days.entry(file.event_date).or_default().push(file);
    }
    days.into_values().collect()
}

/// The selected rows of some files, if they take no more memory than this.
pub(super) fn read_usage<S: Stored>(
    stored: &[&S],
    selection: &Selection,
    bytes_max: u64,
) -> Result<Option<Vec<UsageRow>>, ReadError> {
    let (mut rows, mut known, mut bytes): (Vec<UsageRow>, _, u64) = (Vec::new(), Texts::new(), 0);
    for stored in stored {
        for batch in selected_batches(*stored, selection)? {
            let before = rows.len();
            rows.extend(decode(&batch?, &mut known)?);
            let added = (before..rows.len()).map(|at| {
                let last = at.checked_sub(1).and_then(|last| rows.get(last));
                rows.get(at).map_or(0, |row| row_bytes(row, last))
            });
            bytes += added.sum::<u64>();
            if bytes > bytes_max {
                return Ok(None);
            }
        }
    }
    Ok(Some(rows))
}

/// The selected rows of a file.
pub(super) fn selected_batches<'s>(
    stored: &'s dyn Stored,
    selection: &'s Selection,
) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<'s>, ReadError> {
    let wanted = |batch: RecordBatch| -> Result<BooleanArray, ArrowError> { is_selected(&batch, selection) };
    let columns = who_columns(selection);
    let predicate = RowPredicate { columns: &columns, dictionaries: true, wanted: Box::new(wanted) };
    Ok(read_batches(stored, None, Some(predicate))?)
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

/// Adds the usage of one day from its events.
pub(super) fn derive(
    files: &[&DataFile],
    wanted: &Derive<'_>,
    catalog: &Catalog,
    uses: &mut Gathered,
) -> Result<(), ReadError> {
    let space = uses.space.share(2);
    let bound = |aggregator: &mut Aggregator<'_>, spilled: &mut Sorter| match wanted.is_bounded {
        true => aggregator.bound_within(&space, spilled),
        false => aggregator.spill_within(&space, spilled),
    };
    let (mut aggregator, mut spilled) = (Aggregator::new(catalog), Sorter::new(Order::Stored, &space));
    for file in files {
        for batch in read_batches(*file, Some(EVENT_COLUMNS), (wanted.predicate)())? {
            let events = EventColumns::try_new(&batch?)?;
            let keep = |row| (wanted.keep)(&events, row);
            aggregator.add_bounded(&events, keep, |aggregator| bound(aggregator, &mut spilled))?;
        }
    }
    uses.add_counted(spilled, aggregator.finish().0, wanted.is_bounded)?;
    if wanted.has_foreign {
        let mut spilled = Sorter::new(Order::Stored, &space);
        let bound = &mut |aggregator: &mut Aggregator<'_>| bound(aggregator, &mut spilled);
        let counted = count_foreign(files, &SharedCalls::default(), catalog, wanted.keep, (space.bytes(), bound))?;
        uses.add_counted(spilled, counted, wanted.is_bounded)?;
    }
    Ok(())
}

/// Merges the rows of several `usage` files of one day into one row a use, in stored order.
pub(crate) fn merge_day(files: &[&DataFile], space: &Space) -> Result<Rows, ReadError> {
    let (mut sorter, mut known) = (Sorter::new(Order::Stored, space), Texts::new());
    for file in files {
        for batch in read_batches(*file, None, None)? {
            for row in decode(&batch?, &mut known)? {
                if sorter.push(row)? {
                    known = Texts::new();
                }
            }
        }
    }
    drop(known);
    Rows::of(sorter, space)
}

/// The usage of a day as its events say it, as far as its principals' own accounts logged it, as it is stored.
pub(crate) fn derive_own(files: &[&DataFile], catalog: &Catalog, space: &Space) -> Result<Rows, ReadError> {
    let (mut aggregator, mut spilled) = (Aggregator::new(catalog), Sorter::new(Order::Stored, space));
    for file in files {
        for batch in read_batches(*file, Some(EVENT_COLUMNS), None)? {
            let events = EventColumns::try_new(&batch?)?;
            aggregator.add_bounded(&events, |_| true, |aggregator| aggregator.bound_within(space, &mut spilled))?;
        }
    }
    Rows::of_counted(spilled, aggregator.finish().0, space)
}

/// Principals that are counted: there is no end to what somebody may have made up.
const PRINCIPALS_MAX: usize = 100_000;

/// Principals with how many rows they have, for telling somebody who selected nobody whom there is.
pub fn principals(snapshot: &Snapshot) -> Result<Vec<(String, u64)>, ReadError> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    for file in snapshot.files(Table::Usage) {
        for batch in read_batches(file, Some(&["principal_arn", "event_count"]), None)? {
            let batch = batch?;
            let arns = texts(&batch, "principal_arn")?;
            for row in 0..batch.num_rows() {
                let arn = arns.value(row);
                if let Some(count) = counts.get_mut(arn) {
                    *count += 1;
                } else if counts.len() < PRINCIPALS_MAX {
                    counts.insert(arn.to_owned(), 1);
                }
            }
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(counts)
}
