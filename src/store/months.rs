//! Copies of usage beside the tables: a month in one file, summed over its days and sessions.
//!
//! A copy is no part of a snapshot. It names the usage files that it sums, so that whoever reads a snapshot knows
//! whether it stands for them; it may be out of date or missing at any time.
//!
//! `usage-months/2024-03.<uuid>.parquet` is never changed: a newer one takes its place under another name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::reader::FileReader as _;
use parquet::file::serialized_reader::SerializedFileReader;

use super::datafile::options;
use super::error::StoreError;
use super::snapshot::{DataFile, Snapshot};
use super::tables::Table;
use super::{Writer, staging_dir};

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

fn folder(dir: &Path) -> PathBuf {
    dir.join("usage-months")
}

fn open(path: PathBuf) -> Option<UsageMonth> {
    let month = name_of(&path).filter(|name| name.ends_with(".parquet"))?.get(..7)?.to_owned();
    let reader = SerializedFileReader::new(File::open(&path).ok()?).ok()?;
    let entries = reader.metadata().file_metadata().key_value_metadata()?;
    let covers = entries.iter().find(|entry| entry.key == COVERS)?.value.as_ref()?;
    let covers = covers.lines().map(str::to_owned).collect();
    Some(UsageMonth { path, month, covers })
}

impl Snapshot {
    /// The copies that stand for some of `files`, usage files of this snapshot; at most one a month.
    pub fn usage_months(&self, files: &[&DataFile]) -> Vec<UsageMonth> {
        let names: BTreeSet<&str> = files.iter().filter_map(|file| name_of(&file.path)).collect();
        let mut found = BTreeMap::new();
        for path in fs::read_dir(folder(&self.dir)).into_iter().flatten().flatten().map(|entry| entry.path()) {
            // What can't be read is as good as missing.
            let Some(month) = open(path) else { continue };
            if !month.covers.is_empty() && month.covers.iter().all(|name| names.contains(name.as_str())) {
                found.insert(month.month.clone(), month);
            }
        }
        found.into_values().collect()
    }
}

impl Writer {
    /// Puts a copy in the place of all others of its month. `rows` is in the schema and order of [`Table::Usage`].
    pub fn put_usage_month(&self, month: &str, rows: &RecordBatch, covers: &[&DataFile]) -> Result<(), StoreError> {
        let dir = self.store().dir();
        let (folder, name) = (folder(dir), format!("{month}.{}.parquet", uuid::Uuid::now_v7()));
        fs::create_dir_all(&folder).map_err(StoreError::io(&folder, "cannot create"))?;
        let staged = staging_dir(dir).join(&name);
        let file = File::create_new(&staged).map_err(StoreError::io(&staged, "cannot create"))?;
        let write = || {
            let names: Vec<&str> = covers.iter().filter_map(|file| name_of(&file.path)).collect();
            let mut writer = ArrowWriter::try_new_with_options(&file, rows.schema(), options(Table::Usage))?;
            writer.append_key_value_metadata(KeyValue::new(COVERS.to_owned(), names.join("\n")));
            writer.write(rows)?;
            writer.close()
        };
        write().map_err(StoreError::parquet(&staged))?;
        // A name without its bytes would be skipped, but never mended.
        file.sync_all().map_err(StoreError::io(&staged, "cannot sync"))?;
        let path = folder.join(&name);
        fs::rename(&staged, &path).map_err(StoreError::io(&staged, "cannot move into place"))?;
        self.drop_usage_month(month, Some(&path))
    }

    /// Removes the copies of a month, `but` apart.
    pub fn drop_usage_month(&self, month: &str, but: Option<&Path>) -> Result<(), StoreError> {
        let entries = fs::read_dir(folder(self.store().dir())).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()).filter(|path| but != Some(path.as_path())) {
            if name_of(&path).is_some_and(|name| name.starts_with(month)) {
                fs::remove_file(&path).map_err(StoreError::io(&path, "cannot remove"))?;
            }
        }
        Ok(())
    }
}
