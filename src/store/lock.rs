//! The lock of the one process that writes to a store.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::holder::LockHolder;
use super::layout::{lock_path, marker_path};
use super::place::no_links;
use super::private::{self, Mode};

/// How often the writer's lock is asked for, 10 ms apart.
const LOCK_TRIES: usize = 5;

/// How often it is asked for by who waits.
const WAIT_INTERVAL: Duration = Duration::from_millis(200);

/// Takes a store's lock, after `wait` at the latest.
///
/// # Errors
/// [`StoreError::Locked`] when another process writes.
pub(super) fn take_within(dir: &Path, wait: Duration) -> Result<File, StoreError> {
    let began = Instant::now();
    loop {
        if let Some(lock) = try_take(dir)? {
            return Ok(lock);
        }
        let Some(left) = wait.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
            return Err(StoreError::Locked { path: dir.to_owned(), holder: LockHolder::of(dir) });
        };
        thread::sleep(left.min(WAIT_INTERVAL));
    }
}

/// Takes the writer's lock; `None` when somebody else holds it.
fn try_take(dir: &Path) -> Result<Option<File>, StoreError> {
    let path = lock_path(dir);
    no_links(dir, &path)?;
    let mut options = OpenOptions::new();
    options.truncate(false).read(true).write(true);
    let file = match options.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            private::create_file_with(&path, Mode::Private, options.create(true))
        }
        outcome => outcome,
    };
    let mut file = file.map_err(StoreError::io(&path, "cannot open"))?;
    // A reader that asks whether anybody writes has it for a moment.
    let mut taken = file.try_lock();
    for _ in 0..LOCK_TRIES {
        if !matches!(taken, Err(fs::TryLockError::WouldBlock)) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
        taken = file.try_lock();
    }
    match taken {
        Ok(()) => {
            let note = |file: &mut File| {
                file.set_len(0)?;
                file.rewind()?;
                LockHolder::note(file)
            };
            note(&mut file).map_err(StoreError::io(&path, "cannot write"))?;
            Ok(Some(file))
        }
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(StoreError::io(&path, "cannot lock")(source)),
    }
}

/// Whether a commit was cut short: a marker without anybody who writes.
pub(super) fn is_cut_short(dir: &Path) -> bool {
    let is_free = || File::open(lock_path(dir)).map_or(true, |lock| lock.try_lock_shared().is_ok());
    marker_path(dir).exists() && is_free()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_gets_it_once_the_other_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let held = take_within(folder.path(), Duration::ZERO).unwrap();
        let refused = take_within(folder.path(), Duration::from_millis(300));
        assert!(matches!(refused, Err(StoreError::Locked { .. })));
        let began = Instant::now();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| take_within(folder.path(), Duration::MAX).is_ok());
            thread::sleep(Duration::from_millis(400));
            drop(held);
            assert!(waiting.join().unwrap());
        });
        assert!(began.elapsed() >= Duration::from_millis(400));
    }
}
