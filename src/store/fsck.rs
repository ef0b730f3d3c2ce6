//! Looking for damage: what the catalog says against what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;
use rayon::prelude::*;
use rusqlite::Connection;

use super::checks::CheckedFile;
use super::datafile::{StagedColumn, columns};
use super::error::StoreError;
use super::read::read_batches;
use super::recover::paths_of;
use super::snapshot::{DataFile, all_files};
use super::tables::Table;
use super::{Store, catalog_path, data_dir, months, staging_dir};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The catalog's own database.
    Catalog,
    /// A commit was cut short; the next writer mends that.
    CutShort,
    /// A data file that isn't there.
    Missing,
    /// A data file that is not what was written, or can't be read.
    Damaged,
    /// The catalog says something else of a file's rows and columns than the file itself.
    Statistics,
    /// A copy of usage, summed up, that can't be used.
    Month,
    /// Something in the tables' folders that no snapshot has: a bare glob reads it.
    Orphan,
    /// The stored usage of a day is not what its events say.
    Usage,
}

impl FindingKind {
    /// For people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Catalog => "catalog",
            FindingKind::CutShort => "cut-short",
            FindingKind::Missing => "missing",
            FindingKind::Damaged => "damaged",
            FindingKind::Statistics => "statistics",
            FindingKind::Month => "month",
            FindingKind::Orphan => "orphan",
            FindingKind::Usage => "usage",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Where, below the store's folder; of a day's usage the day.
    pub place: String,
    /// The day of the rows, days since 1970-01-01.
    pub event_date: Option<i32>,
    /// In words.
    pub what: String,
}

/// What was looked at, and found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Data files of all snapshots.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files from before checksums were recorded: all their rows were read instead.
    pub unrecorded: u64,
    /// Files of older snapshots that a repair has set aside.
    pub set_aside: u64,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The files among these that are to be set aside, or whose numbers are.
    pub(super) files_found: Vec<(FindingKind, FileOf)>,
}

/// A file, its table, and whether the newest snapshot has it.
#[derive(Clone, Debug)]
pub(super) struct FileOf {
    pub table: Table,
    pub file: DataFile,
    pub is_live: bool,
}

impl Store {
    /// Looks at everything: the catalog's database, each data file of each snapshot, copies of usage, what lies about.
    ///
    /// # Errors
    /// A catalog that can't be read, or that names what is not in the store.
    pub fn check(&self) -> Result<Checked, StoreError> {
        let connection = self.connect()?;
        let catalog = catalog_path(self.dir());
        let error = StoreError::catalog(&catalog);
        let mut checked = Checked::default();
        let add = |checked: &mut Checked, kind, place: &str, event_date, what: String| {
            checked.findings.push(Finding { kind, place: place.to_owned(), event_date, what });
        };
        for what in integrity(&connection).map_err(&error)? {
            add(&mut checked, FindingKind::Catalog, "catalog.sqlite", None, what);
        }
        if self.is_cut_short() {
            let what = "the last commit was cut short; the next ingest or optimize mends it".to_owned();
            add(&mut checked, FindingKind::CutShort, "commit-in-progress", None, what);
        }
        let mut files = Vec::new();
        for table in Table::ALL {
            let all = all_files(&connection, self.dir(), table).map_err(&error)?;
            files.extend(all.into_iter().map(|(file, is_live)| FileOf { table, file, is_live }));
        }
        let aside = set_aside(&connection).map_err(&error)?;
        let before = files.len();
        // One that is still live was noted by a repair that was cut short.
        files.retain(|of| of.is_live || !aside.contains(&of.file.id));
        checked.set_aside = (before - files.len()) as u64;
        checked.files = files.len() as u64;
        checked.bytes = files.iter().map(|of| of.file.size_bytes).sum();
        checked.unrecorded = files.iter().filter(|of| of.file.checks.is_none()).count() as u64;
        let found: Vec<Option<(FindingKind, String)>> = files.par_iter().map(|of| check_file(self.dir(), of)).collect();
        for (of, found) in files.into_iter().zip(found) {
            if let Some((kind, what)) = found {
                let place = below(self.dir(), &of.file.path);
                add(&mut checked, kind, &place, Some(of.file.event_date), what);
                checked.files_found.push((kind, of));
            }
        }
        for (path, what) in self.bad_months(&connection).map_err(&error)? {
            add(&mut checked, FindingKind::Month, &below(self.dir(), &path), None, what);
        }
        for path in self.strays(&connection)? {
            let what = "no snapshot has it".to_owned();
            add(&mut checked, FindingKind::Orphan, &below(self.dir(), &path), None, what);
        }
        checked.findings.sort();
        Ok(checked)
    }

    /// Copies of usage that can't be used, and why.
    pub(super) fn bad_months(&self, connection: &Connection) -> rusqlite::Result<Vec<(PathBuf, String)>> {
        let checks = months::read_checks(connection)?;
        let entries = fs::read_dir(months::folder(self.dir())).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let bad = paths.filter_map(|path| match months::open(path.clone(), &checks) {
            None => Some((path, "it can't be read, or nobody took note of its bytes".to_owned())),
            Some(month) => {
                let verified = CheckedFile::open(&month).and_then(|file| file.verify());
                verified.err().map(|error| (path, said(&error)))
            }
        });
        Ok(bad.collect())
    }

    /// What lies in the tables' folders and that of replaced files, and no snapshot has.
    pub(super) fn strays(&self, connection: &Connection) -> Result<Vec<PathBuf>, StoreError> {
        let known = paths_of(connection).map_err(StoreError::catalog(&catalog_path(self.dir())))?;
        let known: BTreeSet<PathBuf> = known.iter().map(|path| path.in_store(self.dir())).collect();
        // Files that a cut commit has yet to move are where they were.
        let moved: BTreeSet<PathBuf> = match self.is_cut_short() {
            true => self.all_paths(connection)?,
            false => BTreeSet::new(),
        };
        let data = data_dir(self.dir());
        let entries = walkdir::WalkDir::new(&data).into_iter().filter_entry(|entry| {
            !entry.path().starts_with(staging_dir(self.dir())) && !entry.path().starts_with(data.join(QUARANTINE))
        });
        let files = entries.flatten().filter(|entry| !entry.file_type().is_dir()).map(|entry| entry.into_path());
        Ok(files.filter(|path| !known.contains(path) && !moved.contains(path)).collect())
    }

    fn all_paths(&self, connection: &Connection) -> Result<BTreeSet<PathBuf>, StoreError> {
        let mut paths = BTreeSet::new();
        for table in Table::ALL {
            let files = all_files(connection, self.dir(), table);
            let files = files.map_err(StoreError::catalog(&catalog_path(self.dir())))?;
            paths.extend(files.into_iter().map(|(file, _)| file.path));
        }
        Ok(paths)
    }
}

/// The files that were set aside.
fn set_aside(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    let known = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'trailpare_set_aside')";
    if !connection.query_row(known, [], |row| row.get(0))? {
        return Ok(BTreeSet::new());
    }
    let mut statement = connection.prepare("SELECT data_file_id FROM trailpare_set_aside")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Where damaged files go, below `data/`.
pub(super) const QUARANTINE: &str = "quarantine";

/// A path below the store's folder.
pub(super) fn below(dir: &Path, path: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned()
}

fn integrity(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// An error without its place and its hint, which a finding has itself.
fn said(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        StoreError::Parquet { source, .. } => source.to_string(),
        StoreError::Io { source, what, .. } => format!("{what}: {source}"),
        other => other.to_string(),
    }
}

#[expect(clippy::cast_sign_loss, reason = "`max(0)` keeps it from being negative")]
fn check_file(dir: &Path, of: &FileOf) -> Option<(FindingKind, String)> {
    let file = &of.file;
    let damaged = |error: StoreError| Some((FindingKind::Damaged, said(&error)));
    let open = match super::place::no_links(dir, &file.path).and_then(|()| CheckedFile::open(file)) {
        Ok(open) => open,
        Err(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Some((FindingKind::Missing, "it is not there".to_owned()));
        }
        Err(error) => return damaged(error),
    };
    if open.size_bytes() != file.size_bytes {
        let what = format!("it has {} bytes, the catalog says {}", open.size_bytes(), file.size_bytes);
        return Some((FindingKind::Damaged, what));
    }
    if let Err(error) = open.verify() {
        return damaged(error);
    }
    if file.checks.is_none()
        && let Err(error) = read_batches(file, None, None).and_then(|mut all| all.try_for_each(|batch| batch.map(drop)))
    {
        return damaged(error);
    }
    let reader = match SerializedFileReader::new(open.clone()) {
        Ok(reader) => reader,
        Err(error) => return damaged(open.explain(error)),
    };
    let metadata = reader.metadata();
    let rows = metadata.file_metadata().num_rows().max(0) as u64;
    if rows != file.rows {
        let what = format!("it has {rows} rows, the catalog says {}", file.rows);
        return Some((FindingKind::Statistics, what));
    }
    // What other programs write into the catalog of their files is their own affair.
    let is_ours = metadata.file_metadata().created_by().is_some_and(|by| by.starts_with("trailpare"));
    let differing = is_ours.then(|| differing_column(of, &columns(of.table, metadata))).flatten()?;
    Some((FindingKind::Statistics, format!("the catalog's bounds of {differing} are not the file's")))
}

/// A column of which the catalog says something else than the file.
#[expect(clippy::cast_sign_loss, reason = "`max(0)` keeps it from being negative")]
fn differing_column(of: &FileOf, columns: &[StagedColumn]) -> Option<String> {
    let schema = of.table.schema();
    let column = |id: i64| columns.iter().find(|column| column.id == id && !column.unbounded);
    let said: BTreeMap<usize, _> = of.file.columns.iter().map(|stats| (stats.column, stats)).collect();
    for (at, field) in schema.fields().iter().enumerate() {
        let of_file = column(super::tables::field_id(field));
        let of_file = of_file.map(|c| (c.null_count.max(0) as u64, c.bounds.clone()));
        let of_catalog = said.get(&at).map(|stats| (stats.null_count, stats.min.clone().zip(stats.max.clone())));
        if of_catalog.is_some() && of_catalog != of_file {
            return Some(field.name().clone());
        }
    }
    None
}
