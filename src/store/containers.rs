//! The tars and zips that were taken in whole, so that one that is unchanged isn't read again.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::error::StoreError;
use super::layout::catalog_path;
use super::passed_over::{NO_LOG, OTHER_LOG};
use super::writer::Writer;

/// A tar or zip of which nothing was refused or left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its absolute path.
    pub place: String,
    /// Its size as stored.
    pub size_bytes: u64,
    /// When it was changed last, microseconds since 1970; `None` where that was just before it was read, so that
    /// another change may have the same time.
    pub modified_us: Option<i64>,
    /// SHA-256 of its bytes as stored.
    pub sha256: [u8; 32],
    /// Log objects in it.
    pub objects: u64,
    /// Digests in it.
    pub digests: u64,
    /// Objects of other services in it.
    pub other_services: u64,
    /// Those of them that are told by kind, with those told by their content.
    pub other_logs: BTreeMap<String, u64>,
    /// Files in it that hold no events and are expected to hold none.
    pub foreign_files: u64,
}

impl Container {
    /// Files in it.
    pub fn files(&self) -> u64 {
        self.objects + self.digests + self.other_services + self.foreign_files
    }
}

pub(super) fn containers(connection: &Connection) -> rusqlite::Result<Vec<Container>> {
    let mut statement = connection.prepare(
        "SELECT place, size_bytes, modified_us, sha256, objects, digests, other_services, foreign_files, other_logs \
         FROM trailpare_containers",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Container {
            place: row.get(0)?,
            size_bytes: row.get(1)?,
            modified_us: row.get(2)?,
            sha256: row.get(3)?,
            objects: row.get(4)?,
            digests: row.get(5)?,
            other_services: row.get(6)?,
            foreign_files: row.get(7)?,
            other_logs: serde_json::from_str(row.get_ref(8)?.as_str()?).unwrap_or_default(),
        })
    })?;
    rows.collect()
}

impl Writer {
    /// Notes containers, once all that is in them is committed. What stood as refused of an earlier state of them does
    /// no longer; what is listed and no error stays.
    pub fn note_containers(&mut self, containers: &[Container]) -> Result<(), StoreError> {
        if containers.is_empty() {
            return Ok(());
        }
        let catalog = catalog_path(self.store().dir());
        let note = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            for one in containers {
                // Between these are all names of what was in it.
                let (within, behind) = (format!("{}!", one.place), format!("{}\"", one.place));
                transaction
                    .prepare_cached(
                        "DELETE FROM trailpare_refused_objects WHERE (name = ?1 OR name >= ?2 AND name < ?3) \
                         AND substr(reason, 1, length(?4)) <> ?4 AND substr(reason, 1, length(?5)) <> ?5",
                    )?
                    .execute([one.place.as_str(), &within, &behind, NO_LOG, OTHER_LOG])?;
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO trailpare_containers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    )?
                    .execute(params![
                        one.place,
                        one.size_bytes,
                        one.modified_us,
                        one.sha256,
                        one.objects,
                        one.digests,
                        one.other_services,
                        one.foreign_files,
                        serde_json::to_string(&one.other_logs).unwrap_or_default(),
                    ])?;
            }
            transaction.commit()
        };
        note(self.connection_mut()).map_err(StoreError::catalog(&catalog))
    }
}
