//! Paths that a store names: every one is checked to lie within the store before anything is done with it.
//!
//! A catalog and a marker are files like others: somebody else may have written them. A path in them is a [`DataPath`]
//! or an error, and links below a store's folder are not followed, so that a store can never reach what is not its own.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::error::{Outside, StoreError};
use super::layout::{FROM_TABLE, QUARANTINE, REPLACED, data_dir};
use super::private::{self, Mode};
use super::tables::Table;

/// The path of a data file, below `data/`: `main/events/day=2024-03-01/….parquet`, `replaced/events-….parquet`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DataPath(String);

impl DataPath {
    /// Checks a path below `data/`.
    pub fn new(path: &str) -> Result<DataPath, Outside> {
        let is_plain = |part: &str| {
            let has_odd = part.contains(['\\', ':']) || part.chars().any(char::is_control);
            let mut components = Path::new(part).components();
            let is_one = matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none();
            is_one && !has_odd
        };
        if path.split('/').all(is_plain) { Ok(DataPath(path.to_owned())) } else { Err(Outside(path.to_owned())) }
    }

    /// The path of a row of the catalog, which is relative to its table's folder.
    pub fn of_row(table_id: i64, path: &str, is_relative: bool) -> Result<DataPath, Outside> {
        let outside = || Outside(path.to_owned());
        if !is_relative {
            return Err(outside());
        }
        let below = match (path.strip_prefix(FROM_TABLE), Table::ALL.iter().find(|table| table.id() == table_id)) {
            (Some(name), _) => format!("{REPLACED}/{name}"),
            (None, Some(table)) => format!("main/{}/{path}", table.name()),
            (None, None) => path.to_owned(),
        };
        DataPath::new(&below).map_err(|_| outside())
    }

    /// Where a table's file of this path below the table's folder lies.
    pub fn of_table(table: Table, relative: &str) -> Result<DataPath, Outside> {
        DataPath::of_row(table.id(), relative, true)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file's own name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The table in whose folder it lies; `None` for a replaced file.
    pub fn table(&self) -> Option<Table> {
        let name = self.0.strip_prefix("main/")?.split('/').next()?;
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Where it is. Whether links lead elsewhere is to be asked before it is touched.
    pub fn in_store(&self, dir: &Path) -> PathBuf {
        data_dir(dir).join(&self.0)
    }

    /// Where it is, no part of it being a link.
    pub fn checked(&self, dir: &Path) -> Result<PathBuf, StoreError> {
        let path = self.in_store(dir);
        no_links(dir, &path)?;
        Ok(path)
    }
}

/// Makes sure that no part of a path below a store's folder is a link. Parts that aren't there are none.
pub(super) fn no_links(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let Ok(below) = path.strip_prefix(dir) else { return Err(Outside(path.to_string_lossy().into_owned()).of(dir)) };
    let mut at = dir.to_owned();
    for part in below.components() {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Ok(metadata) if metadata.is_symlink() => return Err(StoreError::Link(at)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(StoreError::io(&at, "cannot look at")(error)),
        }
    }
    Ok(())
}

/// Opens a plain file for reading. Anything else, which may never end or never begin to give bytes, is an error.
pub(super) fn open_plain(path: &Path) -> Result<File, StoreError> {
    let found = fs::symlink_metadata(path).map_err(StoreError::io(path, "cannot open"))?;
    if found.is_symlink() {
        return Err(StoreError::Link(path.to_owned()));
    }
    if !found.is_file() {
        return Err(StoreError::NotPlain { path: path.to_owned(), expected: PLAIN_FILE });
    }
    File::open(path).map_err(StoreError::io(path, "cannot open"))
}

const PLAIN_FILE: &str = "a plain file";

/// The store's own files, with those that SQLite puts beside its database.
const FILES: [&str; 6] = [
    "catalog.sqlite",
    "catalog.sqlite-journal",
    "catalog.sqlite-wal",
    "catalog.sqlite-shm",
    "ingest.lock",
    "commit-in-progress",
];

/// The store's own folders.
const FOLDERS: [&str; 8] = [
    "data",
    "data/main",
    "data/main/events",
    "data/main/usage",
    "data/replaced",
    "data/.staging",
    "data/quarantine",
    "usage-months",
];

/// Makes sure that a store's own files and folders are what they are named, and that its journal names no other file.
pub(super) fn check_store(dir: &Path) -> Result<(), StoreError> {
    for (names, expected) in [(&FILES[..], PLAIN_FILE), (&FOLDERS, "a folder")] {
        for path in names.iter().map(|name| dir.join(name)) {
            no_links(dir, &path)?;
            let found = fs::symlink_metadata(&path).map(|found| found.file_type());
            if found.is_ok_and(|kind| if expected == PLAIN_FILE { !kind.is_file() } else { !kind.is_dir() }) {
                return Err(StoreError::NotPlain { path, expected });
            }
        }
    }
    match super_journal(&dir.join("catalog.sqlite-journal")) {
        Some(named) => Err(Outside(named).of(dir)),
        None => Ok(()),
    }
}

/// The bytes at the end of a journal that names a super-journal. Source: SQLite, "Database File Format", section 3, and
/// `pager.c`, `readSuperJournal`.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// The super-journal that a journal names. No commit of ours spans databases; SQLite would remove the file that it
/// names.
fn super_journal(journal: &Path) -> Option<String> {
    let bytes = fs::read(journal).ok()?;
    let front = bytes.strip_suffix(&JOURNAL_MAGIC)?;
    let length = front.len().checked_sub(8).and_then(|at| front.get(at..at + 4))?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    let name = front.len().checked_sub(8 + length).and_then(|at| front.get(at..at + length));
    (length > 0).then(|| String::from_utf8_lossy(name.unwrap_or_default()).into_owned())
}

/// The folder for what a repair sets aside, made if it isn't there.
pub(super) fn make_quarantine(dir: &Path) -> Result<PathBuf, StoreError> {
    let folder = data_dir(dir).join(QUARANTINE);
    no_links(dir, &folder)?;
    private::create_folder(&folder, Mode::Private).map_err(StoreError::io(&folder, "cannot create"))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_within_the_store_or_there_are_none() {
        let path = DataPath::of_row(1, "day=2024-03-01/a.parquet", true).unwrap();
        assert_eq!((path.as_str(), path.name()), ("main/events/day=2024-03-01/a.parquet", "a.parquet"));
        assert_eq!(path.table(), Some(Table::Events));
        let replaced = DataPath::of_row(2, "../../replaced/usage-a.parquet", true).unwrap();
        assert_eq!((replaced.as_str(), replaced.table()), ("replaced/usage-a.parquet", None));
        for (path, is_relative) in [
            ("../../replaced/../../victim", true),
            ("../../replaced//etc/passwd", true),
            ("../../../victim", true),
            ("a/../../b", true),
            ("/etc/passwd", true),
            ("/etc/passwd", false),
            ("a.parquet", false),
            ("", true),
            ("a//b", true),
            ("./a", true),
            ("a/", true),
            ("C:\\a", true),
            ("a\\..\\b", true),
            ("a\n", true),
            ("a\0", true),
        ] {
            for table in [1, 2, 9] {
                assert_eq!(DataPath::of_row(table, path, is_relative), Err(Outside(path.to_owned())), "{path:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_path_leads_out(path in "(\\.|/|\\.\\.|a|data|\\PC){0,8}") {
            if let Ok(path) = DataPath::new(&path) {
                let joined = path.in_store(Path::new("/s"));
                proptest::prop_assert!(joined.starts_with("/s/data"));
                proptest::prop_assert!(joined.components().all(|part| part != Component::ParentDir));
            }
        }
    }

    #[test]
    fn links_below_the_store_are_refused_and_the_store_may_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let (store, link) = (folder.path().join("store"), folder.path().join("link"));
        fs::create_dir_all(store.join("data/main")).unwrap();
        std::os::unix::fs::symlink(&store, &link).unwrap();
        assert!(no_links(&link, &link.join("data/main/x/y")).is_ok());
        std::os::unix::fs::symlink(folder.path(), store.join("data/main/events")).unwrap();
        let error = no_links(&link, &link.join("data/main/events/y")).unwrap_err();
        assert!(matches!(&error, StoreError::Link(path) if path.ends_with("data/main/events")), "{error}");
        assert!(matches!(check_store(&store), Err(StoreError::Link(_))));
        assert!(no_links(&store, folder.path()).is_err());
    }
}
