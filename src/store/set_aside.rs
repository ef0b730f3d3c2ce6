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
use rusqlite::{Transaction, TransactionBehavior, params};

use super::commit::{Commit, Writer, insert_snapshot, move_files, retire_row};
use super::error::StoreError;
use super::fsck::{Checked, FileOf, FindingKind, QUARANTINE, below};
use super::ledger::DayCount;
use super::place::no_links;
use super::read::read_batches;
use super::replaced::{FROM_TABLE, replaced_name};
use super::tables::Table;
use super::{catalog_path, data_dir};
use crate::time::format_date;

/// What a repair came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Files that were set aside, by their old places.
    pub set_aside: Vec<String>,
    /// Files whose rows and bounds the catalog now says as they do.
    pub corrected: u64,
    /// Log objects that the next ingest takes in again.
    pub objects: u64,
    /// Days whose usage is derived anew.
    pub days: BTreeSet<i32>,
    /// Copies of usage that were removed.
    pub months: u64,
}

/// Version of a day whose usage has to be derived anew, whatever the catalogue.
const DAMAGED: &str = "damaged";

impl Writer {
    /// Mends what [`Store::check`](super::Store::check) found, as far as it lies in files and what the catalog says of
    /// them: usage has to be derived anew afterwards.
    pub fn repair(&mut self, checked: &Checked) -> Result<Repaired, StoreError> {
        let mut repaired = Repaired::default();
        for (kind, of) in &checked.files_found {
            match kind {
                FindingKind::Statistics => {
                    self.correct(of)?;
                    repaired.corrected += 1;
                }
                kind => self.set_aside(of, *kind, &mut repaired)?,
            }
        }
        let dir = self.store().dir().to_owned();
        let strays = self.store().strays(self.connection())?;
        // A link is said, not touched: whoever made it knows what it is for.
        let is_file = |path: &&std::path::PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
        for path in strays.into_iter().filter(|path| is_file(&path)) {
            self.quarantine(&path)?;
            repaired.set_aside.push(below(&dir, &path));
        }
        let bad = self.store().bad_months(self.connection()).map_err(StoreError::catalog(&catalog_path(&dir)))?;
        for (path, _) in bad {
            no_links(&dir, &path)?;
            fs::remove_file(&path).map_err(StoreError::io(&path, "cannot remove"))?;
            repaired.months += 1;
        }
        Ok(repaired)
    }

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

    /// Puts what a sound file says of itself into the catalog.
    fn correct(&mut self, of: &FileOf) -> Result<(), StoreError> {
        let staged = super::datafile::describe(of.table, &of.file)?;
        let catalog = catalog_path(self.store().dir());
        let correct = |transaction: Transaction<'_>| {
            let id = of.file.id;
            if of.is_live {
                transaction.execute(
                    "UPDATE ducklake_table_stats SET record_count = record_count + ?2 - \
                     (SELECT record_count FROM ducklake_data_file WHERE data_file_id = ?3) WHERE table_id = ?1",
                    params![of.table.id(), staged.rows, id],
                )?;
            }
            transaction.execute(
                "UPDATE ducklake_data_file SET record_count = ?2, footer_size = ?3 WHERE data_file_id = ?1",
                params![id, staged.rows, staged.footer_size_bytes],
            )?;
            transaction.execute("DELETE FROM ducklake_file_column_stats WHERE data_file_id = ?1", [id])?;
            super::commit::insert_columns(&transaction, of.table, id, &staged.columns)?;
            transaction.commit()
        };
        let transaction = self.connection_mut().transaction_with_behavior(TransactionBehavior::Immediate);
        transaction.and_then(correct).map_err(StoreError::catalog(&catalog))
    }

    fn set_aside(&mut self, of: &FileOf, kind: FindingKind, repaired: &mut Repaired) -> Result<(), StoreError> {
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
        if of.file.path.exists() {
            self.quarantine(&of.file.path)?;
        }
        repaired.set_aside.push(place);
        Ok(())
    }

    fn quarantine(&self, path: &Path) -> Result<(), StoreError> {
        let dir = self.store().dir();
        let name = below(&data_dir(dir), path).replace('/', "-");
        move_files(dir, &[(path.to_owned(), data_dir(dir).join(QUARANTINE).join(name))], self.mode())
    }

    /// Events of a file's day by account and region, without that file.
    fn days_without(&self, of: &FileOf) -> Result<Vec<DayCount>, StoreError> {
        let mut counts: HashMap<(String, String), u64> = HashMap::new();
        let snapshot = self.store().snapshot_with(None, &[])?;
        let date = of.file.event_date;
        let is_other = |file: &&super::DataFile| file.event_date == date && file.id != of.file.id;
        for file in snapshot.files(Table::Events).iter().filter(is_other).filter(|_| of.table == Table::Events) {
            let Ok(batches) = read_batches(file, Some(&["aws_region", "recipient_account_id"]), None) else { continue };
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
    take_back(transaction, of.file.id, snapshot, place)
}

/// Marks the log objects as not taken whose events a file may have.
fn take_back(transaction: &Transaction<'_>, file_id: i64, snapshot: i64, place: &str) -> rusqlite::Result<u64> {
    transaction.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS taken_back (snapshot_id INTEGER PRIMARY KEY); DELETE FROM taken_back;",
    )?;
    transaction.execute(
        "INSERT OR IGNORE INTO taken_back SELECT snapshot_id FROM trailpare_file_origins WHERE data_file_id = ?1 \
         UNION ALL SELECT begin_snapshot FROM ducklake_data_file WHERE data_file_id = ?1 AND NOT EXISTS \
         (SELECT 1 FROM trailpare_file_origins WHERE data_file_id = ?1)",
        [file_id],
    )?;
    // A merged file of a store that didn't note where its rows came from: they may be of any object.
    transaction.execute(
        "INSERT OR IGNORE INTO taken_back SELECT snapshot_id FROM trailpare_taken_objects WHERE NOT EXISTS \
         (SELECT 1 FROM trailpare_taken_objects WHERE snapshot_id IN (SELECT snapshot_id FROM taken_back))",
        [],
    )?;
    let chosen = "snapshot_id IN (SELECT snapshot_id FROM taken_back)";
    let reason = format!("taken in before, but {place} is damaged and was set aside: to be taken in again");
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
