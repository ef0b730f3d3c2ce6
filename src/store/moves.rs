//! Moving and removing files of a store so that it lasts through a power cut.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::place::no_links;
use super::private::{self, Mode};

/// Moves files so that they stay moved: the marker may go then.
pub(super) fn move_files(dir: &Path, moves: &[(PathBuf, PathBuf)], mode: Mode) -> Result<(), StoreError> {
    for (from, to) in moves {
        no_links(dir, from)?;
        move_file(dir, from, to, mode)?;
    }
    let (to, from) = (moves.iter().map(|(_, to)| to.as_path()), moves.iter().map(|(from, _)| from.as_path()));
    sync_order(dir, to, from).iter().try_for_each(|folder| sync_dir(folder))
}

/// The folders to sync after moves. Those that files came to are first, then those above them, which may be new; those
/// that files left are last: in the other order a power cut in between leaves a file in neither.
pub(super) fn sync_order<'p>(
    dir: &'p Path,
    to: impl Iterator<Item = &'p Path>,
    from: impl Iterator<Item = &'p Path>,
) -> Vec<&'p Path> {
    let above = |path: &'p Path| path.ancestors().skip(1).take_while(|folder| *folder != dir);
    let mut folders: Vec<&Path> = to.flat_map(above).collect();
    folders.sort_by_key(|folder| (std::cmp::Reverse(folder.components().count()), *folder));
    folders.dedup();
    let left: BTreeSet<&Path> = from.filter_map(Path::parent).filter(|left| !folders.contains(left)).collect();
    folders.extend(left);
    folders
}

pub(super) fn move_file(dir: &Path, from: &Path, to: &Path, mode: Mode) -> Result<(), StoreError> {
    if let Some(parent) = to.parent() {
        no_links(dir, parent)?;
        private::create_folder(parent, mode).map_err(StoreError::io(parent, "cannot create"))?;
    }
    fs::rename(from, to).map_err(StoreError::io(from, "cannot move into place"))
}

pub(super) fn sync_dir(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(StoreError::io(folder, "cannot sync"))
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StoreError::io(path, "cannot remove")(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_came_to_is_synced_before_what_they_left() {
        let dir = Path::new("/s");
        let from = [Path::new("/s/data/main/events/day=1/a"), Path::new("/s/data/main/usage/day=1/b")];
        let to = [Path::new("/s/data/replaced/events-a"), Path::new("/s/data/replaced/usage-b")];
        let order = sync_order(dir, to.into_iter(), from.into_iter());
        let expected = ["/s/data/replaced", "/s/data", "/s/data/main/events/day=1", "/s/data/main/usage/day=1"];
        assert_eq!(order, expected.map(Path::new));
        let order = sync_order(dir, from.into_iter(), std::iter::empty());
        let at = |folder: &str| order.iter().position(|path| *path == Path::new(folder)).unwrap();
        assert!(at("/s/data/main/events/day=1") < at("/s/data/main/events") && at("/s/data/main") < at("/s/data"));
        assert!(!order.contains(&dir));
    }
}
