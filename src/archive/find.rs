//! Walking archives: every file below the given paths, in order of its path.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::error::{FindError, FindFault};
use super::key::{ObjectKey, ObjectKind};

/// A file below an archive root, with what its name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Path below the archive root, `/` between folders; the file's name where the root is the file.
    pub relative: String,
    /// The canonical object name, which tells it from others wherever it lies; else its place: the absolute path.
    pub name: String,
    /// Whether `name` is one that CloudTrail gave.
    pub is_canonical: bool,
    /// Whether it was named itself, not found below a folder.
    pub is_by_hand: bool,
    /// Whether it can be read only once: a pipe, a device, standard input.
    pub is_pipe: bool,
    /// Which of the archive roots it lies in.
    pub root: usize,
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
    /// `place`: of the folder that `relative` is relative to.
    fn new(path: PathBuf, relative: String, place: &str, size_bytes: u64, root: usize) -> Found {
        let key = ObjectKey::parse(&relative);
        Found {
            path,
            is_canonical: key.canonical_name.is_some(),
            name: key.canonical_name.unwrap_or_else(|| join(place, &relative)),
            relative,
            is_by_hand: false,
            is_pipe: false,
            root,
            kind: key.kind,
            size_bytes,
            date: key.date,
            account_id: key.account_id,
            region: key.region,
        }
    }
}

/// What is read as standard input.
pub const STANDARD_INPUT: &str = "-";

/// Every file below the given paths, root by root, each in the order of its path.
///
/// Symbolic links are followed where they lead within the given paths, but not back into a folder that holds them, and
/// not twice into one folder. What isn't looked at comes as an error and the walk goes on. A root that is a file is
/// taken for a log object whatever its extension, and so is a pipe or `-`.
pub fn find(roots: &[PathBuf]) -> Walk {
    Walk {
        inside: roots.iter().filter_map(|root| fs::canonicalize(root).ok()).collect(),
        roots: roots.iter().cloned().enumerate().collect(),
        root: 0,
        root_place: String::new(),
        folders: Vec::new(),
        followed: HashSet::new(),
        follows_all: false,
        without: None,
    }
}

/// The same; symbolic links are followed wherever they lead.
pub fn find_following(roots: &[PathBuf]) -> Walk {
    Walk { follows_all: true, ..find(roots) }
}

/// The iterator of [`find()`].
#[derive(Debug)]
pub struct Walk {
    roots: VecDeque<(usize, PathBuf)>,
    /// The roots, with nothing in them that stands for something else.
    inside: Vec<PathBuf>,
    /// The root at hand, and its place.
    root: usize,
    root_place: String,
    /// Folders that links led to.
    followed: HashSet<PathBuf>,
    follows_all: bool,
    /// The folder at hand last, those that hold it before it.
    folders: Vec<Folder>,
    /// A folder that isn't entered.
    without: Option<PathBuf>,
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
    File { size_bytes: u64 },
    Folder,
    Link,
    Special(&'static str),
    Unreadable(io::Error),
}

impl Iterator for Walk {
    type Item = Result<Found, FindError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(folder) = self.folders.last_mut() else {
                let (number, root) = self.roots.pop_front()?;
                self.root = number;
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
    /// Doesn't enter this folder, wherever it lies: the store, which may lie in an archive.
    pub fn without(self, folder: &Path) -> Walk {
        Walk { without: fs::canonicalize(folder).ok(), ..self }
    }

    fn is_left_out(&self, folder: &Path) -> bool {
        let has_name = |path: &PathBuf| path.file_name() == folder.file_name();
        self.without
            .as_ref()
            .is_some_and(|without| has_name(without) && fs::canonicalize(folder).is_ok_and(|path| path == *without))
    }

    fn begin(&mut self, root: PathBuf) -> Option<Result<Found, FindError>> {
        self.root_place = text(absolute(&root).as_os_str());
        if root.as_os_str() == STANDARD_INPUT {
            return Some(Ok(self.named(root, 0, true)));
        }
        match fs::metadata(&root) {
            Ok(metadata) if metadata.is_dir() => self.enter(root, String::new()).err().map(Err),
            Ok(metadata) => {
                let is_pipe = !metadata.is_file();
                Some(Ok(self.named(root, metadata.len(), is_pipe)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Some(Err(self.fault(root, "", FindFault::Missing)))
            }
            Err(source) => Some(Err(self.fault(root, "", FindFault::Io(source)))),
        }
    }

    /// Named by hand: whoever did so means it.
    fn named(&self, root: PathBuf, size_bytes: u64, is_pipe: bool) -> Found {
        let name = root.file_name().map(text).unwrap_or_default();
        let mut found = Found::new(root, name, "", size_bytes, self.root);
        (found.is_by_hand, found.is_pipe) = (true, is_pipe);
        if is_pipe {
            (found.is_canonical, found.name) = (false, found.path.to_string_lossy().into_owned());
        } else if !found.is_canonical {
            found.name.clone_from(&self.root_place);
        }
        if is_pipe || matches!(found.kind, ObjectKind::Foreign | ObjectKind::Other(_)) {
            found.kind = ObjectKind::Log;
        }
        found
    }

    fn fault(&self, path: PathBuf, relative: &str, fault: FindFault) -> FindError {
        FindError { path, place: join(&self.root_place, relative), fault }
    }

    fn file(&self, path: PathBuf, relative: String, size_bytes: u64) -> Found {
        Found::new(path, relative, &self.root_place, size_bytes, self.root)
    }

    fn visit(&mut self, path: PathBuf, relative: String, what: What) -> Option<Result<Found, FindError>> {
        match what {
            What::File { size_bytes } => Some(Ok(self.file(path, relative, size_bytes))),
            What::Folder if self.is_left_out(&path) => None,
            What::Folder => self.enter(path, relative).err().map(Err),
            What::Link => self.follow(path, relative),
            What::Special(kind) => Some(Err(self.fault(path, &relative, FindFault::Special(kind)))),
            What::Unreadable(source) => Some(Err(self.fault(path, &relative, FindFault::Io(source)))),
        }
    }

    fn follow(&mut self, path: PathBuf, relative: String) -> Option<Result<Found, FindError>> {
        let fault = match self.target(&path) {
            Ok((metadata, target)) if metadata.is_dir() => match self.loop_target(&target) {
                Ok(false) if self.followed.insert(target) => return self.enter(path, relative).err().map(Err),
                // What another link leads to is read there.
                Ok(false) => return None,
                Ok(true) => FindFault::LinkLoop(target_of(&path)),
                Err(source) => FindFault::Io(source),
            },
            Ok((metadata, _)) if metadata.is_file() => return Some(Ok(self.file(path, relative, metadata.len()))),
            Ok((metadata, _)) => FindFault::Special(special(metadata.file_type())),
            Err(fault) => fault,
        };
        Some(Err(self.fault(path, &relative, fault)))
    }

    /// What a link leads to, if it is to be followed.
    fn target(&self, link: &Path) -> Result<(fs::Metadata, PathBuf), FindFault> {
        let io = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FindFault::DanglingLink,
            _ => FindFault::Io(error),
        };
        let target = fs::canonicalize(link).map_err(io)?;
        if !self.follows_all && !self.inside.iter().any(|root| target.starts_with(root)) {
            return Err(FindFault::LeavesArchive(target));
        }
        Ok((fs::metadata(&target).map_err(io)?, target))
    }

    /// Whether a folder holds the one at hand, or is it.
    fn loop_target(&self, target: &Path) -> io::Result<bool> {
        for folder in &self.folders {
            if fs::canonicalize(&folder.path)? == target {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn enter(&mut self, path: PathBuf, relative: String) -> Result<(), FindError> {
        match entries(&path) {
            Ok(entries) => {
                self.folders.push(Folder { path, relative, entries });
                Ok(())
            }
            Err(source) => Err(self.fault(path, &relative, FindFault::Io(source))),
        }
    }
}

/// A path without what depends on where the program runs or stands for something else, as far as there is such a path.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    // What isn't there has the place that it will have once it is.
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if parent.as_os_str().is_empty() => absolute(Path::new(".")).join(name),
        (Some(parent), Some(name)) => absolute(parent).join(name),
        _ => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// The place of a path, as the ledger has it.
pub fn place_of(path: &Path) -> String {
    text(absolute(path).as_os_str())
}

fn target_of(link: &Path) -> PathBuf {
    fs::canonicalize(link).unwrap_or_else(|_| link.to_owned())
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
            What::Special(special(file_type))
        })
    };
    look().unwrap_or_else(What::Unreadable)
}

#[cfg(unix)]
fn special(file_type: fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if file_type.is_fifo() => "a pipe",
        () if file_type.is_socket() => "a socket",
        () if file_type.is_block_device() || file_type.is_char_device() => "a device",
        () => "something special",
    }
}

#[cfg(not(unix))]
fn special(_: fs::FileType) -> &'static str {
    "something special"
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        (folder, "") => folder.to_owned(),
        ("", name) => name.to_owned(),
        (folder, name) => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}

/// A file's name as text; bytes that are no UTF-8 as `\xHH`, and every `\` of a name that has such as `\\`, so that
/// different names stay different.
fn text(name: &std::ffi::OsStr) -> String {
    match name.to_str() {
        Some(name) if !name.contains("\\x") => return name.to_owned(),
        _ => {}
    }
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}
