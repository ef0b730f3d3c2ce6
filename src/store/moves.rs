//! Moving and removing files of a store so that it lasts through a power cut.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{panic, thread};

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

/// Syncs that run at once. One after the other, each waits for a write of the file system's journal of its own; at once,
/// many of them wait for the same one.
const SYNCS_AT_ONCE: usize = 8;

/// Syncs files to the disk.
pub(super) fn sync_files(files: &[&Path]) -> Result<(), StoreError> {
    let next = AtomicUsize::new(0);
    let sync_some = || {
        let mut left = std::iter::from_fn(|| files.get(next.fetch_add(1, Ordering::Relaxed)));
        left.try_for_each(|path| sync_file(path))
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..files.len().min(SYNCS_AT_ONCE))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, sync_some).ok())
            .collect();
        let own = sync_some();
        let ended = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        ended.fold(own, Result::and)
    })
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(StoreError::io(path, "cannot sync"))
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
    fn files_are_synced_however_many_and_one_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = (0..3 * SYNCS_AT_ONCE).map(|i| folder.path().join(i.to_string())).collect();
        paths.iter().for_each(|path| fs::write(path, "x").unwrap());
        let mut files: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        for count in [0, 1, 2, files.len()] {
            sync_files(&files[..count]).unwrap();
        }
        for missing in [files.len() - 1, 5, 0] {
            fs::remove_file(files[missing]).unwrap();
            let error = sync_files(&files).unwrap_err().to_string();
            assert!(error.contains(files[missing].to_str().unwrap()), "{error}");
            files.remove(missing);
        }
    }

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
