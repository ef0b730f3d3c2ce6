//! The folder that a query spills to: nobody else may read it, and it doesn't outlive its process by much.
//!
//! It goes with the process, interrupted or not. Only one that is killed leaves it; the next query removes it then. Whether
//! its process lives tells a lock on a file in it.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

const PREFIX: &str = "trailpare-sql-";

const LOCK: &str = "lock";

/// From this age on a folder without a lock is nobody's: its process has had time to make one.
const UNLOCKED_AGE: Duration = Duration::from_secs(3_600);

/// A folder that is in use as long as this value lives.
pub(super) struct SpillFolder {
    folder: TempDir,
    _lock: File,
}

impl SpillFolder {
    /// Makes one below the system's folder for temporary files, and removes those of processes that are no more.
    pub fn create() -> io::Result<SpillFolder> {
        SpillFolder::create_in(&std::env::temp_dir())
    }

    fn create_in(parent: &Path) -> io::Result<SpillFolder> {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(parent)?;
        // It is locked before it has its name: a query that looks in between would take the folder for a dead one's.
        let unnamed = folder.path().join("lock.new");
        let lock = fs::OpenOptions::new().create_new(true).write(true).open(&unnamed)?;
        lock.set_permissions(Permissions::from_mode(0o600))?;
        lock.lock()?;
        fs::rename(&unnamed, folder.path().join(LOCK))?;
        remove_stale(parent, fs::metadata(folder.path())?.uid());
        Ok(SpillFolder { folder, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes what killed processes of the same user left. What can't be removed is no concern of a query.
fn remove_stale(parent: &Path, user: u32) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_ours && is_stale(&entry.path(), user).unwrap_or(false) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_stale(folder: &Path, user: u32) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != user {
        return Ok(false);
    }
    match File::open(folder.join(LOCK)) {
        Ok(lock) => Ok(!matches!(lock.try_lock(), Err(TryLockError::WouldBlock))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(metadata.modified()?.elapsed().is_ok_and(|age| age > UNLOCKED_AGE))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_begin_at_once_leave_each_other_alone() {
        let parent = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let folder = SpillFolder::create_in(parent.path()).unwrap();
                        assert!(folder.path().join(LOCK).is_file());
                    }
                });
            }
        });
    }

    #[test]
    fn what_a_killed_process_leaves_goes_with_the_next_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join("trailpare-sql-dead");
        fs::create_dir_all(dead.join("inner")).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("inner/spilled"), "rows").unwrap();
        let (starting, others) = (parent.path().join("trailpare-sql-new"), parent.path().join("else"));
        fs::create_dir(&starting).unwrap();
        fs::create_dir(&others).unwrap();
        fs::write(parent.path().join("trailpare-sql-file"), "").unwrap();
        std::os::unix::fs::symlink(&others, parent.path().join("trailpare-sql-link")).unwrap();
        let first = SpillFolder::create_in(parent.path()).unwrap();
        let second = SpillFolder::create_in(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(first.path().is_dir() && second.path().is_dir() && starting.is_dir() && others.is_dir());
        assert_eq!(fs::metadata(first.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(first.path().join(LOCK)).unwrap().permissions().mode() & 0o777, 0o600);
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 5);
    }
}
