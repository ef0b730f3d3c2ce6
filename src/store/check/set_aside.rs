//! Setting damaged files aside: the tables go on without them, and what is in them is asked for again.
//!
//! The newest snapshot no longer has such a file. Older ones keep its row, so that asking them fails instead of leaving
//! rows out in silence. Log objects whose events may have been in it stand as refused from then on, until an ingest
//! takes them in again; events that are still there are duplicates then, as always.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray};
use hashbrown::HashMap;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::super::agreement::note_snapshot;
use super::super::change::{Commit, DayCount};
use super::super::commit::{insert_snapshot, retire_row};
use super::super::error::StoreError;
use super::super::layout::{FROM_TABLE, QUARANTINE, catalog_path, data_dir};
use super::super::ledger::DAMAGED;
use super::super::metadata::has_table;
use super::super::moves::move_files;
use super::super::proof;
use super::super::read::read_batches;
use super::super::retired_files::replaced_name;
use super::super::tables::Table;
use super::super::writer::Writer;
use super::entries::{Entry, Listed, integer};
use super::finding::{FileOf, FindingKind, Repaired, below};
use crate::time::format_date;

/// The files that were set aside.
pub(super) fn noted(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    if !has_table(connection, "trailpare_set_aside")? {
        return Ok(BTreeSet::new());
    }
    let mut statement = connection.prepare("SELECT data_file_id FROM trailpare_set_aside")?;
    let ids = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Value>>>()?;
    Ok(ids.iter().filter_map(integer).collect())
}

impl Writer {
    /// Says that the usage of days has to be derived anew.
    pub fn outdate_usage(&self, days: impl IntoIterator<Item = i32>) -> Result<(), StoreError> {
        let sql = "INSERT INTO trailpare_usage_catalogue VALUES (?1, ?2) \
                   ON CONFLICT DO UPDATE SET version = excluded.version";
        for day in days {
            let outdated = self.connection().execute(sql, [&format_date(day), DAMAGED]);
            outdated.map_err(StoreError::catalog(&catalog_path(self.store().dir())))?;
        }
        Ok(())
    }

    pub(super) fn set_aside(
        &mut self,
        of: &FileOf,
        kind: FindingKind,
        repaired: &mut Repaired,
    ) -> Result<(), StoreError> {
        let dir = self.store().dir().to_owned();
        let (place, catalog) = (below(&dir, &of.file.path), catalog_path(&dir));
        let note = "INSERT OR REPLACE INTO trailpare_set_aside \
                    SELECT ?1, max(snapshot_id), ?2 FROM ducklake_snapshot";
        let noted = self.connection().execute(note, params![of.file.id, kind.name()]);
        noted.map_err(StoreError::catalog(&catalog))?;
        if of.is_live {
            let days = self.days_without(of)?;
            let transaction = self.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate);
            let retire = |transaction: Transaction<'_>| {
                let objects = retire(&transaction, of, &place, &days)?;
                transaction.commit().map(|()| objects)
            };
            repaired.objects += transaction.and_then(retire).map_err(StoreError::catalog(&catalog))?;
            repaired.days.insert(of.file.event_date);
        }
        // A crash before this leaves a stray, which the next repair sets aside.
        let is_plain = fs::symlink_metadata(&of.file.path).map(|found| found.is_file());
        match is_plain {
            Ok(true) if !of.is_others => self.quarantine(&of.file.path)?,
            // Whoever put something else there knows what it is for.
            Ok(false) if !of.is_others => repaired.left.push(place.clone()),
            _ => {}
        }
        repaired.set_aside.push(place);
        Ok(())
    }

    /// Moves a file away, to where nothing lies yet.
    pub(super) fn quarantine(&self, path: &Path) -> Result<(), StoreError> {
        let dir = self.store().dir();
        let name = below(&data_dir(dir), path).replace('/', "-");
        let folder = data_dir(dir).join(QUARANTINE);
        let names = std::iter::once(name.clone()).chain((1..).map(|number| format!("{name}.{number}")));
        let mut free = names.map(|name| folder.join(name)).filter(|to| fs::symlink_metadata(to).is_err());
        let to = free.next().unwrap_or_else(|| folder.join(crate::time::fresh_id().to_string()));
        move_files(dir, &[(path.to_owned(), to)], self.mode())
    }

    /// Events of a file's day by account and region, without that file.
    fn days_without(&self, of: &FileOf) -> Result<Vec<DayCount>, StoreError> {
        let mut counts: HashMap<(String, String), u64> = HashMap::new();
        let date = of.file.event_date;
        let catalog = catalog_path(self.store().dir());
        let listed = Listed::read(self.connection()).map_err(StoreError::catalog(&catalog))?;
        let is_other = |entry: &&Entry| {
            entry.is_live()
                && entry.table == Some(Table::Events)
                && entry.event_date() == Some(date)
                && entry.id != Some(of.file.id)
        };
        for entry in listed.entries.iter().filter(is_other).filter(|_| of.table == Table::Events) {
            let Some(at) = entry.at(self.store().dir()) else { continue };
            let Ok(batches) = read_batches(&at, Some(&["aws_region", "recipient_account_id"]), None) else { continue };
            // Another damaged file is set aside as well.
            for batch in batches.flatten() {
                let text = |name: &str, row: usize| {
                    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
                    column.filter(|column| column.is_valid(row)).map_or_else(String::new, |c| c.value(row).to_owned())
                };
                for row in 0..batch.num_rows() {
                    *counts.entry((text("recipient_account_id", row), text("aws_region", row))).or_default() += 1;
                }
            }
        }
        let day = |((account_id, aws_region), events)| DayCount { event_date: date, account_id, aws_region, events };
        Ok(counts.into_iter().map(day).collect())
    }
}

/// Takes a file out of the newest snapshot; returns how many log objects are to be taken in again.
fn retire(transaction: &Transaction<'_>, of: &FileOf, place: &str, days: &[DayCount]) -> rusqlite::Result<u64> {
    let replace = vec![(of.table, of.file.clone())];
    let commit = Commit { replace, message: "set a damaged file aside".to_owned(), ..Default::default() };
    let snapshot = insert_snapshot(transaction, &commit)?;
    let date = format_date(of.file.event_date);
    let path = format!("{FROM_TABLE}{}", replaced_name(of.table, &of.file.path));
    retire_row(transaction, of.file.id, snapshot, &path)?;
    let sql =
        "INSERT INTO trailpare_usage_catalogue VALUES (?1, ?2) ON CONFLICT DO UPDATE SET version = excluded.version";
    transaction.execute(sql, [&date, DAMAGED])?;
    if of.table == Table::Usage {
        return Ok(0);
    }
    transaction.execute("DELETE FROM trailpare_days WHERE event_date = ?1", [&date])?;
    for day in days {
        let sql = "INSERT INTO trailpare_days VALUES (?1, ?2, ?3, ?4)";
        transaction.execute(sql, params![date, day.account_id, day.aws_region, day.events])?;
    }
    note_snapshot(transaction, snapshot)?;
    choose_origins(transaction, of.file.id)?;
    take_back(transaction, snapshot, &format!("{place} is damaged and was set aside"))
}

/// Chooses the snapshots whose log objects may have brought what is in a file.
fn choose_origins(transaction: &Transaction<'_>, file_id: i64) -> rusqlite::Result<()> {
    choose_none(transaction)?;
    transaction.execute(
        "INSERT OR IGNORE INTO taken_back SELECT snapshot_id FROM trailpare_file_origins WHERE data_file_id = ?1 \
         UNION ALL SELECT begin_snapshot FROM ducklake_data_file WHERE data_file_id = ?1 AND NOT EXISTS \
         (SELECT 1 FROM trailpare_file_origins WHERE data_file_id = ?1)",
        [file_id],
    )?;
    // Objects that brought events that no file is of: whatever lost track of them, they may be of this one.
    transaction.execute(
        "INSERT OR IGNORE INTO taken_back SELECT DISTINCT snapshot_id FROM trailpare_taken_objects WHERE events > 0 AND \
         snapshot_id NOT IN (SELECT f.begin_snapshot FROM ducklake_data_file f WHERE f.table_id = 1 \
         AND f.end_snapshot IS NULL UNION SELECT o.snapshot_id FROM trailpare_file_origins o \
         JOIN ducklake_data_file f USING (data_file_id) WHERE f.end_snapshot IS NULL)",
        [],
    )?;
    // A merged file of a store that didn't note where its rows came from: they may be of any object.
    transaction.execute(
        "INSERT OR IGNORE INTO taken_back SELECT snapshot_id FROM trailpare_taken_objects WHERE NOT EXISTS \
         (SELECT 1 FROM trailpare_taken_objects WHERE snapshot_id IN (SELECT snapshot_id FROM taken_back))",
        [],
    )?;
    Ok(())
}

fn choose_none(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS taken_back (snapshot_id INTEGER PRIMARY KEY); DELETE FROM taken_back;",
    )
}

impl Writer {
    /// Marks all log objects as not taken.
    pub(super) fn take_back_all(&mut self, why: &str) -> rusqlite::Result<u64> {
        let transaction = self.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate)?;
        choose_none(&transaction)?;
        let all = "INSERT OR IGNORE INTO taken_back SELECT snapshot_id FROM trailpare_taken_objects";
        transaction.execute(all, [])?;
        let newest = transaction.query_row("SELECT max(snapshot_id) FROM ducklake_snapshot", [], |row| row.get(0))?;
        let objects = take_back(&transaction, newest, why)?;
        transaction.commit()?;
        Ok(objects)
    }
}

/// Marks the log objects of the chosen snapshots as not taken.
fn take_back(transaction: &Transaction<'_>, snapshot: i64, why: &str) -> rusqlite::Result<u64> {
    let chosen = "snapshot_id IN (SELECT snapshot_id FROM taken_back)";
    let reason = format!("taken in before, but {why}: to be taken in again");
    transaction.execute(
        &format!(
            "INSERT OR REPLACE INTO trailpare_refused_objects (name, path, size_bytes, sha256, snapshot_id, reason) \
             SELECT name, path, size_bytes, sha256, ?1, ?2 FROM trailpare_objects WHERE state = 'taken' AND {chosen}"
        ),
        params![snapshot, reason],
    )?;
    for (total, column) in
        [("objects", "1"), ("object_bytes", "size_bytes"), ("records", "records"), ("broken", "broken")]
    {
        let sql = format!(
            "UPDATE trailpare_totals SET value = value - \
             (SELECT coalesce(sum({column}), 0) FROM trailpare_taken_objects WHERE {chosen}) WHERE name = ?1"
        );
        transaction.execute(&sql, [total])?;
    }
    transaction.execute(
        &format!(
            "DELETE FROM trailpare_broken_records WHERE name IN \
             (SELECT name FROM trailpare_objects WHERE state = 'taken' AND {chosen})"
        ),
        [],
    )?;
    let objects = transaction.execute(&format!("DELETE FROM trailpare_taken_objects WHERE {chosen}"), [])?;
    proof::forget_taken_back(transaction)?;
    if objects > 0 && has_table(transaction, "trailpare_containers")? {
        // They may have been in any of them.
        transaction.execute("DELETE FROM trailpare_containers", [])?;
    }
    // Each record is an event, a duplicate of one, or kept out. Until the objects have come again there may be more
    // events than records: the number of duplicates is below zero so long, and right afterwards.
    transaction.execute(
        "UPDATE trailpare_totals SET value = (SELECT record_count FROM ducklake_table_stats WHERE table_id = ?1) \
         WHERE name = 'events'",
        [Table::Events.id()],
    )?;
    transaction.execute(
        "UPDATE trailpare_totals SET value = (SELECT sum(CASE name WHEN 'records' THEN value ELSE -value END) \
         FROM trailpare_totals WHERE name IN ('records', 'events', 'broken')) WHERE name = 'duplicates'",
        [],
    )?;
    Ok(objects as u64)
}
