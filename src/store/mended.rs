//! Records that were kept out, and the events that stand beside them in their objects: by these a mended version of the
//! object is known, wherever it lies.

use rusqlite::{Connection, Transaction, params};

use super::change::{Commit, LedgerEntry, Neighbours};
use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata::has_table;
use super::writer::Writer;

/// A record that was kept out and is so still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptOut {
    /// The object's name in the ledger.
    pub name: String,
    /// The record's position in it.
    pub index: u64,
    /// What stands beside it.
    pub neighbours: Neighbours,
}

/// Notes the neighbours of an object's records that were kept out.
pub(super) fn insert(transaction: &Transaction<'_>, entry: &LedgerEntry) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT OR REPLACE INTO trailpare_broken_neighbours VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for record in &entry.broken {
        let Neighbours { before, after, between } = record.neighbours;
        let [before, after] = [before, after].map(|key| key.map(u128::to_be_bytes));
        insert.execute(params![entry.name, record.index, before, after, between])?;
    }
    Ok(())
}

/// Strikes records that were kept out and have come since.
pub(super) fn strike(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<()> {
    for (name, index) in &commit.mended {
        for table in ["trailpare_broken_records", "trailpare_broken_neighbours"] {
            transaction
                .prepare_cached(&format!("DELETE FROM {table} WHERE name = ?1 AND record_index = ?2"))?
                .execute(params![name, index])?;
        }
    }
    Ok(())
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<KeptOut>> {
    if !has_table(connection, "trailpare_broken_neighbours")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(
        "SELECT name, record_index, before_key, after_key, between_count FROM trailpare_broken_neighbours \
         JOIN trailpare_broken_records USING (name, record_index)",
    )?;
    let rows = statement.query_map([], |row| {
        let key = |key: Option<[u8; 16]>| key.map(u128::from_be_bytes);
        let neighbours = Neighbours { before: key(row.get(2)?), after: key(row.get(3)?), between: row.get(4)? };
        Ok(KeptOut { name: row.get(0)?, index: row.get(1)?, neighbours })
    })?;
    rows.collect()
}

impl Writer {
    /// Records that were kept out and are so still, as far as it is known what stands beside them.
    pub fn kept_out(&self) -> Result<Vec<KeptOut>, StoreError> {
        read(self.connection()).map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }
}
