//! Where everything of a store lies, seen from its folder.

use std::path::{Path, PathBuf};

use super::tables::Table;

/// The folder of replaced files, below `data/`.
pub(super) const REPLACED: &str = "replaced";

/// How the catalog spells a path in the folder of replaced files, seen from a table's folder.
pub(super) const FROM_TABLE: &str = "../../replaced/";

/// Where a repair moves what it sets aside, below `data/`.
pub(super) const QUARANTINE: &str = "quarantine";

pub(super) fn catalog_path(dir: &Path) -> PathBuf {
    dir.join("catalog.sqlite")
}

pub(super) fn data_dir(dir: &Path) -> PathBuf {
    dir.join("data")
}

pub(super) fn staging_dir(dir: &Path) -> PathBuf {
    data_dir(dir).join(".staging")
}

pub(super) fn replaced_dir(dir: &Path) -> PathBuf {
    data_dir(dir).join(REPLACED)
}

pub(super) fn table_dir(dir: &Path, table: Table) -> PathBuf {
    data_dir(dir).join("main").join(table.name())
}

pub(super) fn lock_path(dir: &Path) -> PathBuf {
    dir.join("ingest.lock")
}

pub(super) fn marker_path(dir: &Path) -> PathBuf {
    dir.join("commit-in-progress")
}

pub(super) fn months_dir(dir: &Path) -> PathBuf {
    dir.join("usage-months")
}
