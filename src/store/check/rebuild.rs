//! A new catalog in the place of one that is missing or can't be read: the old one is set aside, and the data files are
//! registered again. What only a catalog knows, which log objects were taken in, is gone: the next ingest reads them
//! again and finds their events in the store.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::checks::FileChecks;
use super::super::connection::{REBUILDING_KEY, connect, integrity};
use super::super::create::{create, open_old};
use super::super::error::StoreError;
use super::super::layout::{QUARANTINE, catalog_path, data_dir, marker_path};
use super::super::lock;
use super::super::metadata::{self, has_table};
use super::super::open::Store;
use super::super::place::{check_store, make_quarantine};
use super::super::prune::begin_anew;
use super::super::recover::set_marker_aside;
use super::super::writer::Writer;
use super::checked::Checked;
use super::finding::{FindingKind, below};
use super::look::Looks;

/// A writer for a repair, and what of an old catalog goes on in a new one.
#[derive(Debug)]
pub struct Repairer {
    /// The one who writes.
    pub writer: Writer,
    old: Option<PathBuf>,
    salvaged: HashMap<String, FileChecks>,
    /// Where a commit's marker lies that couldn't be read.
    marker: Option<String>,
}

/// Tables whose rows are taken over from a catalog that can't be used any more: what people decided and what stood.
const TAKEN_OVER: [&str; 6] = [
    "trailpare_forgotten",
    "trailpare_runs",
    "trailpare_history",
    "trailpare_archives",
    "trailpare_refused_objects",
    "trailpare_pruned",
];

impl Repairer {
    /// Becomes the writer of a store that may be damaged, with a new catalog where the one that is there can't be used;
    /// waits so long for another process that writes.
    ///
    /// # Errors
    /// Another process that writes, a store of another version, the disk.
    pub fn open(dir: &Path, wait: Duration) -> Result<Repairer, StoreError> {
        check_store(dir)?;
        match Store::open_to_check(dir) {
            Ok(store) => match is_usable(&store, wait) {
                Ok(true) => match Repairer::with_catalog(store.waiting(wait)) {
                    Err(error) if error.needs_new_catalog() => Repairer::with_new_catalog(dir, wait),
                    opened => opened,
                },
                Ok(false) => Repairer::with_new_catalog(dir, wait),
                Err(error) if error.needs_new_catalog() => Repairer::with_new_catalog(dir, wait),
                Err(error) => Err(error),
            },
            Err(error) if error.needs_new_catalog() => Repairer::with_new_catalog(dir, wait),
            Err(error) => Err(error),
        }
    }

    fn with_catalog(store: Store) -> Result<Repairer, StoreError> {
        let (dir, wait) = (store.dir().to_owned(), store.wait);
        let (writer, marker) = match Writer::open(store) {
            Err(StoreError::Marker(_)) => {
                let marker = set_marker_aside(&dir, wait)?;
                (Writer::open(Store::at(&dir).waiting(wait))?, Some(below(&dir, &marker)))
            }
            opened => (opened?, None),
        };
        let (old, salvaged) = cut_short(&writer)?;
        Ok(Repairer { writer, old, salvaged, marker })
    }

    /// Sets the catalog aside and makes an empty one, in which nothing can be read until the repair is done.
    pub fn with_new_catalog(dir: &Path, wait: Duration) -> Result<Repairer, StoreError> {
        let lock = lock::take_within(dir, wait)?;
        let folder = make_quarantine(dir)?;
        let old = folder.join(format!("catalog.sqlite.{}", crate::time::fresh_id()));
        let old_name = old.to_string_lossy().into_owned();
        // The marker and the journals first: a new catalog must never be taken for the one that they are of.
        move_if_there(&marker_path(dir), &PathBuf::from(format!("{old_name}.commit-in-progress")))?;
        for end in ["-journal", "-wal", "-shm"] {
            let path = PathBuf::from(format!("{}{end}", catalog_path(dir).display()));
            move_if_there(&path, &PathBuf::from(format!("{old_name}{end}")))?;
        }
        let old = move_if_there(&catalog_path(dir), &old)?.then_some(old);
        create(dir, Some(old.as_deref()))?;
        let writer = Writer::with_lock(Store::at(dir), lock)?;
        let salvaged = old.as_deref().map(salvage).unwrap_or_default();
        Ok(Repairer { writer, old, salvaged, marker: None })
    }

    /// Whether the catalog is a new one.
    pub fn has_new_catalog(&self) -> bool {
        self.old.is_some() || is_rebuilding(self.writer.connection())
    }

    /// Looks at everything, as [`Store::check`] does.
    pub fn check(&self) -> Result<Checked, StoreError> {
        let (store, connection) = (self.writer.store(), self.writer.connection());
        let mut checked = store.check_with(connection, Looks::default(), &self.salvaged)?;
        if let Some(marker) = &self.marker {
            let what = format!("what it says of the commit that was cut short can't be read: it is {marker} now");
            checked.add(FindingKind::CutShort, "commit-in-progress", None, what);
            checked.findings.sort();
        }
        if self.has_new_catalog() {
            let what = "it is missing or can't be read: a new one is made from the data files".to_owned();
            checked.add(FindingKind::Catalog, "catalog.sqlite", None, what);
            checked.findings.sort();
        }
        Ok(checked)
    }

    /// What the catalog's database still has wrong.
    pub fn damage_left(&self) -> Result<Vec<String>, StoreError> {
        integrity(self.writer.connection()).map_err(StoreError::catalog(&catalog_path(self.writer.store().dir())))
    }

    /// Ends a repair: takes over what can be from the old catalog, and lets everybody read the new one. Returns where
    /// the old one lies.
    pub fn finish(&mut self) -> Result<Option<String>, StoreError> {
        if !self.has_new_catalog() {
            return Ok(None);
        }
        if let Some(old) = &self.old {
            take_over(old, self.writer.connection());
        }
        let dir = self.writer.store().dir().to_owned();
        let catalog = catalog_path(&dir);
        let error = StoreError::catalog(&catalog);
        metadata::set(self.writer.connection(), REBUILDING_KEY, "").map_err(&error)?;
        let none = || "there was none".to_owned();
        Ok(Some(self.old.as_deref().map_or_else(none, |old| below(&dir, old))))
    }
}

/// The catalog that a rebuilding was of that was cut short.
fn cut_short(writer: &Writer) -> Result<(Option<PathBuf>, HashMap<String, FileChecks>), StoreError> {
    let dir = writer.store().dir();
    let said = metadata::get(writer.connection(), REBUILDING_KEY).map_err(StoreError::catalog(&catalog_path(dir)))?;
    let name = said.filter(|name| name.starts_with("catalog.sqlite.") && !name.contains('/'));
    let old = name.map(|name| data_dir(dir).join(QUARANTINE).join(name)).filter(|old| old.is_file());
    let salvaged = old.as_deref().map(salvage).unwrap_or_default();
    Ok((old, salvaged))
}

fn is_rebuilding(connection: &Connection) -> bool {
    metadata::get(connection, REBUILDING_KEY).is_ok_and(|said| said.is_some_and(|said| !said.is_empty()))
}

/// Whether the database holds together, its indexes made anew if that is all.
fn is_usable(store: &Store, wait: Duration) -> Result<bool, StoreError> {
    let catalog = catalog_path(store.dir());
    let error = StoreError::catalog(&catalog);
    if integrity(&store.connect()?).map_err(&error)?.is_empty() {
        return Ok(true);
    }
    let lock = lock::take_within(store.dir(), wait)?;
    let connection = connect(store.dir())?;
    connection.execute_batch("REINDEX").map_err(&error)?;
    let is_usable = integrity(&connection).map_err(&error)?.is_empty();
    drop(lock);
    Ok(is_usable)
}

fn move_if_there(from: &Path, to: &Path) -> Result<bool, StoreError> {
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(StoreError::io(from, "cannot move away")(error)),
    }
}

/// What was recorded of the bytes of files, by their names, as far as it can be read.
fn salvage(old: &Path) -> HashMap<String, FileChecks> {
    let read = || -> rusqlite::Result<HashMap<String, FileChecks>> {
        let connection = open_old(old)?;
        if !is_whole(&connection, "trailpare_file_checks") || !is_whole(&connection, "ducklake_data_file") {
            return Ok(HashMap::new());
        }
        let mut statement = connection.prepare(
            "SELECT f.path, c.sha256, c.size_bytes, c.block_bytes, c.blocks FROM ducklake_data_file f \
             JOIN trailpare_file_checks c USING (data_file_id)",
        )?;
        let rows = statement.query_map([], |row| {
            let path: String = row.get(0)?;
            let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
            Ok((name, FileChecks::new(row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        })?;
        Ok(rows.flatten().filter_map(|(name, checks)| Some((name, checks?))).collect())
    };
    read().unwrap_or_default()
}

fn is_whole(connection: &Connection, table: &str) -> bool {
    let check = connection.query_row(&format!("PRAGMA quick_check('{table}')"), [], |row| row.get::<_, String>(0));
    check.is_ok_and(|said| said == "ok")
}

/// Copies what can be copied; each table whole or not at all.
fn take_over(old: &Path, new: &Connection) {
    let Ok(connection) = open_old(old) else { return };
    for table in TAKEN_OVER {
        let copy = || -> rusqlite::Result<()> {
            if !has_table(&connection, table)? || !is_whole(&connection, table) {
                return Ok(());
            }
            let mut statement = connection.prepare(&format!("SELECT * FROM {table}"))?;
            let names: Vec<String> = statement.column_names().map(|name| format!("\"{name}\"")).collect();
            let places: Vec<String> = (1..=names.len()).map(|at| format!("?{at}")).collect();
            let sql = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
            let transaction = new.unchecked_transaction()?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let values = (0..names.len()).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
                transaction.execute(&sql, params_from_iter(values))?;
            }
            transaction.commit()
        };
        // A table that can't be copied is one more thing that the old catalog keeps.
        let _ = copy();
    }
    let _ = begin_anew(new);
}
