//! What goes on in a store now, or was cut short: told without a lock where the system tells which processes there are,
//! so that nobody who wants to write is turned away.

use std::fs::{self, File};
use std::path::Path;

use super::holder::LockHolder;
use super::layout::{lock_path, marker_path, staging_dir};
use super::open::Store;

/// What goes on in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The process that writes now.
    pub writer: Option<LockHolder>,
    /// Whether a commit is being made now, or was cut short and waits for the next writer to mend it.
    pub is_committing: bool,
    /// Files that were written and are not committed, and their bytes.
    pub staged_files: u64,
    /// See `staged_files`.
    pub staged_bytes: u64,
}

impl Store {
    /// What goes on now.
    pub fn activity(&self) -> Activity {
        let staged = fs::read_dir(staging_dir(self.dir())).into_iter().flatten().flatten();
        let staged: Vec<u64> =
            staged.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).collect();
        Activity {
            writer: writer_of(self.dir()),
            is_committing: marker_path(self.dir()).exists(),
            staged_files: staged.len() as u64,
            staged_bytes: staged.iter().sum(),
        }
    }
}

/// The process that holds the writer's lock.
fn writer_of(dir: &Path) -> Option<LockHolder> {
    let holder = LockHolder::of(dir);
    let processes = Path::new("/proc");
    let is_gone = |process: u32| processes.join("self").exists() && !processes.join(process.to_string()).exists();
    if holder.process.is_some_and(is_gone) {
        return None;
    }
    // A process of that number lives; whether it is the one, the lock tells.
    let lock = File::open(lock_path(dir)).ok()?;
    matches!(lock.try_lock_shared(), Err(fs::TryLockError::WouldBlock)).then_some(holder)
}
