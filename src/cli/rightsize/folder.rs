//! The folder that is written: what is the same stays untouched, what nobody needs any more goes, links lead nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli::CliError;
use crate::report::rightsize::is_ours;
use crate::rightsize::SubjectKind;
use crate::store::{create_private_folder, write_private};
use crate::util::shown;

/// The list of what was written, which tells ours from what somebody else put there.
const MANIFEST: &str = ".trailpare-rightsize";

/// What a list begins with while a run goes on, and when it ended.
const GOING_ON: &str = "trailpare rightsize, not finished";
const FINISHED: &str = "trailpare rightsize";

/// Files beside the folders of principals.
const SUMMARY: &str = "summary.json";
pub(super) const REPORT: &str = "report.html";
const BESIDE: [&str; 4] = ["README.md", SUMMARY, "findings.sarif", REPORT];

pub(super) struct Folder {
    root: PathBuf,
    written: BTreeSet<String>,
    /// What an earlier run wrote.
    earlier: BTreeSet<String>,
    /// That run did not come to its end: what has a name of ours may be its.
    was_cut_short: bool,
    /// The list says that a run goes on.
    is_noted: bool,
}

impl Folder {
    pub fn open(root: &Path) -> Result<Folder, CliError> {
        create_private_folder(root).map_err(failed("make the folder", root))?;
        let folder = Folder {
            root: root.to_owned(),
            written: BTreeSet::new(),
            earlier: BTreeSet::new(),
            was_cut_short: false,
            is_noted: false,
        };
        let list = fs::read_to_string(folder.place(MANIFEST)?).unwrap_or_default();
        let mut lines = list.lines();
        let first = lines.next();
        if !matches!(first, Some(GOING_ON | FINISHED)) {
            folder.refuse_others()?;
        }
        Ok(Folder {
            earlier: lines.filter(|path| may_be_ours(path)).map(str::to_owned).collect(),
            was_cut_short: first != Some(FINISHED),
            ..folder
        })
    }

    /// Before the first change the list says that a run goes on.
    fn begin(&mut self) -> Result<(), CliError> {
        if !std::mem::replace(&mut self.is_noted, true) {
            self.note(GOING_ON, &self.earlier)?;
        }
        Ok(())
    }

    /// What has a name of ours is somebody else's, where no list says that it is ours.
    fn refuse_others(&self) -> Result<(), CliError> {
        let names = SubjectKind::ALL.map(SubjectKind::folder).into_iter().chain(BESIDE);
        match names.map(|name| self.root.join(name)).find(|path| path.symlink_metadata().is_ok()) {
            Some(taken) => Err(others(&taken)),
            None => Ok(()),
        }
    }

    fn note(&self, first: &str, files: &BTreeSet<String>) -> Result<(), CliError> {
        let text: String =
            std::iter::once(first).chain(files.iter().map(String::as_str)).map(|line| format!("{line}\n")).collect();
        let place = self.place(MANIFEST)?;
        if fs::read(&place).is_ok_and(|known| known == text.as_bytes()) {
            return Ok(());
        }
        write_private(&place, text.as_bytes()).map_err(failed("write", &place))
    }

    /// Writes a file, if it holds something else.
    pub fn write(&mut self, path: &str, text: &str) -> Result<(), CliError> {
        let place = self.place(path)?;
        self.written.insert(path.to_owned());
        let known = fs::read(&place);
        if known.as_ref().is_ok_and(|known| known == text.as_bytes()) {
            return Ok(());
        }
        if known.is_ok() && !self.was_cut_short && !self.earlier.contains(path) {
            return Err(others(&place));
        }
        self.begin()?;
        if let Some(above) = place.parent() {
            create_private_folder(above).map_err(failed("make the folder", above))?;
        }
        write_private(&place, text.as_bytes()).map_err(failed("write", &place))
    }

    /// Where a file is: no link is on the way to it.
    fn place(&self, path: &str) -> Result<PathBuf, CliError> {
        let mut place = self.root.clone();
        for part in path.split('/') {
            place.push(part);
            if fs::symlink_metadata(&place).is_ok_and(|found| found.is_symlink()) {
                return Err(CliError::failed(format!(
                    "{} is a link, and nothing is written through one\nhint: remove it, or give another folder with --out",
                    shown::path(&place)
                )));
            }
        }
        Ok(place)
    }

    /// Removes what an earlier run wrote and this one did not, and lists what is there now.
    pub fn finish(mut self, summary: &str) -> Result<(), CliError> {
        self.write(SUMMARY, summary)?;
        let gone: Vec<String> = self.earlier.difference(&self.written).cloned().collect();
        for path in &gone {
            self.begin()?;
            let place = self.place(path)?;
            match fs::remove_file(&place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &place)(error)),
                _ => {}
            }
            // What somebody else put there keeps the folder.
            if let Some(above) = place.parent().filter(|above| *above != self.root) {
                let _ = fs::remove_dir(above);
            }
        }
        self.note(FINISHED, &self.written)
    }
}

/// Whether a path is one that this command writes: the list may be somebody else's.
fn may_be_ours(path: &str) -> bool {
    let mut parts = path.split('/');
    let (kind, name, file, more) = (parts.next(), parts.next(), parts.next(), parts.next());
    match (kind, name, file, more) {
        (Some(beside), None, None, None) => BESIDE.contains(&beside),
        (Some(kind), Some(name), Some(file), None) => {
            let is_kind = SubjectKind::ALL.iter().any(|known| known.folder() == kind);
            is_kind && !name.is_empty() && !name.starts_with('.') && is_ours(file)
        }
        _ => false,
    }
}

fn others(path: &Path) -> CliError {
    CliError::failed(format!(
        "{} is there, and no list says that it was made by `trailpare rightsize`\nhint: give another folder with --out",
        shown::path(path)
    ))
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CliError + use<> {
    let path = shown::path(path);
    move |error| CliError::failed(format!("cannot {what} {path}: {error}"))
}
