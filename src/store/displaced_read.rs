//! Which objects proved ones have taken the place of, and which objects may hold their events.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::change::Stray;
use super::displaced::{PATH, TAKEN};
use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata::has_table;
use super::object_rows::split;
use super::open::Store;
use super::snapshot::DataFile;
use super::tables::Table;
use super::writer::Writer;
use crate::time::parse_date;

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

/// Stands among the origins of a file where events in it may be of no object of the ledger. No snapshot has this
/// number.
pub(super) const NO_OBJECT: i64 = -1;

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

    /// Whether one of these files of events may hold events that no object of the ledger has.
    pub fn may_lack_objects(&self, files: &[&DataFile]) -> Result<bool, StoreError> {
        let read = || {
            let sql =
                "SELECT EXISTS (SELECT 1 FROM trailpare_file_origins WHERE data_file_id = ?1 AND snapshot_id = ?2)";
            let mut statement = self.connection().prepare(sql)?;
            for file in files {
                if statement.query_row([file.id, NO_OBJECT], |row| row.get(0))? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Objects that may hold an event in those files: all that were taken in with a snapshot that a file has rows of,
    /// those of later ones that had events which were there, and those that have taken the place of others, whose
    /// events they may have.
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
