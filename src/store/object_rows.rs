//! The rows of log objects in the ledger. A name is kept as a prefix, which many objects share, and a tail; a path as
//! what stands before and behind the tail, which all objects of a folder share.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::change::{LedgerEntry, ObjectVersion};

/// Prefixes and places held at hand before they are looked up again.
pub(super) const CACHE_MAX: usize = 10_000;

/// A name's prefix and its tail: the folders and the file, else account, trail and region, and time and random part. A
/// function of the name alone, so that one name is one pair.
pub(super) fn split(name: &str) -> (&str, &str) {
    let at = match name.rfind('/') {
        Some(slash) => slash + 1,
        None if name.contains("_CloudTrail") => {
            name.rmatch_indices('_').nth(1).map_or(0, |(underscore, _)| underscore + 1)
        }
        None => 0,
    };
    name.split_at(at)
}

/// Puts objects into the ledger, within one transaction.
pub(super) struct Objects<'t> {
    transaction: &'t Transaction<'t>,
    prefixes: HashMap<String, i64>,
    places: HashMap<(String, Option<String>), i64>,
}

impl<'t> Objects<'t> {
    pub fn new(transaction: &'t Transaction<'t>) -> Objects<'t> {
        Objects { transaction, prefixes: HashMap::new(), places: HashMap::new() }
    }

    /// Notes an object and how many of its records were kept out.
    pub fn insert(&mut self, snapshot: i64, entry: &LedgerEntry, broken: u64) -> rusqlite::Result<()> {
        if entry.refused.is_some() {
            return self.insert_refused(snapshot, entry);
        }
        let (prefix, tail) = split(&entry.name);
        let (prefix_id, place_id) = (self.prefix_id(prefix)?, self.place_id(&entry.path, tail)?);
        // It was refused in an earlier run and is sound now.
        self.transaction
            .prepare_cached("DELETE FROM trailpare_refused_objects WHERE name = ?1")?
            .execute([&entry.name])?;
        self.transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO trailpare_taken_objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                tail,
                prefix_id,
                place_id,
                entry.size_bytes,
                entry.sha256,
                entry.records,
                entry.events,
                entry.duplicates,
                broken,
                snapshot,
            ])?;
        entry.version.as_ref().map_or(Ok(()), |version| self.insert_version(&entry.path, version))
    }

    /// Notes which content of its key was read at a path.
    pub fn insert_version(&mut self, path: &str, version: &ObjectVersion) -> rusqlite::Result<()> {
        let (folder, file) = split(path);
        let prefix_id = self.prefix_id(folder)?;
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO trailpare_object_versions VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![file, prefix_id, version.etag, version.version_id])?;
        Ok(())
    }

    fn insert_refused(&self, snapshot: i64, entry: &LedgerEntry) -> rusqlite::Result<()> {
        let (reason, offset) = entry.refused.clone().unwrap_or_default();
        self.transaction
            .prepare_cached("INSERT OR REPLACE INTO trailpare_refused_objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
            .execute(params![entry.name, entry.path, entry.size_bytes, entry.sha256, snapshot, reason, offset])?;
        Ok(())
    }

    fn prefix_id(&mut self, prefix: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.prefixes.get(prefix) {
            return Ok(*id);
        }
        let known: Option<i64> = self
            .transaction
            .prepare_cached("SELECT prefix_id FROM trailpare_name_prefixes WHERE prefix = ?1")?
            .query_row([prefix], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self
                .transaction
                .prepare_cached("INSERT INTO trailpare_name_prefixes (prefix) VALUES (?1)")?
                .insert([prefix])?,
        };
        if self.prefixes.len() >= CACHE_MAX {
            self.prefixes.clear();
        }
        self.prefixes.insert(prefix.to_owned(), id);
        Ok(id)
    }

    fn place_id(&mut self, path: &str, tail: &str) -> rusqlite::Result<i64> {
        let place = match path.rfind(tail) {
            Some(at) => (path[..at].to_owned(), Some(path[at + tail.len()..].to_owned())),
            None => (path.to_owned(), None),
        };
        if let Some(id) = self.places.get(&place) {
            return Ok(*id);
        }
        let known: Option<i64> = self
            .transaction
            .prepare_cached("SELECT place_id FROM trailpare_places WHERE path_start = ?1 AND path_end IS ?2")?
            .query_row(params![place.0, place.1], |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self
                .transaction
                .prepare_cached("INSERT INTO trailpare_places (path_start, path_end) VALUES (?1, ?2)")?
                .insert(params![place.0, place.1])?,
        };
        if self.places.len() >= CACHE_MAX {
            self.places.clear();
        }
        self.places.insert(place, id);
        Ok(id)
    }
}
