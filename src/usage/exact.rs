//! Reading usage without an overflow: what was counted together is derived anew from `events`.

use std::cell::Cell;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

use super::columns::EventColumns;
use super::encode::decode;
use super::error::ReadError;
use super::interner::Texts;
use super::months::{days, leave_out, parts};
use super::read::{
    Derive, Gathered, Sessions, Uses, by_text, derive, derive_parts, is_wanted, read_usage, selected_batches,
};
use super::row::UsageRow;
use super::select::{Cover, Selection, TimeRange};
use super::shared_str::Text;
use super::sorter::Space;
use crate::iam::Catalog;
use crate::store::{DataFile, RowPredicate, Snapshot, Table};

/// As [`read`](super::read), but each resource has a row of its own: no row has `overflow`. For the days on which
/// selected rows overflowed, the calls that did so are read from `events`.
///
/// # Errors
/// When the store can't be read.
pub fn read_exact(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    sessions: Sessions,
    catalog: &Catalog,
) -> Result<Vec<UsageRow>, ReadError> {
    read_exact_within(snapshot, selection, range, sessions, catalog, &Space::unlimited())?.into_iter().collect()
}

/// As [`read_exact`]: what doesn't fit in memory is on the disk.
///
/// # Errors
/// When the store can't be read, or the disk is full.
pub fn read_exact_within(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    sessions: Sessions,
    catalog: &Catalog,
    space: &Space,
) -> Result<Uses, ReadError> {
    let is_whole = |file: &DataFile| range.cover(file.event_date) == Cover::All;
    let by_months = sessions == Sessions::Together && selection.sessions.is_empty();
    let found = if by_months { parts(snapshot, is_whole) } else { days(snapshot, is_whole) };
    let (mut uses, mut by_day) = (Gathered::new(sessions, &selection.role_paths, space), found.days);
    for month in &found.months {
        match read_usage(&[month], selection, space.bytes() / 2) {
            Ok(Some(read)) if !read.iter().any(|row| row.overflow) => uses.add_all(read)?,
            // Its days tell what overflowed, and they are there where the month was replaced meanwhile.
            other => {
                leave_out(snapshot, month, other.err().as_ref());
                by_day.extend(snapshot.files(Table::Usage).iter().filter(|file| month.covers(file)));
            }
        }
    }
    let mut files_of: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
    for file in by_day {
        files_of.entry(file.event_date).or_default().push(file);
    }
    for (date, files) in files_of {
        let calls = match read_usage(&files, selection, space.bytes() / 2)? {
            Some(rows) => {
                let calls = Calls::that_overflowed(&rows);
                uses.add_all(rows.into_iter().filter(|row| !calls.hold_use(row)))?;
                calls
            }
            // They are read twice, because they can't be kept until it is known what overflowed.
            None => {
                let mut calls = Calls::default();
                for file in &files {
                    calls.add_from(file, selection)?;
                }
                for file in &files {
                    uses.add_from(file, selection, |row| !calls.hold_use(row))?;
                }
                calls
            }
        };
        add_overflowed(snapshot, date, &calls, (selection, range), catalog, &mut uses)?;
    }
    derive_parts(snapshot, selection, range, catalog, false, &mut uses)?;
    uses.finish()
}

/// Adds the rows of one day of the calls that overflowed, derived anew.
fn add_overflowed(
    snapshot: &Snapshot,
    date: i32,
    calls: &Calls,
    (selection, range): (&Selection, &TimeRange),
    catalog: &Catalog,
    uses: &mut Gathered,
) -> Result<(), ReadError> {
    if calls.names.is_empty() {
        return Ok(());
    }
    let files: Vec<&DataFile> = snapshot.files(Table::Events).iter().filter(|file| file.event_date == date).collect();
    let is_selected = is_wanted(selection, range);
    let keep = |events: &EventColumns, row: usize| calls.hold_row(events, row) && is_selected(events, row);
    let has_foreign = calls.has_foreign.get();
    let derived = Derive { keep: &keep, predicate: &|| calls.predicate(), has_foreign, is_bounded: false };
    derive(&files, &derived, catalog, uses)
}

/// Which calls of whom: by `eventName`, `eventSource` and principal.
#[derive(Default)]
struct Calls {
    names: HashMap<Text, HashMap<Text, HashSet<Text>>>,
    principals: HashSet<Text>,
    /// Whether only the called accounts logged some of the uses that were left out.
    has_foreign: Cell<bool>,
}

impl Calls {
    fn that_overflowed(rows: &[UsageRow]) -> Calls {
        let mut calls = Calls::default();
        rows.iter().for_each(|row| calls.add(row));
        calls
    }

    fn add(&mut self, row: &UsageRow) {
        if row.overflow {
            let sources = self.names.entry(row.event_name.clone()).or_default();
            sources.entry(row.event_source.clone()).or_default().insert(row.principal_arn.clone());
            self.principals.insert(row.principal_arn.clone());
        }
    }

    fn add_from(&mut self, file: &DataFile, selection: &Selection) -> Result<(), ReadError> {
        for batch in selected_batches(file, selection)? {
            decode(&batch?, &mut Texts::new())?.iter().for_each(|row| self.add(row));
        }
        Ok(())
    }

    /// Whether a use is of such a call.
    fn hold_use(&self, row: &UsageRow) -> bool {
        let is_one = self.hold(&row.event_name, &row.event_source, &row.principal_arn);
        if is_one && row.cross_account {
            self.has_foreign.set(true);
        }
        is_one
    }

    fn hold(&self, name: &str, source: &str, principal: &str) -> bool {
        let principals = self.names.get(name).and_then(|sources| sources.get(source));
        principals.is_some_and(|principals| principals.contains(principal))
    }

    fn hold_row(&self, events: &EventColumns, row: usize) -> bool {
        self.hold(
            events.event_name.value(row).unwrap_or_default(),
            events.event_source.value(row).unwrap_or_default(),
            events.principal_arn(row).unwrap_or_default(),
        )
    }

    /// Rules out most events before they are read; not where a call has no name or nobody made it, which the column
    /// says by no text.
    fn predicate(&self) -> Option<RowPredicate<'_>> {
        if self.names.contains_key("") || self.principals.contains("") {
            return None;
        }
        let (names, principals) = (&self.names, &self.principals);
        Some(RowPredicate {
            columns: &["event_name", "principal_arn"],
            dictionaries: true,
            wanted: Box::new(|batch| {
                let names = by_text(&batch, "event_name", |name| names.contains_key(name))?;
                let principals = by_text(&batch, "principal_arn", |arn| principals.contains(arn))?;
                Ok(arrow::array::BooleanArray::new(&names & &principals, None))
            }),
        })
    }
}
