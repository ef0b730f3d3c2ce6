//! Accepting for good that something was not taken: it no longer stands in the ledger, which keeps who accepted it, and
//! when. Should the same bytes be refused again, nobody hears of it.

use std::collections::HashSet;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata::has_table;
use super::object_rows::split;
use super::open::Store;
use super::passed_over::key;
use super::writer::Writer;
use crate::time::{format_time, now_us};

/// What to forget, and on whose word.
pub struct Forget<'a> {
    /// Whether a name, path or event id is meant.
    pub is_meant: &'a dyn Fn(&str) -> bool,
    /// Who accepts it.
    pub by: &'a str,
    /// Why.
    pub note: Option<&'a str>,
    /// Only say what would be.
    pub is_dry: bool,
}

/// Something that was not taken and is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// `refused`, `record`, `conflict` or `missing`.
    pub what: String,
    /// The object's name; of a conflict the event's id.
    pub name: String,
    /// Where it was read.
    pub path: String,
    /// Of a record its position in the object.
    pub index: Option<u64>,
    /// Why it had not been taken.
    pub reason: String,
    /// Who accepted it.
    pub by: String,
    /// When.
    pub time: String,
    /// Why.
    pub note: Option<String>,
}

/// Keys of the refusals that are accepted.
pub(super) fn forgotten(connection: &Connection) -> rusqlite::Result<HashSet<u128>> {
    let mut statement =
        connection.prepare("SELECT name, sha256, reason FROM trailpare_forgotten WHERE what = 'refused'")?;
    let mut rows = statement.query([])?;
    let mut keys = HashSet::new();
    while let Some(row) = rows.next()? {
        let sha256: Option<[u8; 32]> = row.get(1)?;
        keys.insert(key(row.get_ref(0)?.as_str()?, sha256.as_ref(), row.get_ref(2)?.as_str()?));
    }
    Ok(keys)
}

/// What stands, each kind in the columns of `trailpare_forgotten` before the last three. A record's path is its
/// object's.
const STANDING: &str = "
    SELECT 'refused', name, path, NULL, offset_bytes, sha256, reason FROM trailpare_refused_objects
    UNION ALL
    SELECT 'record', b.name, coalesce((SELECT path FROM trailpare_objects o WHERE o.name = b.name LIMIT 1), b.name),
        record_index, offset_bytes, NULL, reason FROM trailpare_broken_records b
    UNION ALL
    SELECT 'conflict', event_id, path, record_index, offset_bytes, NULL,
        'another event of this id is in the store, from ' || coalesce(first_path, 'an unknown place')
        FROM trailpare_conflicts
    UNION ALL
    SELECT 'missing', prefix || tail, prefix || tail, NULL, NULL, NULL, 'missing: listed by ' || digest
        FROM trailpare_missing_objects JOIN trailpare_name_prefixes USING (prefix_id)";

impl Writer {
    /// Forgets what is meant; returns it.
    pub fn forget(&mut self, forget: &Forget<'_>) -> Result<Vec<Forgotten>, StoreError> {
        let catalog = catalog_path(self.store().dir());
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let time = format_time(now_us());
            let before: i64 =
                transaction
                    .query_row("SELECT coalesce(max(forgotten_id), 0) FROM trailpare_forgotten", [], |r| r.get(0))?;
            move_meant(&transaction, forget, &time)?;
            let forgotten = read(&transaction, before)?;
            if forget.is_dry {
                transaction.rollback()?
            } else {
                transaction.commit()?
            }
            Ok(forgotten)
        };
        run(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }
}

fn move_meant(transaction: &Transaction<'_>, forget: &Forget<'_>, time: &str) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(STANDING)?;
    let mut rows = statement.query([])?;
    let mut meant = Vec::new();
    while let Some(row) = rows.next()? {
        let (what, name, path): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if (forget.is_meant)(&name) || (forget.is_meant)(&path) {
            let index: Option<u64> = row.get(3)?;
            let (offset, sha256): (Option<u64>, Option<[u8; 32]>) = (row.get(4)?, row.get(5)?);
            let reason: String = row.get(6)?;
            meant.push((what, name, path, index, offset, sha256, reason));
        }
    }
    drop(rows);
    let mut insert = transaction.prepare(
        "INSERT INTO trailpare_forgotten (what, name, path, record_index, offset_bytes, sha256, reason, forgotten_by, \
         forgotten_time, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (what, name, path, index, offset, sha256, reason) in meant {
        insert.execute(params![what, name, path, index, offset, sha256, reason, forget.by, time, forget.note])?;
        match what.as_str() {
            "refused" => transaction.execute("DELETE FROM trailpare_refused_objects WHERE name = ?1", [&name])?,
            "record" => transaction.execute(
                "DELETE FROM trailpare_broken_records WHERE name = ?1 AND record_index = ?2",
                params![name, index],
            )?,
            "missing" => {
                let (prefix, tail) = split(&name);
                transaction.execute(
                    "DELETE FROM trailpare_missing_objects WHERE tail = ?1 AND prefix_id = \
                     (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)",
                    [tail, prefix],
                )?
            }
            _ => transaction.execute(
                "DELETE FROM trailpare_conflicts WHERE event_id = ?1 AND path = ?2 AND record_index = ?3",
                params![name, path, index],
            )?,
        };
    }
    Ok(())
}

fn read(connection: &Connection, after: i64) -> rusqlite::Result<Vec<Forgotten>> {
    let mut statement = connection.prepare(
        "SELECT what, name, path, record_index, reason, forgotten_by, forgotten_time, note FROM trailpare_forgotten \
         WHERE forgotten_id > ?1 ORDER BY forgotten_id",
    )?;
    let rows = statement.query_map([after], |row| {
        Ok(Forgotten {
            what: row.get(0)?,
            name: row.get(1)?,
            path: row.get(2)?,
            index: row.get(3)?,
            reason: row.get(4)?,
            by: row.get(5)?,
            time: row.get(6)?,
            note: row.get(7)?,
        })
    })?;
    rows.collect()
}

impl Store {
    /// All that was accepted, the first first.
    pub fn forgotten(&self) -> Result<Vec<Forgotten>, StoreError> {
        self.query(
            |connection| {
                if has_table(connection, "trailpare_forgotten")? { read(connection, 0) } else { Ok(Vec::new()) }
            },
        )
    }
}
