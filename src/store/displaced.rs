//! Objects that a proved one has taken the place of, and events of another account, region or time than their object's
//! name says.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::change::{Cleared, Commit, LedgerEntry};
use super::connection::EVIDENCE_SQL;
use super::metadata::has_table;
use super::object_rows::split;
use crate::time::{format_date, parse_time};

/// Makes the tables where they are missing. What a store from before has of its archives counts as compared when they
/// were last gone through: nobody wants to read all of them anew.
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
pub(super) const TAKEN: &str = "trailpare_taken_objects JOIN trailpare_name_prefixes USING (prefix_id) \
                     JOIN trailpare_places USING (place_id)";
pub(super) const PATH: &str = "CASE WHEN path_end IS NULL THEN path_start ELSE path_start || tail || path_end END";

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
    commit.cleared.iter().try_for_each(|cleared| insert_cleared(transaction, cleared))
}

fn insert_cleared(transaction: &Transaction<'_>, cleared: &Cleared) -> rusqlite::Result<()> {
    let Cleared { name, sha256, removed, left, moved } = cleared;
    let state = if left.is_none() { "gone" } else { "left" };
    let sql = "UPDATE trailpare_displaced SET state = ?3, removed = ?4 WHERE name = ?1 AND sha256 = ?2";
    transaction.prepare_cached(sql)?.execute(params![name, sha256, state, removed])?;
    if let Some(reason) = left {
        // It stands until somebody accepts it; its bytes are refused wherever they turn up.
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
