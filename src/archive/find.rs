//! Walking archives: every file below the given paths, in order of its path.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::error::FindError;
use super::key::{ObjectKey, ObjectKind};

/// A file below an archive root, with what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Path below the archive root, `/` between folders; the file's name where the root is the file.
    pub relative: String,
    /// Identity in the ledger: the canonical object name, else the path below the archive root.
    pub name: String,
    /// What it is, by its name.
    pub kind: ObjectKind,
    /// Size as stored.
    pub size_bytes: u64,
    /// Day of delivery; from the name, else from the folders `YYYY/MM/DD`.
    pub date: Option<NaiveDate>,
    /// Twelve digits, from the name, else from the folders.
    pub account_id: Option<String>,
    /// Region, from the name, else from the folders.
    pub region: Option<String>,
}

impl Found {
    fn new(path: PathBuf, relative: String, size_bytes: u64) -> Found {
        let key = ObjectKey::parse(&relative);
        Found {
            path,
            name: key.canonical_name.unwrap_or_else(|| relative.clone()),
            relative,
            kind: key.kind,
            size_bytes,
            date: key.date,
            account_id: key.account_id,
            region: key.region,
        }
    }
}

/// Every file below the given paths, root by root, each in the order of its path.
///
/// Symbolic links are followed, but not back into a folder that holds them. What can't be looked at comes as an error
/// and the walk goes on. A root that is a file is taken for a log object whatever its extension.
pub fn find(roots: &[PathBuf]) -> Walk {
    Walk { roots: roots.iter().cloned().collect(), folders: Vec::new() }
}

/// The iterator of [`find()`].
#[derive(Debug)]
pub struct Walk {
    roots: VecDeque<PathBuf>,
    /// The folder at hand last, those that hold it before it.
    folders: Vec<Folder>,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    relative: String,
    /// In order of their names, the next one last.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: std::ffi::OsString,
    what: What,
}

#[derive(Debug)]
enum What {
    File {
        size_bytes: u64,
    },
    Folder,
    Link,
    /// A socket, a pipe, a device.
    Special,
    Unreadable(io::Error),
}

impl Iterator for Walk {
    type Item = Result<Found, FindError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(folder) = self.folders.last_mut() else {
                let root = self.roots.pop_front()?;
                if let Some(item) = self.begin(root) {
                    return Some(item);
                }
                continue;
            };
            let Some(entry) = folder.entries.pop() else {
                self.folders.pop();
                continue;
            };
            let path = folder.path.join(&entry.name);
            let relative = join(&folder.relative, &text(&entry.name));
            if let Some(item) = self.visit(path, relative, entry.what) {
                return Some(item);
            }
        }
    }
}

impl Walk {
    fn begin(&mut self, root: PathBuf) -> Option<Result<Found, FindError>> {
        match fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => self.enter(root, String::new()).err().map(Err),
            Ok(metadata) => {
                let name = root.file_name().map(text).unwrap_or_default();
                let mut found = Found::new(root, name, metadata.len());
                // Named by hand: whoever did so means it.
                if found.kind == ObjectKind::Foreign {
                    found.kind = ObjectKind::Log;
                }
                Some(Ok(found))
            }
            Err(source) => Some(Err(FindError::Io { path: root, source })),
        }
    }

    fn visit(&mut self, path: PathBuf, relative: String, what: What) -> Option<Result<Found, FindError>> {
        match what {
            What::File { size_bytes } => Some(Ok(Found::new(path, relative, size_bytes))),
            What::Folder => self.enter(path, relative).err().map(Err),
            What::Link => self.follow(path, relative),
            What::Special => None,
            What::Unreadable(source) => Some(Err(FindError::Io { path, source })),
        }
    }

    fn follow(&mut self, path: PathBuf, relative: String) -> Option<Result<Found, FindError>> {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => match self.loop_target(&path) {
                Ok(None) => self.enter(path, relative).err().map(Err),
                Ok(Some(target)) => Some(Err(FindError::LinkLoop { path, target })),
                Err(source) => Some(Err(FindError::Io { path, source })),
            },
            Ok(metadata) if metadata.is_file() => Some(Ok(Found::new(path, relative, metadata.len()))),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Err(FindError::DanglingLink(path))),
            Err(source) => Some(Err(FindError::Io { path, source })),
        }
    }

    /// Where a link to a folder leads, if that folder holds it.
    fn loop_target(&self, link: &Path) -> io::Result<Option<PathBuf>> {
        let target = fs::canonicalize(link)?;
        for folder in &self.folders {
            if fs::canonicalize(&folder.path)? == target {
                return Ok(Some(target));
            }
        }
        Ok(None)
    }

    fn enter(&mut self, path: PathBuf, relative: String) -> Result<(), FindError> {
        match entries(&path) {
            Ok(entries) => {
                self.folders.push(Folder { path, relative, entries });
                Ok(())
            }
            Err(source) => Err(FindError::Io { path, source }),
        }
    }
}

/// A folder's entries, the first by name last.
fn entries(path: &Path) -> io::Result<Vec<Entry>> {
    let look =
        |entry: io::Result<fs::DirEntry>| entry.map(|entry| Entry { name: entry.file_name(), what: what(&entry) });
    let mut entries = fs::read_dir(path)?.map(look).collect::<io::Result<Vec<Entry>>>()?;
    entries.sort_unstable_by(|a, b| b.name.cmp(&a.name));
    Ok(entries)
}

fn what(entry: &fs::DirEntry) -> What {
    let look = || -> io::Result<What> {
        let file_type = entry.file_type()?;
        Ok(if file_type.is_dir() {
            What::Folder
        } else if file_type.is_symlink() {
            What::Link
        } else if file_type.is_file() {
            What::File { size_bytes: entry.metadata()?.len() }
        } else {
            What::Special
        })
    };
    look().unwrap_or_else(What::Unreadable)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A file's name as text; bytes that are no UTF-8 as `\xHH`, so that different names stay different.
fn text(name: &std::ffi::OsStr) -> String {
    if let Some(name) = name.to_str() {
        return name.to_owned();
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}
