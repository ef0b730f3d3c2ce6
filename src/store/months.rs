//! Copies of usage beside the tables: a month in one file, summed over its days and sessions.
//!
//! A copy is no part of a snapshot. It names the usage files that it sums, so that whoever reads a snapshot knows
//! whether it stands for them; it may be out of date or missing at any time.
//!
//! `usage-months/2024-03.<uuid>.parquet` is never changed: a newer one takes its place under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;

use rusqlite::params;

use super::checks::{CheckedFile, Checking, FileChecks, Stored};
use super::datafile::options;
use super::error::StoreError;
use super::layout::{catalog_path, months_dir, staging_dir};
use super::month_checks::MonthChecks;
use super::moves::sync_dir;
use super::place::no_links;
use super::private;
use super::snapshot::{DataFile, Snapshot};
use super::tables::Table;
use super::writer::Writer;

/// The key in a copy's Parquet footer under which the names of the files stand that it sums, a line each.
const COVERS: &str = "trailpare.covers";

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageMonth {
    /// Where it is.
    pub path: PathBuf,
    /// The month: `2024-03`.
    pub month: String,
    /// Names of the usage files that it sums.
    pub covers: BTreeSet<String>,
    /// What its bytes were when it was written; `None` in a store from before that was recorded.
    pub checks: Option<Arc<FileChecks>>,
}

impl Stored for UsageMonth {
    fn path(&self) -> &Path {
        &self.path
    }

    fn checks(&self) -> Option<&Arc<FileChecks>> {
        self.checks.as_ref()
    }
}

impl UsageMonth {
    /// Whether it sums a data file.
    pub fn covers(&self, file: &DataFile) -> bool {
        name_of(&file.path).is_some_and(|name| self.covers.contains(name))
    }
}

fn name_of(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

/// Opens a copy; `None` for what is no copy of this store.
pub(super) fn open(path: PathBuf, checks: &MonthChecks) -> Result<Option<UsageMonth>, StoreError> {
    let Some(name) = name_of(&path).filter(|name| name.ends_with(".parquet")) else { return Ok(None) };
    let Some(month) = name.get(..7).map(str::to_owned) else { return Ok(None) };
    // Where copies have checksums, one without is another's.
    let checks = match checks {
        Some(checks) => match checks.get(name) {
            Some(checks) => Some(Arc::clone(checks)),
            None => return Ok(None),
        },
        None => None,
    };
    let mut month = UsageMonth { path, month, covers: BTreeSet::new(), checks };
    let file = CheckedFile::open(&month)?;
    let reader = SerializedFileReader::new(file.clone()).map_err(|error| file.explain(error))?;
    let entries = reader.metadata().file_metadata().key_value_metadata().into_iter().flatten();
    let covers = entries.filter(|entry| entry.key == COVERS).find_map(|entry| entry.value.as_ref());
    Ok(covers.map(|covers| {
        month.covers = covers.lines().map(str::to_owned).collect();
        month
    }))
}

impl Snapshot {
    /// The copies that stand for some of `files`, usage files of this snapshot; at most one a month.
    pub fn usage_months(&self, files: &[&DataFile]) -> Vec<UsageMonth> {
        let names: BTreeSet<&str> = files.iter().filter_map(|file| name_of(&file.path)).collect();
        let mut found = BTreeMap::new();
        for path in fs::read_dir(months_dir(&self.dir)).into_iter().flatten().flatten().map(|entry| entry.path()) {
            let is_ours = self.month_checks.as_ref().is_some_and(|c| name_of(&path).is_some_and(|n| c.contains_key(n)));
            // What can't be read is as good as missing.
            let month = match open(path.clone(), &self.month_checks) {
                Ok(Some(month)) => month,
                Ok(None) => continue,
                Err(error) => {
                    if is_ours {
                        self.leave_out(&path, &error.to_string());
                    }
                    continue;
                }
            };
            if !month.covers.is_empty() && month.covers.iter().all(|name| names.contains(name.as_str())) {
                found.insert(month.month.clone(), month);
            }
        }
        found.into_values().collect()
    }

    /// Notes that a copy of usage can't be read, and its days are read in its place. One that isn't there any more was
    /// replaced by a newer one.
    pub fn leave_out(&self, copy: &Path, why: &str) {
        if fs::symlink_metadata(copy).is_err() {
            return;
        }
        let why = why.lines().next().unwrap_or_default();
        let why = why.strip_prefix(&format!("{}: ", copy.display())).unwrap_or(why);
        let text = format!(
            "{}: {why}: this copy of usage is left out, its days are read instead\n\
             hint: `trailpare fsck --repair` makes it anew",
            copy.display()
        );
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).entry(text).or_insert(false);
    }

    /// What there is to say of copies of usage that can't be read; each is said once.
    pub fn take_left_out(&self) -> Vec<String> {
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        let say = |(text, is_said): (&String, &mut bool)| (!std::mem::replace(is_said, true)).then(|| text.clone());
        left_out.iter_mut().filter_map(say).collect()
    }
}

impl Writer {
    /// Puts a copy in the place of all others of its month. `rows` is in the schema and order of [`Table::Usage`].
    pub fn put_usage_month(&self, month: &str, rows: &RecordBatch, covers: &[&DataFile]) -> Result<(), StoreError> {
        let dir = self.store().dir();
        let (folder, name) = (months_dir(dir), format!("{month}.{}.parquet", crate::time::fresh_id()));
        no_links(dir, &folder)?;
        private::create_folder(&folder, self.mode()).map_err(StoreError::io(&folder, "cannot create"))?;
        let staged = staging_dir(dir).join(&name);
        let file = private::create_file(&staged).map_err(StoreError::io(&staged, "cannot create"))?;
        let mut out = Checking::new(&file);
        let mut write = || {
            let names: Vec<&str> = covers.iter().filter_map(|file| name_of(&file.path)).collect();
            let mut writer = ArrowWriter::try_new_with_options(&mut out, rows.schema(), options(Table::Usage))?;
            writer.append_key_value_metadata(KeyValue::new(COVERS.to_owned(), names.join("\n")));
            writer.write(rows)?;
            writer.close()
        };
        write().map_err(StoreError::parquet(&staged))?;
        // A name without its bytes would be skipped, but never mended.
        file.sync_all().map_err(StoreError::io(&staged, "cannot sync"))?;
        let path = folder.join(&name);
        self.note_checks(&name, &out.checks()).map_err(StoreError::catalog(&catalog_path(dir)))?;
        fs::rename(&staged, &path).map_err(StoreError::io(&staged, "cannot move into place"))?;
        self.drop_usage_month(month, Some(&path))
    }

    fn note_checks(&self, name: &str, checks: &FileChecks) -> rusqlite::Result<()> {
        let FileChecks { sha256, size_bytes, block_bytes, blocks } = checks;
        self.connection().execute(
            "INSERT INTO trailpare_month_checks VALUES (?1, ?2, ?3, ?4, ?5)",
            params![name, size_bytes, sha256, block_bytes, blocks],
        )?;
        Ok(())
    }

    /// The months of which there are copies, whatever they are worth.
    pub(super) fn usage_month_names(&self) -> Result<BTreeSet<String>, StoreError> {
        let folder = months_dir(self.store().dir());
        no_links(self.store().dir(), &folder)?;
        let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        Ok(paths.filter_map(|path| name_of(&path)?.get(..7).map(str::to_owned)).collect())
    }

    /// Removes the copies of a month, `but` apart.
    pub fn drop_usage_month(&self, month: &str, but: Option<&Path>) -> Result<(), StoreError> {
        let (dir, folder) = (self.store().dir(), months_dir(self.store().dir()));
        no_links(dir, &folder)?;
        let is_gone =
            |path: &PathBuf| but != Some(path.as_path()) && name_of(path).is_some_and(|name| name.starts_with(month));
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let gone: Vec<PathBuf> = entries.filter(is_gone).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for path in &gone {
            fs::remove_file(path).map_err(StoreError::io(path, "cannot remove"))?;
        }
        // A file that comes back with the power must have its checksums still: without them it is nobody's.
        sync_dir(&folder)?;
        for path in &gone {
            let sql = "DELETE FROM trailpare_month_checks WHERE name = ?1";
            self.connection().execute(sql, [name_of(path)]).map_err(StoreError::catalog(&catalog_path(dir)))?;
        }
        Ok(())
    }
}
