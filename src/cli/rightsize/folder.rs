//! The folder that is written: what is the same stays untouched, what nobody needs any more goes, links lead nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::CliError;
use crate::report::rightsize::is_ours;
use crate::rightsize::SubjectKind;
use crate::store::{create_private_folder, write_private};
use crate::util::shown;

/// The file that tells that a folder is ours; written last.
const SUMMARY: &str = "summary.json";

pub(super) struct Folder {
    root: PathBuf,
    written: BTreeSet<String>,
    /// Whether files of an earlier run may be there.
    is_ours: bool,
}

impl Folder {
    pub fn open(root: &Path) -> Result<Folder, CliError> {
        create_private_folder(root).map_err(failed("make the folder", root))?;
        let summary = fs::read_to_string(root.join(SUMMARY)).ok();
        let value: Option<Value> = summary.and_then(|text| serde_json::from_str(&text).ok());
        let is_ours =
            value.is_some_and(|value| value.get("made_by").and_then(Value::as_str) == Some("trailpare rightsize"));
        let folders = SubjectKind::ALL.map(SubjectKind::folder);
        let taken = folders.iter().map(|name| root.join(name)).find(|path| path.symlink_metadata().is_ok());
        if let (false, Some(taken)) = (is_ours, taken) {
            return Err(CliError::failed(format!(
                "{} is there, and no {SUMMARY} says that it was made by `trailpare rightsize`\nhint: give another folder with --out",
                shown::path(&taken)
            )));
        }
        Ok(Folder { root: root.to_owned(), written: BTreeSet::new(), is_ours })
    }

    /// Writes a file, if it holds something else.
    pub fn write(&mut self, path: &str, text: &str) -> Result<(), CliError> {
        let place = self.place(path)?;
        self.written.insert(path.to_owned());
        if fs::read(&place).is_ok_and(|known| known == text.as_bytes()) {
            return Ok(());
        }
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

    /// Removes what an earlier run wrote and this one did not, and says whose the folder is.
    pub fn finish(mut self, summary: &str) -> Result<(), CliError> {
        if self.is_ours {
            for kind in SubjectKind::ALL {
                self.tidy(kind.folder())?;
            }
        }
        self.write(SUMMARY, summary)
    }

    fn tidy(&self, kind: &str) -> Result<(), CliError> {
        let folder = self.place(kind)?;
        for name in names(&folder)? {
            let below = folder.join(&name);
            if !fs::symlink_metadata(&below).is_ok_and(|found| found.is_dir()) {
                continue;
            }
            for file in names(&below)? {
                let is_known = self.written.contains(&format!("{kind}/{name}/{file}"));
                let place = below.join(&file);
                if !is_known && is_ours(&file) && fs::symlink_metadata(&place).is_ok_and(|found| found.is_file()) {
                    fs::remove_file(&place).map_err(failed("remove", &place))?;
                }
            }
            // What somebody else put there keeps the folder.
            let _ = fs::remove_dir(&below);
        }
        Ok(())
    }
}

/// Names in a folder; none where it is not there. What is no UTF-8 is not ours.
fn names(folder: &Path) -> Result<Vec<String>, CliError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read the folder", folder))?,
    };
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CliError + use<> {
    let path = shown::path(path);
    move |error| CliError::failed(format!("cannot {what} {path}: {error}"))
}
