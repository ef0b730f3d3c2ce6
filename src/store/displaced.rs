//! Objects that a proved one has taken the place of, and events of another account, region or time than their object's
//! name says.

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::change::{Cleared, Commit, LedgerEntry, Stray};
use super::connection::EVIDENCE_SQL;
use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata::has_table;
use super::object_rows::split;
use super::open::Store;
use super::passed_over::ALTERED;
use super::proof;
use super::tables::Table;
use super::writer::Writer;
use crate::time::{format_date, parse_date, parse_time};

/// An object that a proved one of its name has taken the place of, while events that only it had are still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Displaced {
    /// The name of both.
    pub name: String,
    /// SHA-256 of its bytes as stored.
    pub sha256: [u8; 32],
    /// Where it was read.
    pub path: String,
    /// The snapshot in which it was taken in.
    pub snapshot: i64,
    /// Events that it had brought first.
    pub events: u64,
    /// Events of it that the store has the proved ones of now.
    pub replaced: u64,
}

/// An object that was taken in, and may hold an event that another one brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name in the ledger.
    pub name: String,
    /// Where it was read.
    pub path: String,
    /// SHA-256 of its bytes as stored.
    pub sha256: Option<[u8; 32]>,
    /// Events of it that others had brought.
    pub duplicates: u64,
    /// Events that it brought first.
    pub events: u64,
}

/// Makes the tables where they are missing. What a store from before has of its archives counts as compared when they were
/// last gone through: nobody wants to read all of them anew.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if has_table(connection, "trailpare_compared")? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(EVIDENCE_SQL)?;
    let archives: Vec<(String, String)> = transaction
        .prepare("SELECT place, seen_time FROM trailpare_archives")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (place, seen_time) in archives {
        let Some(seen_us) = parse_time(&seen_time) else { continue };
        transaction.execute("INSERT OR IGNORE INTO trailpare_compared VALUES (?1, ?2)", params![place, seen_us])?;
    }
    transaction.commit()
}

/// Objects that were taken in, with their names and places.
const TAKEN: &str = "trailpare_taken_objects JOIN trailpare_name_prefixes USING (prefix_id) \
                     JOIN trailpare_places USING (place_id)";
const PATH: &str = "CASE WHEN path_end IS NULL THEN path_start ELSE path_start || tail || path_end END";

/// Notes what an object takes the place of, before it does.
pub(super) fn note(transaction: &Transaction<'_>, entry: &LedgerEntry) -> rusqlite::Result<()> {
    let Some(replaced) = entry.displaces else { return Ok(()) };
    let (prefix, tail) = split(&entry.name);
    let sql = format!(
        "INSERT OR IGNORE INTO trailpare_displaced SELECT prefix || tail, sha256, {PATH}, size_bytes, snapshot_id, events, \
         ?3, 'waiting', 0 FROM {TAKEN} WHERE tail = ?1 AND prefix = ?2 AND sha256 IS NOT NULL AND sha256 IS NOT ?4"
    );
    transaction.prepare_cached(&sql)?.execute(params![tail, prefix, replaced, entry.sha256])?;
    Ok(())
}

/// Writes what a commit says of objects that were displaced, and takes the events out of the sums that are gone.
pub(super) fn insert(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<()> {
    let less: u64 = commit.less.iter().map(|day| day.events).sum();
    // A record that is no event of the store is a duplicate of one.
    for (total, number) in [("events", 1), ("duplicates", -1)] {
        let more = i64::try_from(commit.instead).unwrap_or(i64::MAX) - i64::try_from(less).unwrap_or(i64::MAX);
        if more != 0 {
            transaction
                .prepare_cached("UPDATE trailpare_totals SET value = value + ?2 WHERE name = ?1")?
                .execute(params![total, number * more])?;
        }
    }
    for day in &commit.less {
        transaction
            .prepare_cached(
                "UPDATE trailpare_days SET events = events - ?4 WHERE event_date = ?1 AND account_id = ?2 AND aws_region = ?3",
            )?
            .execute(params![format_date(day.event_date), day.account_id, day.aws_region, day.events])?;
    }
    if !commit.less.is_empty() {
        transaction.execute("DELETE FROM trailpare_days WHERE events = 0", [])?;
    }
    commit.cleared.iter().try_for_each(|cleared| insert_cleared(transaction, cleared))?;
    proof::refresh_days_of(transaction, commit.cleared.iter().map(|cleared| cleared.name.as_str()))
}

fn insert_cleared(transaction: &Transaction<'_>, cleared: &Cleared) -> rusqlite::Result<()> {
    let Cleared { name, sha256, removed, moved } = cleared;
    let state = if removed.is_some() { "gone" } else { "left" };
    let sql = "UPDATE trailpare_displaced SET state = ?3, removed = ?4 WHERE name = ?1 AND sha256 = ?2";
    transaction.prepare_cached(sql)?.execute(params![name, sha256, state, removed.unwrap_or_default()])?;
    if removed.is_none() {
        // It stands until somebody accepts it; its bytes are refused wherever they turn up.
        let reason = format!(
            "{ALTERED}: it was taken in before it could be proved, and a proved object has taken its place; events that only \
             it had may still be in the store, because not every object taken in beside it can be read again\n\
             hint: make a store anew from the archives with `trailpare ingest --verify`, or accept it with `trailpare forget`"
        );
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO trailpare_refused_objects (name, path, size_bytes, sha256, snapshot_id, reason) \
                 SELECT name || '#' || lower(substr(hex(sha256), 1, 32)), path, size_bytes, sha256, snapshot_id, ?3 \
                 FROM trailpare_displaced WHERE name = ?1 AND sha256 = ?2",
            )?
            .execute(params![name, sha256, reason])?;
    }
    let (prefix, tail) = split(name);
    transaction
        .prepare_cached(
            "UPDATE trailpare_taken_objects SET events = events + ?3, duplicates = duplicates - ?3 WHERE tail = ?1 AND \
             prefix_id = (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2) AND duplicates >= ?3",
        )?
        .execute(params![tail, prefix, moved])?;
    Ok(())
}

/// Notes events of an object that are of another account, region or time than its name says, in the place of what was
/// noted before.
pub(super) fn insert_strays(transaction: &Transaction<'_>, entry: &LedgerEntry) -> rusqlite::Result<()> {
    let (prefix, tail) = split(&entry.name);
    if entry.is_again {
        let sql = "DELETE FROM trailpare_stray_events WHERE tail = ?1 AND prefix_id = \
                   (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
        transaction.prepare_cached(sql)?.execute([tail, prefix])?;
    }
    for stray in &entry.strays {
        let day = stray.day.map(format_date).unwrap_or_default();
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO trailpare_stray_events SELECT ?1, prefix_id, ?3, ?4, ?5, ?6 \
                 FROM trailpare_name_prefixes WHERE prefix = ?2",
            )?
            .execute(params![tail, prefix, stray.account_id, stray.region, day, stray.events])?;
    }
    Ok(())
}

/// Files of events that hold what was taken in with one of the snapshots in `wanted`.
const FILES: &str = "SELECT f.data_file_id FROM ducklake_data_file f WHERE f.table_id = ?1 AND f.end_snapshot IS NULL AND \
                     (EXISTS (SELECT 1 FROM trailpare_file_origins o JOIN wanted USING (snapshot_id) \
                     WHERE o.data_file_id = f.data_file_id) OR f.begin_snapshot IN (SELECT snapshot_id FROM wanted) AND \
                     NOT EXISTS (SELECT 1 FROM trailpare_file_origins o WHERE o.data_file_id = f.data_file_id))";

fn choose(connection: &Connection, snapshots: &[i64]) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS wanted (snapshot_id INTEGER PRIMARY KEY); DELETE FROM wanted;",
    )?;
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO wanted VALUES (?1)")?;
    snapshots.iter().try_for_each(|snapshot| insert.execute([snapshot]).map(drop))
}

fn holder(row: &rusqlite::Row<'_>) -> rusqlite::Result<Holder> {
    Ok(Holder {
        name: row.get(0)?,
        path: row.get(1)?,
        sha256: row.get(2)?,
        duplicates: row.get(3)?,
        events: row.get(4)?,
    })
}

impl Writer {
    /// Objects that were displaced while events that only they had are still there.
    pub fn displaced(&self) -> Result<Vec<Displaced>, StoreError> {
        let read = || {
            let sql = "SELECT name, sha256, path, snapshot_id, events, replaced FROM trailpare_displaced \
                       WHERE state = 'waiting' ORDER BY 1, 2";
            let mut statement = self.connection().prepare(sql)?;
            let rows = statement.query_map([], |row| {
                Ok(Displaced {
                    name: row.get(0)?,
                    sha256: row.get(1)?,
                    path: row.get(2)?,
                    snapshot: row.get(3)?,
                    events: row.get(4)?,
                    replaced: row.get(5)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Ids of the files of events that hold what was taken in with one of these snapshots.
    pub fn files_of_snapshots(&self, snapshots: &[i64]) -> Result<Vec<i64>, StoreError> {
        let read = || {
            choose(self.connection(), snapshots)?;
            let mut statement = self.connection().prepare(FILES)?;
            let rows = statement.query_map([Table::Events.id()], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<i64>>>()
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Whether of every file of events it is known with which snapshots its rows came: stores of older versions did not
    /// note that when they merged files.
    pub fn knows_origins(&self) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM ducklake_data_file f WHERE f.table_id = ?1 AND f.end_snapshot IS NULL \
                   AND NOT EXISTS (SELECT 1 FROM trailpare_file_origins o WHERE o.data_file_id = f.data_file_id) \
                   AND f.begin_snapshot NOT IN (SELECT snapshot_id FROM trailpare_taken_objects UNION \
                   SELECT snapshot_id FROM trailpare_displaced))";
        let read = self.connection().query_row(sql, [Table::Events.id()], |row| row.get(0));
        read.map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Objects that may hold an event in those files: all that were taken in with a snapshot that a file has rows of, those
    /// of later ones that had events which were there, and those that have taken the place of others, whose events they
    /// may have.
    pub fn holders(&self, snapshots: &[i64]) -> Result<Vec<Holder>, StoreError> {
        let first = snapshots.iter().min().copied().unwrap_or_default();
        let read = || {
            choose(self.connection(), snapshots)?;
            let sql = format!(
                "WITH files AS MATERIALIZED ({FILES}), origins AS MATERIALIZED (\
                 SELECT snapshot_id FROM wanted UNION \
                 SELECT o.snapshot_id FROM trailpare_file_origins o WHERE o.data_file_id IN (SELECT * FROM files)) \
                 SELECT name, path, sha256, duplicates, events FROM trailpare_objects WHERE state = 'taken' AND \
                 (snapshot_id IN (SELECT snapshot_id FROM origins) OR duplicates > 0 AND snapshot_id >= ?2 OR \
                 name IN (SELECT name FROM trailpare_displaced))"
            );
            let mut statement = self.connection().prepare(&sql)?;
            let rows = statement.query_map([Table::Events.id(), first], holder)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// The object of a name that was taken in.
    pub fn holder(&self, name: &str) -> Result<Option<Holder>, StoreError> {
        let (prefix, tail) = split(name);
        let sql = format!(
            "SELECT prefix || tail, {PATH}, sha256, duplicates, events FROM {TAKEN} WHERE tail = ?1 AND prefix = ?2"
        );
        let read = self.connection().query_row(&sql, [tail, prefix], holder).optional();
        read.map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// When the run began that last compared what is known of a folder with what lies there, microseconds since 1970.
    pub fn compared(&self, place: &str) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT compared_us FROM trailpare_compared WHERE place = ?1";
        let read = self.connection().query_row(sql, [place], |row| row.get(0)).optional();
        read.map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Notes that what is known of these folders was compared by a run that began then.
    pub fn note_compared(&mut self, places: &[&str], began_us: i64) -> Result<(), StoreError> {
        let catalog = catalog_path(self.store().dir());
        let note = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for place in places {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO trailpare_compared VALUES (?1, ?2)")?
                    .execute(params![place, began_us])?;
            }
            transaction.commit()
        };
        note(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }
}

impl Store {
    /// Objects that proved ones have taken the place of, whatever became of their events: name, and how many events the
    /// proved one replaced and how many are gone.
    pub fn displaced_objects(&self) -> Result<Vec<(String, u64, u64)>, StoreError> {
        self.query(|connection| {
            if !has_table(connection, "trailpare_displaced")? {
                return Ok(Vec::new());
            }
            let mut statement =
                connection.prepare("SELECT name, replaced, removed FROM trailpare_displaced ORDER BY 1")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
    }

    /// Events of objects that are not proved, of another account, region or time than the objects' names say.
    pub fn unproved_strays(&self) -> Result<Vec<Stray>, StoreError> {
        self.query(|connection| {
            if !has_table(connection, "trailpare_stray_events")? {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare(
                "SELECT account_id, aws_region, day, sum(events) FROM trailpare_stray_events \
                 LEFT JOIN trailpare_verdicts USING (tail, prefix_id) WHERE verdict IS NOT 'valid' GROUP BY 1, 2, 3",
            )?;
            let rows = statement.query_map([], |row| {
                let day: String = row.get(2)?;
                Ok(Stray { account_id: row.get(0)?, region: row.get(1)?, day: parse_date(&day), events: row.get(3)? })
            })?;
            rows.collect()
        })
    }
}
