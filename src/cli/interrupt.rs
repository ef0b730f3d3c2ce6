//! Ctrl-C: every command ends within two seconds, whatever it is at.
//!
//! What can end in good order gets the time for it. What can't — a join that is all at computing never looks up — is left:
//! a store is sound at any instant, and temporary files are removed here.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use super::Exit;
use super::terminal::Modes;
use crate::ingest::Progress;
use crate::query::Stop;

/// What work that was asked to end has for it.
pub(super) const GRACE: Duration = Duration::from_millis(1_500);

/// What an interrupt has to deal with.
struct State {
    /// What can be asked to end.
    progress: Option<Arc<Progress>>,
    /// Files and folders that go with the process.
    temporary: Vec<PathBuf>,
    is_asked: bool,
    /// What a shell is at, if one runs.
    shell: Option<At>,
    /// The terminal's modes as the shell found them.
    modes: Option<Modes>,
}

/// What a shell is at.
#[derive(Clone)]
enum At {
    /// Its prompt. Keys are read there, Ctrl-C too: a signal comes from elsewhere and ends the process.
    Prompt,
    /// A query, which ends.
    Query(Stop),
    /// Something short, or a pager, which looks after itself.
    Work,
}

static STATE: Mutex<State> =
    Mutex::new(State { progress: None, temporary: Vec::new(), is_asked: false, shell: None, modes: None });

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
    match &state.shell {
        Some(At::Query(stop)) if !is_second => return stop.ask(),
        Some(At::Work) => return,
        _ => {}
    }
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
    if let Some(modes) = &state().modes {
        modes.restore();
    }
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

/// A shell, which an interrupt ends only at its prompt, or when a query was asked to end before.
pub(super) struct Shell;

impl Shell {
    pub fn new() -> Shell {
        watch();
        let mut state = state();
        state.shell = Some(At::Work);
        state.modes = Some(Modes::now());
        Shell
    }

    /// From now on it waits for a line.
    pub fn prompts(&self) {
        state().shell = Some(At::Prompt);
    }

    /// From now on it does something that an interrupt does not end.
    pub fn works(&self) {
        state().shell = Some(At::Work);
    }

    /// From now on a query runs, which the first interrupt asks to end.
    pub fn queries(&self, stop: &Stop) {
        stop.begin();
        let mut state = state();
        state.is_asked = false;
        state.shell = Some(At::Query(stop.clone()));
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let mut state = state();
        (state.shell, state.modes, state.is_asked) = (None, None, false);
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
