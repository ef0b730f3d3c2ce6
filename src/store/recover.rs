//! What to do after a commit that was cut short: the marker says which files it was about to move.

use std::collections::BTreeSet;
use std::fs;
use std::iter;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::connect;
use super::error::{Outside, StoreError};
use super::layout::{FROM_TABLE, catalog_path, marker_path, replaced_dir};
use super::lock;
use super::marker::{Marker, remove_marker};
use super::moves::{move_files, remove_if_there, sync_dir, sync_order};
use super::place::{DataPath, make_quarantine};
use super::private::mode_of;
use super::retired_files::replaced_name;
use super::tables::Table;
use crate::time::fresh_id;

/// Undoes the renames of a commit that never happened, and moves away what one that did had replaced.
pub(super) fn recover_locked(dir: &Path, connection: &Connection) -> Result<(), StoreError> {
    if !marker_path(dir).exists() {
        return Ok(());
    }
    if let Some(marker) = Marker::read(dir)? {
        let catalog = catalog_path(dir);
        let known = paths_of(connection).map_err(StoreError::catalog(&catalog))?;
        // All paths are checked before the first one is touched.
        let gone = marker.add.iter().filter(|path| !known.contains(path)).map(|path| path.checked(dir));
        let gone = gone.collect::<Result<Vec<_>, _>>()?;
        let moves = retired_paths(dir, &known, &marker)?;
        gone.iter().try_for_each(|path| remove_if_there(path))?;
        // Once the marker is gone nobody would know of a file that a power cut brings back. Files that the commit had
        // moved away already may have left the same folders: where they went to is synced first.
        let replaced = replaced_dir(dir).join("file");
        let folders = sync_order(dir, iter::once(replaced.as_path()), gone.iter().map(PathBuf::as_path));
        folders.into_iter().filter(|folder| folder.is_dir()).try_for_each(sync_dir)?;
        move_files(dir, &moves, mode_of(dir, connection)?)?;
    }
    remove_marker(dir)
}

/// Sets a marker aside that can't be read, and does without it what can be: files that the catalog says were moved away
/// are. Those of a commit that never happened are files that no snapshot has.
pub(super) fn set_marker_aside(dir: &Path, wait: Duration) -> Result<PathBuf, StoreError> {
    let _lock = lock::take_within(dir, wait)?;
    let connection = connect(dir)?;
    let known = paths_of(&connection).map_err(StoreError::catalog(&catalog_path(dir)))?;
    let replace = retired_names(&connection).map_err(StoreError::catalog(&catalog_path(dir)))?;
    let moves = retired_paths(dir, &known, &Marker { add: Vec::new(), replace })?;
    move_files(dir, &moves, mode_of(dir, &connection)?)?;
    let folder = make_quarantine(dir)?;
    let (from, to) = (marker_path(dir), folder.join(format!("commit-in-progress.{}", fresh_id())));
    fs::rename(&from, &to).map_err(StoreError::io(&from, "cannot move away"))?;
    [folder.as_path(), dir].into_iter().try_for_each(sync_dir)?;
    Ok(to)
}

/// Where the files that were moved away had been.
fn retired_names(connection: &Connection) -> rusqlite::Result<Vec<(Table, DataPath)>> {
    let mut statement = connection.prepare(
        "SELECT f.table_id, f.path, v.partition_value FROM ducklake_data_file f \
         JOIN ducklake_file_partition_value v USING (data_file_id) WHERE f.end_snapshot IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut names = Vec::new();
    for row in rows {
        let (table_id, path, day): (i64, String, String) = row?;
        let Some(table) = Table::ALL.into_iter().find(|table| table.id() == table_id) else { continue };
        let name = path.rsplit('/').next().and_then(|name| name.strip_prefix(&format!("{}-", table.name())));
        let before = name.and_then(|name| DataPath::of_table(table, &format!("day={day}/{name}")).ok());
        names.extend(before.map(|before| (table, before)));
    }
    Ok(names)
}

/// Every file that some snapshot has.
pub(super) fn paths_of(connection: &Connection) -> rusqlite::Result<BTreeSet<DataPath>> {
    let mut statement = connection.prepare("SELECT table_id, path, path_is_relative FROM ducklake_data_file")?;
    let path = |row: &rusqlite::Row<'_>| {
        DataPath::of_row(row.get(0)?, &row.get::<_, String>(1)?, row.get(2)?).map_err(Outside::in_row)
    };
    statement.query_map([], path)?.collect()
}

/// Of the files that the marker's commit replaced those that are still where they were, and where the catalog says they
/// belong.
fn retired_paths(
    dir: &Path,
    known: &BTreeSet<DataPath>,
    marker: &Marker,
) -> Result<Vec<(PathBuf, PathBuf)>, StoreError> {
    let mut moves = Vec::new();
    for (table, old) in &marker.replace {
        let name = replaced_name(*table, Path::new(old.name()));
        let new = DataPath::of_table(*table, &format!("{FROM_TABLE}{name}")).map_err(|outside| outside.of(dir))?;
        let (from, to) = (old.checked(dir)?, new.checked(dir)?);
        if known.contains(&new) && from.exists() {
            moves.push((from, to));
        }
    }
    Ok(moves)
}
