//! Retention: days that a store keeps no longer. Their files leave the tables by a commit like any other, and their
//! counts the ledger; the log objects stay in it, so that no archive brings them back.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::change::Commit;
use super::error::StoreError;
use super::metadata::has_table;
use super::open::Store;
use super::snapshot::DataFile;
use super::tables::Table;
use super::writer::Writer;
use crate::time::{format_date, format_time, now_us, parse_date};

/// What was pruned so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Days before this one are not kept, days since 1970-01-01; `None` where nothing was ever pruned.
    pub before: Option<i32>,
    /// Days with events that went.
    pub days: u64,
    /// Events that went.
    pub events: u64,
}

/// Writes what a commit that prunes changes in the ledger.
pub(super) fn insert(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<()> {
    let Some(before) = commit.pruned_before else { return Ok(()) };
    let day = format_date(before);
    let of_events = commit.replace.iter().filter(|(table, _)| *table == Table::Events);
    let events: u64 = of_events.map(|(_, file)| file.rows).sum();
    let days: i64 = transaction.query_row(
        "SELECT count(DISTINCT event_date) FROM trailpare_days WHERE event_date < ?1",
        [&day],
        |row| row.get(0),
    )?;
    for table in ["trailpare_days", "trailpare_usage_catalogue", "trailpare_conflicts"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE event_date < ?1"), [&day])?;
    }
    let count = i64::try_from(events).unwrap_or(i64::MAX);
    // A record is an event, kept out, or no event of its own: like one that repeats another, so one that was pruned.
    for (name, change) in [("events", -count), ("duplicates", count)] {
        transaction.execute("UPDATE trailpare_totals SET value = value + ?2 WHERE name = ?1", params![name, change])?;
    }
    transaction.execute(
        "INSERT INTO trailpare_pruned VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET days = days + excluded.days, \
         events = events + excluded.events, pruned_time = excluded.pruned_time",
        params![day, days, events, format_time(now_us())],
    )?;
    Ok(())
}

/// A new catalog knows none of the objects of the old one: what comes again of pruned days counts as it comes.
pub(super) fn begin_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE trailpare_pruned SET events = 0", []).map(drop)
}

/// Reads what was pruned so far.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Pruned> {
    if !has_table(connection, "trailpare_pruned")? {
        return Ok(Pruned::default());
    }
    let sql = "SELECT max(before_day), coalesce(sum(days), 0), coalesce(sum(events), 0) FROM trailpare_pruned";
    let read = connection.query_row(sql, [], |row| {
        let before: Option<String> = row.get(0)?;
        Ok(Pruned { before: before.as_deref().and_then(parse_date), days: row.get(1)?, events: row.get(2)? })
    });
    Ok(read.optional()?.unwrap_or_default())
}

impl Store {
    /// What was pruned so far.
    ///
    /// # Errors
    /// The catalog.
    pub fn pruned(&self) -> Result<Pruned, StoreError> {
        self.query(read)
    }
}

impl Writer {
    /// Lets go of all days before one: `files` are those of the tables with such days. Nobody sees them from the next
    /// snapshot on; older snapshots do until they expire. Returns the snapshot.
    ///
    /// # Errors
    /// As [`Writer::commit`]: nothing is changed then.
    pub fn prune(&mut self, before: i32, files: &[(Table, DataFile)]) -> Result<i64, StoreError> {
        let message = format!("prune before {}", format_date(before));
        let replace = files.iter().filter(|(_, file)| file.event_date < before).cloned().collect();
        self.commit(&Commit { replace, pruned_before: Some(before), message, ..Commit::default() })
    }

    /// Removes the copies of usage of all months up to that of a day: they sum up what may be gone.
    ///
    /// # Errors
    /// The disk, the catalog.
    pub fn drop_usage_months_until(&self, day: i32) -> Result<(), StoreError> {
        let last: String = format_date(day).chars().take(7).collect();
        for month in self.usage_month_names()?.into_iter().filter(|month| *month <= last) {
            self.drop_usage_month(&month, None)?;
        }
        Ok(())
    }
}
