//! Where a data file goes when a commit replaces it: out of the tables' folders, which a bare glob reads, to where
//! snapshots from before still find it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::layout::REPLACED;
use super::place::open_plain;
use super::tables::Table;

/// The name of a table's file once it is replaced. Names of data files are unique, so these are too.
pub(super) fn replaced_name(table: Table, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    format!("{}-{}", table.name(), name.to_string_lossy())
}

/// Where `data/main/TABLE/day=…/FILE` is once it was replaced; `None` where `path` has another shape.
pub fn replaced_path(path: &Path) -> Option<PathBuf> {
    let (folder, data) = (path.ancestors().nth(2)?, path.ancestors().nth(4)?);
    let table = Table::ALL.into_iter().find(|table| folder.file_name().is_some_and(|name| name == table.name()))?;
    Some(data.join(REPLACED).join(replaced_name(table, path)))
}

/// Opens a data file that a snapshot names. A commit may have replaced it since the snapshot was read.
pub(super) fn open(path: &Path) -> Result<File, StoreError> {
    match open_plain(path) {
        Err(StoreError::Io { source, what, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let missing = |source| StoreError::io(path, what)(source);
            replaced_path(path).map_or_else(|| Err(missing(source)), |replaced| open_plain(&replaced))
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_table_has_one_place_to_go() {
        let path = Path::new("/s/data/main/events/day=2024-03-01/a.parquet");
        assert_eq!(replaced_path(path), Some(PathBuf::from("/s/data/replaced/events-a.parquet")));
        assert_eq!(replaced_path(Path::new("/s/data/replaced/events-a.parquet")), None);
        assert_eq!(replaced_path(Path::new("a.parquet")), None);
    }
}
