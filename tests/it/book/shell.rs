//! A folder in which a page's commands run, and how their output compares with what the page shows.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use tempfile::TempDir;

use super::page::Command;
use super::root;

/// Stands for any lines, or for any part of a line.
const ANY: &str = "…";

/// `cargo run -- …` of the README, with the program that is built already.
const CARGO: &str = "#!/bin/sh\n[ \"$1 $2\" = 'run --' ] || exit 64\nshift 2\nexec trailpare \"$@\"\n";

pub struct Shell {
    folder: TempDir,
}

impl Shell {
    pub fn new() -> Shell {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["bin", "home", "tmp", "work"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        symlink(env!("CARGO_BIN_EXE_trailpare"), path("bin/trailpare")).expect("a link");
        fs::write(path("bin/cargo"), CARGO).expect("a script");
        fs::set_permissions(path("bin/cargo"), fs::Permissions::from_mode(0o755)).expect("it may run");
        for (from, to) in [
            ("sample-logs", "sample-logs"),
            ("sample-logs", "my-trail"),
            ("sample-organization", "sample-organization"),
        ] {
            copy(&root().join(from), &path("work").join(to));
        }
        Shell { folder }
    }

    /// Runs commands one after the other; the last has to end with `exit`, the others with 0. What they print.
    pub fn run(&self, commands: &[Command], exit: i32) -> Result<String, String> {
        let mut all = String::new();
        for (i, command) in commands.iter().enumerate() {
            let (code, text) = self.command(&command.text);
            let expected = if i + 1 == commands.len() { exit } else { 0 };
            if code != Some(expected) {
                return Err(format!("ends with {code:?}, not {expected}: {}\n{text}", command.text));
            }
            if let Some(shown) = &command.shown {
                matches(&lines(shown), &text.lines().collect::<Vec<_>>())
                    .then_some(())
                    .ok_or_else(|| format!("prints\n{text}\nand the page shows\n{}", shown.join("\n")))?;
            }
            all += &text;
        }
        Ok(all)
    }

    fn command(&self, text: &str) -> (Option<i32>, String) {
        let path = |name: &str| self.folder.path().join(name);
        let search = format!("{}:/usr/local/bin:/usr/bin:/bin", path("bin").display());
        let mut process = Process::new("bash");
        process.arg("-euo").arg("pipefail").arg("-c").arg(format!("exec 2>&1\n{text}"));
        process.current_dir(path("work")).stdin(Stdio::null());
        process.env_clear().env("PATH", search).env("HOME", path("home")).env("TMPDIR", path("tmp"));
        process.env("LC_ALL", "C.UTF-8").env("TRAILPARE_CONFIG", "");
        let done = process.output().expect("a shell");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.expect("it can be read");
        let target = to.join(entry.path().strip_prefix(from).expect("it is below"));
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(target).expect("a folder"),
            false => fs::copy(entry.path(), target).map(|_| ()).expect("a copy"),
        }
    }
}

/// Without empty lines at the end, which separate blocks of a page.
fn lines(shown: &[String]) -> Vec<&str> {
    let end = shown.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    shown.iter().take(end).map(String::as_str).collect()
}

/// Whether the lines shown stand in the text, one after the other.
pub fn is_part(shown: &[String], text: &str) -> Result<(), String> {
    let around = [vec![ANY], lines(shown), vec![ANY]].concat();
    match matches(&around, &text.lines().collect::<Vec<_>>()) {
        true => Ok(()),
        false => Err(format!("what was printed has no such lines:\n{text}")),
    }
}

/// Whether the lines are as they are shown. A line `…` stands for any lines.
fn matches(shown: &[&str], lines: &[&str]) -> bool {
    match (shown.split_first(), lines.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first.trim() == ANY => {
            (0..=lines.len()).any(|passed| matches(rest, &lines[passed..]))
        }
        (Some((first, rest)), Some((line, further))) => line_matches(first, line) && matches(rest, further),
        _ => false,
    }
}

/// Whether a line is as it is shown; `…` stands for any part of it.
fn line_matches(shown: &str, line: &str) -> bool {
    let mut parts = shown.split(ANY);
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.trim_end().is_empty() };
    for part in middle {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.trim_end().ends_with(last.trim_end())
}
