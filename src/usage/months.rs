//! Months of usage summed over days and sessions, so that who asks for all of it reads little, however many events
//! there are.
//!
//! Sums of sums are the sum of all: an answer from a month is that from its days. What is still to change, the newest
//! days, is left out, and days that would fill no more than a few pages are not worth a copy.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;
use rayon::prelude::*;

use super::encode::{columns_without_sessions, decode_without_sessions, encode};
use super::error::ReadError;
use super::interner::Texts;
use super::row::UsageRow;
use super::shared_str::Text;
use super::stored_order::{Identity, identity};
use super::sum::summed;
use crate::store::{DataFile, Snapshot, Stored, Table, UsageMonth, Writer, read_batches};
use crate::time::format_date;

/// Rows of days that are worth summing up: fewer are as quickly read as they are.
pub const MONTH_ROWS_MIN: u64 = 20_000;

/// Files of days that are, whatever their rows: opening one takes longer than reading a little.
const FILES_MIN: usize = 8;

/// Bytes of texts that count as a row, where there are so many that they take more than the rows.
const ROW_TEXTS_BYTES: u64 = 4_096;

/// Days before the newest that may still change.
const OPEN_DAYS: i32 = 2;

/// Where usage is read from.
pub(super) struct Parts<'s> {
    pub months: Vec<UsageMonth>,
    /// What is in none of the months.
    pub days: Vec<&'s DataFile>,
}

/// The months and days that make up the usage files for which `is_wanted` says so.
pub(super) fn parts<'s>(snapshot: &'s Snapshot, is_wanted: impl Fn(&DataFile) -> bool) -> Parts<'s> {
    let mut days: Vec<&DataFile> = snapshot.files(Table::Usage).iter().filter(|file| is_wanted(file)).collect();
    let months = snapshot.usage_months(&days);
    days.retain(|file| !months.iter().any(|month| month.covers(file)));
    Parts { months, days }
}

/// The same by days alone.
pub(super) fn days<'s>(snapshot: &'s Snapshot, is_wanted: impl Fn(&DataFile) -> bool) -> Parts<'s> {
    let days = snapshot.files(Table::Usage).iter().filter(|file| is_wanted(file)).collect();
    Parts { months: Vec::new(), days }
}

/// Notes that a copy can't be read, where that is why its days are.
pub(super) fn leave_out(snapshot: &Snapshot, month: &UsageMonth, error: Option<&ReadError>) {
    if let Some(error) = error {
        snapshot.leave_out(&month.path, &error.to_string());
    }
}

/// Looks at the whole of usage: at months where there are, else at days.
pub(super) fn each(
    snapshot: &Snapshot,
    mut look: impl FnMut(&dyn Stored) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let Parts { months, mut days } = parts(snapshot, |_| true);
    for month in &months {
        // Its days say the same, where it can't be read or a newer one took its place.
        if let Err(error) = look(month) {
            leave_out(snapshot, month, Some(&error));
            days.extend(snapshot.files(Table::Usage).iter().filter(|file| month.covers(file)));
        }
    }
    days.into_iter().try_for_each(|file| look(file))
}

/// The days whose usage has something, of those that a window may hold. Days of a month that has not are not looked at.
pub(super) fn days_with(
    snapshot: &Snapshot,
    is_wanted: impl Fn(&DataFile) -> bool,
    has: impl Fn(&dyn Stored) -> Result<bool, ReadError>,
) -> Result<BTreeSet<i32>, ReadError> {
    let Parts { months, mut days } = parts(snapshot, &is_wanted);
    for month in &months {
        let outcome = has(month);
        if let Err(error) = &outcome {
            leave_out(snapshot, month, Some(error));
        }
        if !matches!(outcome, Ok(false)) {
            days.extend(snapshot.files(Table::Usage).iter().filter(|file| month.covers(file)));
        }
    }
    let mut dates = BTreeSet::new();
    for file in days {
        if has(file)? {
            dates.insert(file.event_date);
        }
    }
    Ok(dates)
}

/// Brings the months of a store up to date: those whose days have at least `rows_min` rows that are not summed up, as
/// far as the sum has no more than `rows_max`.
///
/// # Errors
/// When the store can't be read or written; what was there stays.
pub fn refresh_months(writer: &Writer, rows_min: u64, rows_max: usize) -> Result<(), ReadError> {
    let snapshot = writer.store().snapshot_with(None, &[])?;
    let files = snapshot.files(Table::Usage);
    let Some(newest) = files.iter().map(|file| file.event_date).max() else { return Ok(()) };
    let mut months: BTreeMap<String, Vec<&DataFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.event_date <= newest - OPEN_DAYS) {
        months.entry(month_of(file.event_date)).or_default().push(file);
    }
    for (month, files) in months {
        let before = snapshot.usage_months(&files).into_iter().find(|before| before.month == month);
        let added: Vec<&DataFile> =
            files.iter().copied().filter(|file| !before.as_ref().is_some_and(|before| before.covers(file))).collect();
        let added_rows: u64 = added.iter().map(|file| file.rows).sum();
        if added.is_empty() || added_rows < rows_min && added.len() < FILES_MIN {
            continue;
        }
        // A copy that can't be read is made anew.
        let summed = sum(before.as_ref(), &added, rows_max).or_else(|_| sum(None, &files, rows_max));
        match summed? {
            Some(rows) => writer.put_usage_month(&month, &encode(&rows)?, &files)?,
            None => writer.drop_usage_month(&month, None)?,
        }
    }
    Ok(())
}

fn month_of(event_date: i32) -> String {
    format_date(event_date).chars().take(7).collect()
}

/// `None` where there would be too many rows.
fn sum(before: Option<&UsageMonth>, added: &[&DataFile], rows_max: usize) -> Result<Option<Vec<UsageRow>>, ReadError> {
    let first = added.iter().map(|file| file.event_date).min().unwrap_or_default();
    let paths = before.iter().map(|month| *month as &dyn Stored).chain(added.iter().map(|file| *file as &dyn Stored));
    let paths: Vec<&dyn Stored> = paths.collect();
    let rows: u64 = added.iter().map(|file| file.rows).sum();
    // Parts that are summed beside each other may hold the same row each.
    let parts = if before.is_none() && rows <= rows_max as u64 { rayon::current_num_threads() } else { 1 };
    let parts = paths.par_chunks(paths.len().div_ceil(parts).max(1)).map(|paths| sum_files(paths, first, rows_max));
    let parts: Option<Vec<Vec<UsageRow>>> = parts.collect::<Result<_, ReadError>>()?;
    let Some(mut parts) = parts else { return Ok(None) };
    let mut all = parts.pop().unwrap_or_default();
    parts.into_iter().for_each(|rows| all.extend(rows));
    Ok(Some(summed(all)).filter(|rows| rows.len() <= rows_max))
}

fn sum_files(paths: &[&dyn Stored], first: i32, rows_max: usize) -> Result<Option<Vec<UsageRow>>, ReadError> {
    let (mut whole, mut known) = (Whole::default(), Texts::new());
    let columns = columns_without_sessions();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    for path in paths {
        for batch in read_batches(*path, Some(&columns), None)? {
            for row in decode_without_sessions(&batch?, &mut known)? {
                whole.add(UsageRow { event_date: first, ..row });
            }
            // Long texts take the place of rows.
            if whole.rows.len() as u64 + known.size_bytes() / ROW_TEXTS_BYTES > rows_max as u64 {
                return Ok(None);
            }
        }
    }
    Ok(Some(whole.rows))
}

/// Rows of one day summed as they come, which takes half the time of putting each file's in order. Their texts must be
/// of one [`Texts`]: where a text is stands for it.
#[derive(Default)]
struct Whole {
    rows: Vec<UsageRow>,
    places: HashMap<Identity<usize>, usize, foldhash::fast::FixedState>,
}

impl Whole {
    fn add(&mut self, row: UsageRow) {
        let next = self.rows.len();
        let key = identity(&row, |text| text.map_or(0, Text::place));
        match self.rows.get_mut(*self.places.entry(key).or_insert(next)) {
            Some(held) => held.absorb(&row),
            None => self.rows.push(row),
        }
    }
}
