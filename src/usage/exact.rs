//! Reading usage without an overflow: what was counted together is derived anew from `events`.

use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};

use super::columns::EventColumns;
use super::interner::Texts;
use super::months::{days, parts};
use super::read::{Derive, ReadError, Sessions, by_text, derive, derive_parts, finish, is_wanted, read_usage};
use super::row::UsageRow;
use super::select::{Cover, Selection, TimeRange};
use super::text::Text;
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
    let is_whole = |file: &DataFile| range.cover(file.event_date) == Cover::All;
    let by_months = sessions == Sessions::Together && selection.sessions.is_empty();
    let found = if by_months { parts(snapshot, is_whole) } else { days(snapshot, is_whole) };
    let (mut rows, mut known, mut by_day) = (Vec::new(), Texts::new(), found.days);
    for month in &found.months {
        match read_usage(month, selection, &mut known) {
            Ok(read) if !read.iter().any(|row| row.overflow) => rows.extend(read),
            // Its days tell what overflowed, and they are there where the month was replaced meanwhile.
            _ => by_day.extend(snapshot.files(Table::Usage).iter().filter(|file| month.covers(file))),
        }
    }
    let mut files_of: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
    for file in by_day {
        files_of.entry(file.event_date).or_default().push(file);
    }
    for (date, files) in files_of {
        let mut of_day = Vec::new();
        for file in files {
            of_day.extend(read_usage(file, selection, &mut known)?);
        }
        rows.extend(without_overflow(snapshot, date, of_day, (selection, range), catalog)?);
    }
    rows.extend(derive_parts(snapshot, selection, range, catalog, false)?);
    Ok(finish(rows, sessions))
}

/// The rows of one day, those of calls that overflowed derived anew.
fn without_overflow(
    snapshot: &Snapshot,
    date: i32,
    mut rows: Vec<UsageRow>,
    (selection, range): (&Selection, &TimeRange),
    catalog: &Catalog,
) -> Result<Vec<UsageRow>, ReadError> {
    let calls = Calls::that_overflowed(&rows);
    if calls.names.is_empty() {
        return Ok(rows);
    }
    let mut has_foreign = false;
    rows.retain(|row| {
        let is_one = calls.hold(&row.event_name, &row.event_source, &row.principal_arn);
        has_foreign |= is_one && row.cross_account;
        !is_one
    });
    let files: Vec<&DataFile> = snapshot.files(Table::Events).iter().filter(|file| file.event_date == date).collect();
    let is_selected = is_wanted(selection, range);
    let keep = |events: &EventColumns, row: usize| calls.hold_row(events, row) && is_selected(events, row);
    let derived = Derive { keep: &keep, predicate: &|| calls.predicate(), has_foreign, is_bounded: false };
    rows.extend(derive(&files, &derived, catalog)?);
    Ok(rows)
}

/// Which calls of whom: by `eventName`, `eventSource` and principal.
#[derive(Default)]
struct Calls {
    names: HashMap<Text, HashMap<Text, HashSet<Text>>>,
    principals: HashSet<Text>,
}

impl Calls {
    fn that_overflowed(rows: &[UsageRow]) -> Calls {
        let mut calls = Calls::default();
        for row in rows.iter().filter(|row| row.overflow) {
            let sources = calls.names.entry(row.event_name.clone()).or_default();
            sources.entry(row.event_source.clone()).or_default().insert(row.principal_arn.clone());
            calls.principals.insert(row.principal_arn.clone());
        }
        calls
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
        Some(RowPredicate {
            columns: &["event_name", "principal_arn"],
            dictionaries: true,
            wanted: Box::new(|batch| {
                let names = by_text(&batch, "event_name", |name| self.names.contains_key(name))?;
                let principals = by_text(&batch, "principal_arn", |arn| self.principals.contains(arn))?;
                Ok(arrow::array::BooleanArray::new(&names & &principals, None))
            }),
        })
    }
}
