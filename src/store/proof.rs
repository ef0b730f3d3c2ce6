//! What digests say of the log objects in the ledger, written within the transaction of a commit.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, TransactionBehavior, params, params_from_iter};

use super::change::{Commit, LedgerEntry, ObjectProof};
use super::connection::PROOF_SQL;
use super::coverage::{self, CoverageDay};
use super::displaced;
use super::metadata::has_table;
use super::object_rows::split;
use crate::time::format_date;
use crate::verify::DigestDay;

/// What digests say beside the objects of a commit.
#[derive(Debug, Default)]
pub struct ProofNotes {
    /// What was found of objects that were taken in before, by their names.
    pub verdicts: Vec<(String, ObjectProof)>,
    /// Objects that digests list and that were not taken in: their names, and a digest that lists them.
    pub missing: Vec<(String, String)>,
    /// Hours of which there are digests.
    pub digests: Vec<DigestDay>,
}

/// Makes the tables where they are missing, and sums up what the ledger has.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if has_table(connection, "trailpare_coverage")? {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(PROOF_SQL)?;
    refresh_all(&transaction)?;
    transaction.commit()
}

/// Writes what a commit has of all this. Its objects are in the ledger already.
pub(super) fn insert(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<()> {
    let taken = || commit.objects.iter().filter(|entry| entry.refused.is_none());
    let sql = "SELECT EXISTS (SELECT 1 FROM trailpare_missing_objects)";
    let is_missed: bool = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    taken().try_for_each(|entry| insert_taken(transaction, entry, is_missed))?;
    refresh_days_of(transaction, taken().map(|entry| entry.name.as_str()))
}

pub(super) fn insert_notes(transaction: &Transaction<'_>, notes: &ProofNotes) -> rusqlite::Result<()> {
    for (name, proof) in &notes.verdicts {
        insert_verdict(transaction, name, proof)?;
    }
    for (name, digest) in &notes.missing {
        insert_missing(transaction, name, digest)?;
    }
    notes.digests.iter().try_for_each(|day| insert_digests(transaction, day))?;
    refresh_days_of(transaction, notes.verdicts.iter().map(|(name, _)| name.as_str()))
}

/// Sums up the days of these objects anew.
pub(super) fn refresh_days_of<'n>(
    transaction: &Transaction<'_>,
    names: impl Iterator<Item = &'n str>,
) -> rusqlite::Result<()> {
    let days: BTreeSet<i32> = names.filter_map(|name| Some(coverage::hour_of(split(name))?.day)).collect();
    days.into_iter().try_for_each(|day| refresh(transaction, day))
}

/// `is_missed`: there are objects that were missing until now.
fn insert_taken(transaction: &Transaction<'_>, entry: &LedgerEntry, is_missed: bool) -> rusqlite::Result<()> {
    insert_far(transaction, entry)?;
    displaced::insert_strays(transaction, entry)?;
    let (prefix, tail) = split(&entry.name);
    match &entry.proof {
        Some(proof) => insert_verdict(transaction, &entry.name, proof)?,
        // Of what was there before nothing follows for what has come in its place.
        None if entry.is_again => {
            let sql = "DELETE FROM trailpare_verdicts WHERE tail = ?1 AND prefix_id = \
                       (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
            transaction.prepare_cached(sql)?.execute([tail, prefix])?;
        }
        None => {}
    }
    if is_missed {
        let sql = "DELETE FROM trailpare_missing_objects WHERE tail = ?1 AND prefix_id = \
                   (SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?2)";
        transaction.prepare_cached(sql)?.execute([tail, prefix])?;
    }
    Ok(())
}

fn insert_far(transaction: &Transaction<'_>, entry: &LedgerEntry) -> rusqlite::Result<()> {
    if entry.is_again {
        transaction.prepare_cached("DELETE FROM trailpare_far_events WHERE name = ?1")?.execute([&entry.name])?;
    }
    let Some(far) = &entry.far else { return Ok(()) };
    transaction
        .prepare_cached("INSERT OR REPLACE INTO trailpare_far_events VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![far.name, far.events, far.first_time_us, far.last_time_us])?;
    Ok(())
}

fn insert_verdict(transaction: &Transaction<'_>, name: &str, proof: &ObjectProof) -> rusqlite::Result<()> {
    let (prefix, tail) = split(name);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO trailpare_verdicts SELECT ?1, prefix_id, ?3, ?4, ?5 \
             FROM trailpare_name_prefixes WHERE prefix = ?2",
        )?
        .execute(params![tail, prefix, proof.verdict.name(), proof.content_sha256, proof.reason])?;
    Ok(())
}

fn insert_missing(transaction: &Transaction<'_>, name: &str, digest: &str) -> rusqlite::Result<()> {
    let (prefix, tail) = split(name);
    transaction
        .prepare_cached("INSERT OR IGNORE INTO trailpare_name_prefixes (prefix) VALUES (?1)")?
        .execute([prefix])?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO trailpare_missing_objects SELECT ?1, prefix_id, ?3 \
             FROM trailpare_name_prefixes WHERE prefix = ?2",
        )?
        .execute([tail, prefix, digest])?;
    Ok(())
}

fn insert_digests(transaction: &Transaction<'_>, day: &DigestDay) -> rusqlite::Result<()> {
    let DigestDay { chain, account_id, region, told, signed, altered, named, .. } = day;
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO trailpare_digest_chains (chain, account_id, aws_region) VALUES (?1, ?2, ?3)",
        )?
        .execute([chain, account_id, region])?;
    transaction
        .prepare_cached(
            "INSERT INTO trailpare_digest_days SELECT chain_id, ?2, ?3, ?4, ?5, ?6 FROM trailpare_digest_chains \
             WHERE chain = ?1 ON CONFLICT DO UPDATE SET told = told | excluded.told, signed = signed | excluded.signed, \
             altered = (altered | excluded.altered) & ~(told | excluded.told), named = named | excluded.named",
        )?
        .execute(params![chain, format_date(day.day), told, signed, altered, named])?;
    Ok(())
}

/// Sums up the objects of a day anew.
fn refresh(transaction: &Transaction<'_>, day: i32) -> rusqlite::Result<()> {
    transaction.prepare_cached("DELETE FROM trailpare_coverage WHERE day = ?1")?.execute([format_date(day)])?;
    insert_sums(transaction, &coverage::sums(transaction, Some(day))?)
}

/// Sums up all objects anew.
pub(super) fn refresh_all(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM trailpare_coverage", [])?;
    insert_sums(transaction, &coverage::sums(transaction, None)?)
}

/// Forgets what was said of objects that were taken back.
pub(super) fn forget_taken_back(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let sql = "DELETE FROM trailpare_verdicts WHERE NOT EXISTS (SELECT 1 FROM trailpare_taken_objects t \
               WHERE t.tail = trailpare_verdicts.tail AND t.prefix_id = trailpare_verdicts.prefix_id)";
    transaction.execute(sql, [])?;
    refresh_all(transaction)
}

fn insert_sums(transaction: &Transaction<'_>, sums: &[CoverageDay]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO trailpare_coverage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    let mut insert = transaction.prepare_cached(sql)?;
    coverage::rows(sums).into_iter().try_for_each(|row| insert.execute(params_from_iter(row)).map(drop))
}
