//! What the ledger knows of objects that digests list, and what is noted of them.

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

impl Store {
    /// SHA-256 of the bytes as stored of the object of a canonical name, if it was taken in and never verified.
    pub fn unproved_digest(&self, name: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let (prefix, tail) = split(name);
        let sql = "SELECT sha256 FROM trailpare_taken_objects LEFT JOIN trailpare_verdicts USING (tail, prefix_id) \
                   WHERE verdict IS NULL AND tail = ?1 AND prefix_id = \
                   (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
        let found = self.query(|connection| connection.query_row(sql, [tail, prefix], |row| row.get(0)).optional())?;
        Ok(found.flatten())
    }
}

impl Writer {
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
