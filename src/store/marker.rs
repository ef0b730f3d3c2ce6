//! The marker of a commit: `commit-in-progress` says which files are about to be moved.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::change::Commit;
use super::error::{Outside, StoreError};
use super::layout::{data_dir, marker_path, table_dir};
use super::moves::sync_dir;
use super::place::{DataPath, no_links};
use super::private::{self, Mode};
use super::tables::Table;

/// What the marker file of a commit says, as it is written.
#[derive(Serialize, Deserialize)]
pub(super) struct WrittenMarker {
    /// Paths below `data/` that the commit adds.
    pub add: Vec<String>,
    /// Paths below `data/` that it moves away.
    pub replace: Vec<String>,
    /// Of both; markers of before had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crc: Option<u32>,
}

impl WrittenMarker {
    pub fn new(add: Vec<String>, replace: Vec<String>) -> WrittenMarker {
        let mut marker = WrittenMarker { add, replace, crc: None };
        marker.crc = Some(marker.sum());
        marker
    }

    /// Whether it is what was written, as far as that was recorded.
    pub fn is_sound(&self) -> bool {
        self.crc.is_none_or(|crc| crc == self.sum())
    }

    fn sum(&self) -> u32 {
        let mut crc = libdeflater::Crc::new();
        for (kind, path) in self.add.iter().map(|path| ("+", path)).chain(self.replace.iter().map(|path| ("-", path))) {
            [kind, path, "\n"].iter().for_each(|part| crc.update(part.as_bytes()));
        }
        crc.sum()
    }
}

/// What a marker says: files in the tables' folders.
pub(super) struct Marker {
    pub add: Vec<DataPath>,
    pub replace: Vec<(Table, DataPath)>,
}

impl Marker {
    /// `None` where there is none, or one that was cut short itself, or of which a power cut left zeros: then nothing
    /// had been renamed yet.
    ///
    /// # Errors
    /// A marker that names what no commit of a store can have named.
    pub fn read(dir: &Path) -> Result<Option<Marker>, StoreError> {
        let path = marker_path(dir);
        let mut text = Vec::new();
        match File::open(&path).and_then(|mut file| file.read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io(&path, "cannot read")(error)),
        }
        Marker::parse(dir, &text)
    }

    /// Reads the text of a marker.
    pub fn parse(dir: &Path, text: &[u8]) -> Result<Option<Marker>, StoreError> {
        let written = match serde_json::from_slice::<WrittenMarker>(text) {
            Ok(written) if written.is_sound() => written,
            // A whole one ends with its brace, whatever became of its quotes.
            Err(error) if error.is_eof() && !text.ends_with(b"}") || text.contains(&0) => return Ok(None),
            _ => return Err(StoreError::Marker(marker_path(dir))),
        };
        let file = |path: &String| -> Result<(Table, DataPath), StoreError> {
            let checked = DataPath::new(path).map_err(|outside| outside.of(dir))?;
            let table = checked.table().filter(|_| checked.name().ends_with(".parquet"));
            table.map(|table| (table, checked)).ok_or_else(|| Outside(path.clone()).of(dir))
        };
        Ok(Some(Marker {
            add: written.add.iter().map(|path| Ok(file(path)?.1)).collect::<Result<_, StoreError>>()?,
            replace: written.replace.iter().map(file).collect::<Result<_, StoreError>>()?,
        }))
    }
}

pub(super) fn write_marker(
    dir: &Path,
    commit: &Commit,
    moves: &[(i64, PathBuf, PathBuf, String)],
) -> Result<(), StoreError> {
    let path = marker_path(dir);
    let data = data_dir(dir);
    let below = |p: &Path| p.strip_prefix(&data).unwrap_or(p).to_string_lossy().into_owned();
    let marker = WrittenMarker::new(
        commit.add.iter().map(|f| below(&table_dir(dir, f.table).join(&f.relative))).collect(),
        moves.iter().map(|(_, from, _, _)| below(from)).collect(),
    );
    let text = serde_json::to_vec(&marker).map_err(|e| StoreError::io(&path, "cannot write")(e.into()))?;
    no_links(dir, &path)?;
    let write = || {
        let mut options = OpenOptions::new();
        let mode = Mode::Private;
        let mut file = private::create_file_with(&path, mode, options.create(true).write(true).truncate(true))?;
        file.write_all(&text)?;
        file.sync_all()
    };
    write().map_err(StoreError::io(&path, "cannot write"))?;
    sync_dir(dir)
}

pub(super) fn remove_marker(dir: &Path) -> Result<(), StoreError> {
    let path = marker_path(dir);
    fs::remove_file(&path).map_err(StoreError::io(&path, "cannot remove"))
}
