//! What was not taken, beside whole objects: events that say something else than the one in the store, archives in
//! which nothing was found; and what no longer stands as refused.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::change::{Commit, Conflict, LedgerEntry, Struck};
use super::error::StoreError;
use super::layout::catalog_path;
use super::metadata::has_table;
use super::open::Store;
use super::writer::Writer;
use crate::time::{format_date, format_time, now_us};

/// How the reason begins of what holds no events and is expected to hold none: it is listed, and no error.
pub const NO_LOG: &str = "none expected";

/// How the reason begins of what is told by its content as a known log of another kind, which stands behind: it is counted
/// by kind, and no error.
pub const OTHER_LOG: &str = "another log";

/// How the reason begins of what is not as CloudTrail's digests say.
pub const ALTERED: &str = "altered";

/// What reasons begin with that tell of two objects of one name.
pub const ONE_NAME: [&str; 2] = ["another object of the same name", "changed: "];

/// What tells one refusal from another: the object with its bytes, or with the reason where they could not be read.
pub fn refusal_key(entry: &LedgerEntry) -> u128 {
    let reason = entry.refused.as_ref().map_or("", |(reason, _)| reason.as_str());
    key(&entry.name, entry.sha256.as_ref(), reason)
}

pub(super) fn key(name: &str, sha256: Option<&[u8; 32]>, reason: &str) -> u128 {
    use std::hash::BuildHasher;
    let of = |seed| {
        let state = foldhash::quality::FixedState::with_seed(seed);
        u128::from(match sha256 {
            Some(sha256) => state.hash_one((name, sha256)),
            None => state.hash_one((name, reason)),
        })
    };
    of(3) << 64 | of(4)
}

/// Writes what a commit has of all this.
pub(super) fn insert(transaction: &Transaction<'_>, snapshot: i64, commit: &Commit) -> rusqlite::Result<()> {
    for Struck { name, path } in &commit.struck {
        transaction
            .prepare_cached("DELETE FROM trailpare_refused_objects WHERE name = ?1 OR path = ?2")?
            .execute([name, path])?;
    }
    for conflict in &commit.conflicts {
        let (first_path, first_offset) = conflict.first.clone().unzip();
        transaction
            .prepare_cached("INSERT OR REPLACE INTO trailpare_conflicts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                conflict.event_id,
                format_date(conflict.event_date),
                conflict.path,
                conflict.index,
                conflict.offset_bytes,
                first_path,
                first_offset,
                snapshot
            ])?;
    }
    Ok(())
}

/// A refusal of something that is no log object, or could not be read.
pub struct Unread {
    /// Its place.
    pub name: String,
    /// As it was given.
    pub path: String,
}

impl Store {
    /// Events that say something else than the one in the store.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, StoreError> {
        self.query(|connection| {
            if !has_table(connection, "trailpare_conflicts")? {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare(
                "SELECT event_id, event_date, path, record_index, offset_bytes, first_path, first_offset \
                 FROM trailpare_conflicts ORDER BY 2, 1, 3, 4",
            )?;
            let rows = statement.query_map([], |row| {
                let (date, first): (String, Option<String>) = (row.get(1)?, row.get(5)?);
                Ok(Conflict {
                    event_id: row.get(0)?,
                    event_date: crate::time::parse_date(&date).unwrap_or_default(),
                    path: row.get(2)?,
                    index: row.get(3)?,
                    offset_bytes: row.get(4)?,
                    first: first.zip(row.get(6)?),
                })
            })?;
            rows.collect()
        })
    }

    /// Where the log objects lie that brought a data file; where a later file has taken its place, those that were
    /// delivered on the days around an event's, up to `max`.
    pub fn paths_of_file(&self, file_id: i64, event_date: i32, max: usize) -> Result<Vec<String>, StoreError> {
        self.query(|connection| {
            let mut by_snapshot = connection.prepare(
                "SELECT path FROM trailpare_objects WHERE state = 'taken' AND snapshot_id = \
                 (SELECT begin_snapshot FROM ducklake_data_file WHERE data_file_id = ?1) LIMIT ?2",
            )?;
            let paths = by_snapshot.query_map(params![file_id, max as u64], |row| row.get(0))?;
            let paths = paths.collect::<rusqlite::Result<Vec<String>>>()?;
            if !paths.is_empty() {
                return Ok(paths);
            }
            let [day, next] = [0, 1].map(|days| format_date(event_date + days).replace('-', ""));
            let mut by_name = connection.prepare(
                "SELECT path FROM trailpare_objects WHERE state = 'taken' AND (instr(name, ?1) > 0 OR \
                 instr(name, ?2) > 0 OR instr(name, '#') > 0) LIMIT ?3",
            )?;
            let paths = by_name.query_map(params![day, next, max as u64], |row| row.get(0))?;
            paths.collect()
        })
    }
}

impl Writer {
    /// What stands as refused and was not read: folders, links, what is no file.
    pub fn unread(&self) -> Result<Vec<Unread>, StoreError> {
        let read = || {
            let sql = "SELECT name, path FROM trailpare_refused_objects WHERE sha256 IS NULL AND size_bytes = 0";
            let mut statement = self.connection().prepare(sql)?;
            let rows = statement.query_map([], |row| Ok(Unread { name: row.get(0)?, path: row.get(1)? }))?;
            rows.collect::<rusqlite::Result<Vec<Unread>>>()
        };
        read().map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// How many log objects an archive had when it was last taken in, and when that was.
    pub fn archive_before(&self, place: &str) -> Result<Option<(u64, String)>, StoreError> {
        let sql = "SELECT objects, seen_time FROM trailpare_archives WHERE place = ?1";
        let read = self.connection().query_row(sql, [place], |row| Ok((row.get(0)?, row.get(1)?))).optional();
        read.map_err(StoreError::catalog(&catalog_path(self.store().dir())))
    }

    /// Notes how many log objects archives have.
    pub fn note_archives(&mut self, archives: &[(&str, u64)]) -> Result<(), StoreError> {
        if archives.is_empty() {
            return Ok(());
        }
        let catalog = catalog_path(self.store().dir());
        let note = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            for (place, objects) in archives {
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO trailpare_archives VALUES (?1, ?2, ?3)")?
                    .execute(params![place, objects, format_time(now_us())])?;
            }
            transaction.commit()
        };
        note(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::connection::connect;
    use super::*;

    fn entry(name: &str, sha256: Option<[u8; 32]>, reason: &str) -> LedgerEntry {
        LedgerEntry::refused(name, &Path::new("/logs").join(name), 1, sha256, reason.to_owned(), None)
    }

    #[test]
    fn a_store_from_before_has_nothing_of_it_and_gets_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_or_create(folder.path()).expect("a store");
        let drop_all = "DROP TABLE trailpare_conflicts; DROP TABLE trailpare_forgotten; DROP TABLE trailpare_archives";
        connect(folder.path()).expect("a catalog").execute_batch(drop_all).expect("dropped");
        assert_eq!((store.conflicts().expect("none"), store.forgotten().expect("none")), (vec![], vec![]));
        let mut writer = store.writer().expect("a writer");
        writer.note_archives(&[("/logs", 3)]).expect("noted");
        assert_eq!(writer.archive_before("/logs").expect("read").map(|(objects, _)| objects), Some(3));
        assert!(writer.archive_before("/other").expect("read").is_none());
    }

    #[test]
    fn a_refusal_is_told_by_its_bytes_else_by_its_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open_or_create(folder.path()).expect("a store");
        let mut writer = store.writer().expect("a writer");
        let stands = [entry("a", Some([1; 32]), "foreign"), entry("b", None, "closed")];
        writer.commit(&Commit { objects: stands.to_vec(), ..Commit::default() }).expect("a commit");
        let known = writer.known_objects().expect("known");
        assert!(stands.iter().all(|entry| known.has_refused(entry) && !known.is_forgotten(entry)));
        assert!(known.is_standing("a") && known.is_standing("/logs/b") && !known.is_standing("/logs/c"));
        let struck = Struck { name: "elsewhere".to_owned(), path: "/logs/b".to_owned() };
        writer.commit(&Commit { struck: vec![struck], ..Commit::default() }).expect("a commit");
        assert_eq!(store.refused_objects().expect("refused").len(), 1);
        let forget = super::super::Forget { is_meant: &|text| text == "a", by: "ann", note: None, is_dry: false };
        assert_eq!(writer.forget(&forget).expect("forgotten").len(), 1);
        let known = writer.known_objects().expect("known");
        assert!(known.is_forgotten(&entry("a", Some([1; 32]), "another word")));
        assert!(!known.is_forgotten(&entry("a", Some([2; 32]), "foreign")) && !known.has_refused(&stands[0]));
        assert!(store.refused_objects().expect("refused").is_empty());
    }
}
