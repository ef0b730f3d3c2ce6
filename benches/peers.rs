//! Other programs to measure beside, in an environment of Python.

use std::path::{Path, PathBuf};
use std::process::Command;

// Not every benchmark runs another program of it.
#[allow(dead_code)]
pub const FOLDER: &str = "target/peers";

/// Names and versions of what is installed.
#[allow(dead_code)]
pub const REQUIREMENTS: &str = include_str!("end_to_end/requirements.txt");

/// The Python that has the peers, installed now where it is not there yet.
pub fn python() -> Option<PathBuf> {
    let requirements = "benches/end_to_end/requirements.txt";
    let succeeds = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    let python = Path::new(FOLDER).join("bin/python");
    let is_there = python.exists() || succeeds(Command::new("python3").args(["-m", "venv", FOLDER]));
    let installed =
        is_there && succeeds(Command::new(&python).args(["-m", "pip", "install", "-q", "-r", requirements]));
    if !installed {
        eprintln!("without peers: Python 3 with venv and pip could not install {requirements}");
    }
    installed.then_some(python)
}
