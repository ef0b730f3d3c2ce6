//! Ctrl-C: every command ends within two seconds, whatever it is at.
//!
//! What can end in good order gets the time for it. What can't — a join that is all at computing never looks up — is left:
//! a store is sound at any instant, and temporary files are removed here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use super::Exit;
use crate::ingest::Progress;

/// What work that was asked to end has for it.
const GRACE: Duration = Duration::from_millis(1_500);

/// What an interrupt has to deal with.
struct State {
    /// What can be asked to end.
    progress: Option<Arc<Progress>>,
    /// Files and folders that go with the process.
    temporary: Vec<PathBuf>,
    is_asked: bool,
}

static STATE: Mutex<State> = Mutex::new(State { progress: None, temporary: Vec::new(), is_asked: false });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on an interrupt ends the process with the exit code for it.
pub(super) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A process that can't have a handler dies of the signal itself.
        let _ = ctrlc::set_handler(interrupted);
    });
}

fn interrupted() {
    let mut state = state();
    let is_second = std::mem::replace(&mut state.is_asked, true);
    match &state.progress {
        Some(progress) if !is_second => {
            progress.stop();
            thread::spawn(|| {
                thread::sleep(GRACE);
                end()
            });
        }
        _ => {
            drop(state);
            end()
        }
    }
}

fn end() -> ! {
    for path in std::mem::take(&mut state().temporary) {
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
    std::process::exit(i32::from(Exit::Interrupted.code()))
}

/// Work that can be asked to end, for as long as this value lives.
pub(super) struct Stoppable;

impl Stoppable {
    pub fn new(progress: &Arc<Progress>) -> Stoppable {
        watch();
        state().progress = Some(Arc::clone(progress));
        Stoppable
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        state().progress = None;
    }
}

/// A file or folder that goes when the process is interrupted while this value lives.
pub(super) struct Temporary(PathBuf);

impl Temporary {
    pub fn new(path: &Path) -> Temporary {
        watch();
        state().temporary.push(path.to_owned());
        Temporary(path.to_owned())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        state().temporary.retain(|path| *path != self.0);
    }
}
