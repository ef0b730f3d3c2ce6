//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::holder::LockHolder;
use crate::time::format_date;

/// An error of the store; every variant names the place and, where it is not an option of a command, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No store at the place.
    #[error("{}: no store here", .0.display())]
    Missing(PathBuf),
    /// A directory that isn't ours.
    #[error("{}: not empty and not a store", .0.display())]
    NotAStore(PathBuf),
    /// Another version of DuckLake or of our tables.
    #[error("{}: catalog of {found}, this program reads {expected}\nhint: use the trailpare version that wrote it", path.display())]
    Version {
        /// The catalog.
        path: PathBuf,
        /// What it says it is.
        found: String,
        /// What this program reads.
        expected: &'static str,
    },
    /// Somebody else is writing.
    #[error("{}: {holder} is writing to this store", path.display())]
    Locked {
        /// The store.
        path: PathBuf,
        /// The other writer, as far as it is known.
        holder: LockHolder,
    },
    /// A snapshot that isn't there.
    #[error("{}: no snapshot {id}; the store has {oldest} to {newest}\nhint: `trailpare status` says the newest", path.display())]
    NoSnapshot {
        /// The store.
        path: PathBuf,
        /// The one asked for.
        id: i64,
        /// The oldest one there.
        oldest: i64,
        /// The newest one there.
        newest: i64,
    },
    /// A snapshot that maintenance let go of.
    #[error("{}: snapshot {id} has expired; the store keeps {oldest} to {newest}", path.display())]
    Expired {
        /// The store.
        path: PathBuf,
        /// The one asked for.
        id: i64,
        /// The oldest one there.
        oldest: i64,
        /// The newest one there.
        newest: i64,
    },
    /// Merging sorted files.
    #[error("cannot merge the files of {}: {source}", format_date(*.event_date))]
    Merge {
        /// Their day, days since 1970-01-01.
        event_date: i32,
        /// The merging library's word.
        source: datafusion::error::DataFusionError,
    },
    /// A merge would have changed how many rows there are.
    #[error("{}: its files have {after} rows where the catalog says {before}\nhint: `trailpare fsck` says which one it is", format_date(*event_date))]
    Rows {
        /// The day, days since 1970-01-01.
        event_date: i32,
        /// Rows that the catalog says.
        before: u64,
        /// Rows that were read.
        after: u64,
    },
    /// Data files, but no catalog.
    #[error("{}: missing, but its data files are there\nhint: put a copy of it back, or let `trailpare fsck --repair` make a new one from the data files", .0.display())]
    NoCatalog(PathBuf),
    /// The catalog contradicts itself.
    #[error("{}: damaged: {what}\nhint: `trailpare fsck` says all that is wrong; `trailpare fsck --repair` puts it right from the data files", path.display())]
    Contradiction {
        /// The catalog.
        path: PathBuf,
        /// In what.
        what: String,
    },
    /// Something that is no plain file, or no folder, in the place of one.
    #[error("{}: not {expected}\nhint: a store holds plain files and folders alone; move it away, then run `trailpare fsck`", path.display())]
    NotPlain {
        /// Where.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// The catalog database.
    #[error("{}: {source}{}", path.display(), catalog_hint(source))]
    Catalog {
        /// The catalog.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// A path that is not in the store.
    #[error("{}: the store names a file that is not in it: {named:?}\nhint: its catalog or its commit-in-progress was written by somebody else; nothing was read, moved or removed; take the archives into a new store", store.display())]
    Outside {
        /// The store.
        store: PathBuf,
        /// What it names.
        named: String,
    },
    /// A commit's marker that is not what was written.
    #[error("{}: what it says of the commit that was cut short is not what was written\nhint: `trailpare fsck --repair` sets it aside and looks at every file instead", .0.display())]
    Marker(PathBuf),
    /// A link inside a store.
    #[error("{}: a link, and links inside a store are not followed\nhint: put what it leads to in its place; the store's folder itself may be a link", .0.display())]
    Link(PathBuf),
    /// A data file that is not what was written.
    #[error("{}: damaged{}: {what}\nhint: `trailpare fsck --repair` sets it aside, and the next ingest takes its log objects in again", path.display(), of_day(*event_date))]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// The day of its rows, days since 1970-01-01.
        event_date: Option<i32>,
        /// What is wrong with it.
        what: String,
    },
    /// A file or directory.
    #[error("{}: {what}: {source}{}", path.display(), io_hint(source))]
    Io {
        /// Which one.
        path: PathBuf,
        /// What was being done.
        what: &'static str,
        /// The system's word.
        source: io::Error,
    },
    /// A Parquet file.
    #[error("{}: {source}\nhint: `trailpare fsck` says which files are damaged and what to do", path.display())]
    Parquet {
        /// Which one.
        path: PathBuf,
        /// The Parquet library's word.
        source: parquet::errors::ParquetError,
    },
}

impl StoreError {
    /// Whether it is that the store, or the disk, can't be written to.
    pub fn is_of_writing(&self) -> bool {
        match self {
            StoreError::Io { .. } => true,
            StoreError::Catalog { source, .. } => {
                use ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly};
                source
                    .sqlite_error_code()
                    .is_some_and(|c| matches!(c, CannotOpen | DiskFull | PermissionDenied | ReadOnly))
            }
            _ => false,
        }
    }

    /// Whether a file that can't be read is itself to blame: it isn't there, the disk can't give its bytes, or they are
    /// not what they should be. Who may read it, or what the system has run out of, says nothing of the file.
    pub fn is_of_the_file(&self) -> bool {
        match self {
            StoreError::Io { source, .. } => is_of_the_file(source),
            StoreError::Parquet { source, .. } => io_error_in(source).is_none_or(is_of_the_file),
            _ => true,
        }
    }

    /// The same error once more, where its cause can be said again.
    pub(super) fn again(&self) -> Option<StoreError> {
        match self {
            StoreError::Damaged { path, event_date, what } => {
                Some(StoreError::Damaged { path: path.clone(), event_date: *event_date, what: what.clone() })
            }
            StoreError::Io { path, what, source } => {
                let source = source.raw_os_error().map_or_else(|| source.kind().into(), io::Error::from_raw_os_error);
                Some(StoreError::Io { path: path.clone(), what, source })
            }
            _ => None,
        }
    }

    /// Whether the catalog is missing or so damaged that a new one has to be made from the data files.
    pub fn needs_new_catalog(&self) -> bool {
        match self {
            StoreError::NoCatalog(_) => true,
            StoreError::Catalog { source, .. } => is_damage(source),
            _ => false,
        }
    }

    pub(super) fn io<'a>(path: &'a Path, what: &'static str) -> impl FnOnce(io::Error) -> StoreError + 'a {
        move |source| StoreError::Io { path: path.to_owned(), what, source }
    }

    pub(super) fn catalog(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        move |source| match source {
            rusqlite::Error::FromSqlConversionFailure(_, _, error) if error.is::<Outside>() => {
                let named = error.downcast::<Outside>().map(|outside| outside.0).unwrap_or_default();
                Outside(named).of(path.parent().unwrap_or(path))
            }
            rusqlite::Error::FromSqlConversionFailure(_, _, error) if error.is::<Contradicts>() => {
                let what = error.downcast::<Contradicts>().map(|contradicts| contradicts.0).unwrap_or_default();
                StoreError::Contradiction { path: path.to_owned(), what }
            }
            source => StoreError::Catalog { path: path.to_owned(), source },
        }
    }

    pub(super) fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> StoreError + '_ {
        move |source| match failed_write(&source) {
            Some(kind) => StoreError::Io { path: path.to_owned(), what: "cannot write", source: kind.into() },
            None => StoreError::Parquet { path: path.to_owned(), source },
        }
    }
}

/// The disk, or the file system on it, can't give what it holds. The numbers are those of Linux, the first is POSIX's.
const DISK_ERRORS: [i32; 3] = [5, 74, 117];

fn is_of_the_file(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, IsADirectory, NotADirectory, NotFound, Other, UnexpectedEof};
    matches!(error.kind(), InvalidData | IsADirectory | NotADirectory | NotFound | UnexpectedEof)
        || error.kind() == Other && error.raw_os_error().is_none()
        || error.raw_os_error().is_some_and(|number| DISK_ERRORS.contains(&number))
}

/// The system's error that a library has wrapped.
fn io_error_in<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e io::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        match error.downcast_ref::<io::Error>() {
            Some(found) if found.get_ref().is_none() => return Some(found),
            Some(wrapping) => at = wrapping.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
            None => at = error.source(),
        }
    }
    None
}

/// What the catalog says that can't be, inside a query; [`StoreError::catalog`] takes it out again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Contradicts(pub String);

impl Contradicts {
    pub fn in_row(self) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, Box::new(self))
    }
}

const REPAIR_HINT: &str = "\nhint: the catalog is damaged: `trailpare fsck --repair` sets it aside and makes a new one \
                           from the data files, or put a copy of it back";

/// Whether SQLite's word means that the database is not what was written.
fn is_damage(source: &rusqlite::Error) -> bool {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, InvalidQuery, QueryReturnedNoRows,
        SqlInputError, Utf8Error,
    };
    match source {
        rusqlite::Error::SqliteFailure(failure, text) => match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => true,
            _ => text.as_deref().is_some_and(is_of_schema),
        },
        SqlInputError { msg, .. } => is_of_schema(msg),
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | InvalidQuery
        | QueryReturnedNoRows
        | Utf8Error(..) => true,
        _ => false,
    }
}

/// Whether a message is about a table or a column that every catalog has.
fn is_of_schema(text: &str) -> bool {
    ["no such table", "no such column", "no such view", "malformed", "has no column"]
        .iter()
        .any(|part| text.contains(part))
}

fn catalog_hint(source: &rusqlite::Error) -> &'static str {
    if is_damage(source) {
        return REPAIR_HINT;
    }
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => FULL_HINT,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => WRITABLE_HINT,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "\nhint: another process holds the catalog: wait for it"
        }
        Some(ErrorCode::SystemIoFailure) => "\nhint: the disk failed: check it, then run `trailpare fsck`",
        _ => "",
    }
}

const FULL_HINT: &str = "\nhint: the disk is full: make room and run it again; what was committed is whole";
const WRITABLE_HINT: &str = "\nhint: check who may read and write the store's folder and files, and whether the disk is \
                             mounted for reading only";

/// What kept the Parquet library from writing, where that is it: no file is damaged then.
fn failed_write(error: &(dyn std::error::Error + 'static)) -> Option<io::ErrorKind> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let kind = error.kind();
            let is_of_writing = matches!(
                kind,
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
                    | io::ErrorKind::ReadOnlyFilesystem
                    | io::ErrorKind::WriteZero
            );
            if is_of_writing {
                return Some(kind);
            }
        }
        at = error.source();
    }
    None
}

fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => FULL_HINT,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => WRITABLE_HINT,
        _ => "",
    }
}

fn of_day(event_date: Option<i32>) -> String {
    event_date.map_or_else(String::new, |date| format!(" (rows of {})", format_date(date)))
}

/// A path that would lie elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not in the store")]
pub(super) struct Outside(pub String);

impl Outside {
    /// The error for a store that names it.
    pub fn of(self, dir: &Path) -> StoreError {
        StoreError::Outside { store: dir.to_owned(), named: self.0 }
    }

    /// The same inside a query of the catalog; [`StoreError::catalog`] takes it out again.
    pub fn in_row(self) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(self))
    }
}

#[cfg(test)]
mod tests {
    use parquet::errors::ParquetError;

    use super::*;

    #[test]
    fn a_full_disk_is_no_damaged_file() {
        let path = Path::new("/s/data/.staging/x.parquet");
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let said = StoreError::parquet(path)(ParquetError::External(Box::new(full))).to_string();
        assert!(said.contains("make room") && !said.contains("fsck"), "{said}");
        let other = io::Error::other("what it is");
        let said = StoreError::parquet(path)(ParquetError::External(Box::new(other))).to_string();
        assert!(said.contains("fsck"), "{said}");
    }

    #[test]
    fn only_what_is_of_a_file_is_damage() {
        let path = Path::new("/s/data/main/events/day=2024-01-01/x.parquet");
        let wrapped = |error: io::Error| {
            let inner = StoreError::io(path, "cannot read")(error);
            StoreError::parquet(path)(ParquetError::External(Box::new(inner)))
        };
        // ENOENT, EIO, EBADMSG, EUCLEAN; EPERM, ENOMEM, EACCES, ENFILE, EMFILE, ENOSPC, ESTALE.
        for (number, is_of_the_file) in [(2, true), (5, true), (74, true), (117, true)]
            .into_iter()
            .chain([1, 12, 13, 23, 24, 28, 116].map(|n| (n, false)))
        {
            let error = io::Error::from_raw_os_error(number);
            let plain = StoreError::io(path, "cannot read")(io::Error::from_raw_os_error(number));
            assert_eq!(plain.is_of_the_file(), is_of_the_file, "{plain}");
            let again = plain.again().unwrap();
            assert_eq!((again.is_of_the_file(), again.to_string()), (is_of_the_file, plain.to_string()));
            let wrapped = wrapped(error);
            assert_eq!(wrapped.is_of_the_file(), is_of_the_file, "{wrapped}");
        }
        assert!(wrapped(io::ErrorKind::UnexpectedEof.into()).is_of_the_file());
        assert!(StoreError::parquet(path)(ParquetError::General("no Parquet".to_owned())).is_of_the_file());
    }

    #[test]
    fn what_the_catalog_says_of_itself_has_its_own_remedy() {
        let failure = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        for (code, hint, is_damage) in [
            (rusqlite::ffi::SQLITE_CORRUPT, "fsck --repair", true),
            (rusqlite::ffi::SQLITE_NOTADB, "fsck --repair", true),
            (rusqlite::ffi::SQLITE_FULL, "make room", false),
            (rusqlite::ffi::SQLITE_READONLY, "who may read and write", false),
            (rusqlite::ffi::SQLITE_BUSY, "another process", false),
        ] {
            let error = StoreError::catalog(Path::new("/s/catalog.sqlite"))(failure(code));
            assert!(error.to_string().contains(hint), "{error}");
            assert_eq!(error.needs_new_catalog(), is_damage, "{error}");
        }
    }
}
