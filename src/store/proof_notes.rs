//! What the ledger knows of objects that digests list, and what is noted of them.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::change::{ObjectProof, ObjectVerdict};
use super::error::StoreError;
use super::layout::catalog_path;
use super::object_rows::split;
use super::open::Store;
use super::proof::{ProofNotes, insert_notes};
use super::writer::Writer;
use crate::time::parse_date;

/// What the ledger knows of an object that a digest lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// It stands as refused.
    Refused,
    /// Somebody accepted that it is not there.
    Accepted,
    /// It was taken in, and verified if there is something.
    Taken(Option<ObjectProof>),
}

/// What the ledger has of an object that was taken in, to be compared with what lies there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenBefore {
    /// SHA-256 of its bytes as stored.
    pub sha256: [u8; 32],
    /// SHA-256 of its inflated bytes, where digests were asked about it.
    pub content_sha256: Option<[u8; 32]>,
    /// Its size as stored.
    pub size_bytes: u64,
    /// Whether records of it were kept out.
    pub is_partial: bool,
    /// Whether it is proved.
    pub is_proved: bool,
    /// Whether digests were never asked about it, and are to be.
    pub is_unproved: bool,
}

fn taken_before(connection: &Connection, name: &str) -> rusqlite::Result<Option<TakenBefore>> {
    let (prefix, tail) = split(name);
    let sql = "SELECT sha256, content_sha256, size_bytes, broken, verdict FROM trailpare_taken_objects \
               LEFT JOIN trailpare_verdicts USING (tail, prefix_id) WHERE sha256 IS NOT NULL AND tail = ?1 AND \
               prefix_id = (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
    let before = |row: &rusqlite::Row<'_>| {
        Ok(TakenBefore {
            sha256: row.get(0)?,
            content_sha256: row.get(1)?,
            size_bytes: row.get(2)?,
            is_partial: row.get::<_, u64>(3)? > 0,
            is_proved: row.get_ref(4)?.as_str_or_null()? == Some(ObjectVerdict::Valid.name()),
            is_unproved: row.get::<_, Option<String>>(4)?.is_none(),
        })
    };
    connection.prepare_cached(sql)?.query_row([tail, prefix], before).optional()
}

/// Looks objects up that were taken in, for threads that don't write.
#[derive(Debug)]
pub struct TakenObjects {
    connection: Mutex<Connection>,
    catalog: PathBuf,
}

impl TakenObjects {
    /// What the ledger has of the object of a canonical name, if it was taken in.
    pub fn get(&self, name: &str) -> Result<Option<TakenBefore>, StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        taken_before(&connection, name).map_err(StoreError::catalog(&self.catalog))
    }
}

impl Store {
    /// Looks objects up that were taken in.
    pub fn taken_objects(&self) -> Result<TakenObjects, StoreError> {
        Ok(TakenObjects { connection: Mutex::new(self.connect()?), catalog: catalog_path(self.dir()) })
    }
}

impl Writer {
    /// As [`TakenObjects::get`], for who writes.
    pub fn taken_before(&self, name: &str) -> Result<Option<TakenBefore>, StoreError> {
        taken_before(self.connection(), name).map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// What the ledger knows of the object of a canonical name.
    pub fn standing_of(&self, name: &str) -> Result<Standing, StoreError> {
        let (prefix, tail) = split(name);
        let read = || {
            let mut statement = self.connection().prepare_cached(
                "SELECT verdict, content_sha256, reason FROM trailpare_taken_objects \
                 LEFT JOIN trailpare_verdicts USING (tail, prefix_id) WHERE tail = ?1 AND prefix_id = \
                 (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)",
            )?;
            let proof = |row: &rusqlite::Row<'_>| {
                let verdict: Option<String> = row.get(0)?;
                let verdict = verdict.and_then(|verdict| ObjectVerdict::parse(&verdict));
                let (content_sha256, reason) = (row.get(1)?, row.get(2)?);
                Ok(verdict.map(|verdict| ObjectProof { verdict, content_sha256, reason }))
            };
            statement.query_row([tail, prefix], proof).optional()
        };
        let not_taken = || {
            let exists = |sql: &str| -> rusqlite::Result<bool> {
                self.connection().prepare_cached(sql)?.query_row([name], |row| row.get(0))
            };
            let accepted =
                "SELECT EXISTS (SELECT 1 FROM trailpare_forgotten WHERE what IN ('refused', 'missing') AND name = ?1)";
            Ok(match exists("SELECT EXISTS (SELECT 1 FROM trailpare_refused_objects WHERE name = ?1)")? {
                true => Standing::Refused,
                false if exists(accepted)? => Standing::Accepted,
                false => Standing::Absent,
            })
        };
        let standing = || match read()? {
            Some(proof) => Ok(Standing::Taken(proof)),
            None => not_taken(),
        };
        standing().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Notes what digests say, in one transaction.
    pub fn note_proof(&mut self, notes: &ProofNotes) -> Result<(), StoreError> {
        if notes.verdicts.is_empty() && notes.missing.is_empty() && notes.digests.is_empty() {
            return Ok(());
        }
        let catalog = catalog_path(self.store().dir());
        let note = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            insert_notes(&transaction, notes)?;
            transaction.commit()
        };
        note(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }

    /// Chains and days of which there are digests, with their hours, a bit each.
    pub fn known_digests(&self) -> Result<Vec<(String, i32, u32)>, StoreError> {
        let read = || {
            let sql =
                "SELECT chain, day, told FROM trailpare_digest_days JOIN trailpare_digest_chains USING (chain_id)";
            let mut statement = self.connection().prepare(sql)?;
            let rows = statement.query_map([], |row| {
                let day: String = row.get(1)?;
                Ok((row.get(0)?, parse_date(&day).unwrap_or_default(), row.get(2)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }
}
