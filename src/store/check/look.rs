//! Looking at a data file: whether it is sound, and what it says of itself.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::super::checks::{CheckedFile, Checking, FileChecks};
use super::super::datafile::{StagedColumn, columns};
use super::super::error::StoreError;
use super::super::place::{no_links, open_plain};
use super::super::read::read_batches;
use super::super::tables::{Table, field_id};
use super::finding::said;
use crate::time::parse_date;

/// A file that can be read.
#[derive(Debug)]
pub(super) struct Sound {
    pub table: Table,
    pub rows: u64,
    pub footer_size_bytes: u64,
    pub columns: Vec<StagedColumn>,
    /// The one day of all its rows; `None` where a file of another program doesn't say.
    pub event_date: Option<i32>,
    /// Whether this program wrote it.
    pub is_ours: bool,
    pub checks: FileChecks,
}

/// What was found at a place.
#[derive(Clone, Debug)]
pub(super) enum Look {
    Missing,
    /// A link, or no plain file: what is behind it is not known.
    NotPlain(String),
    /// Its bytes as they are, where they can be read, and what is wrong.
    Damaged(Option<FileChecks>, String),
    Sound(Arc<Sound>),
}

impl Look {
    pub fn checks(&self) -> Option<&FileChecks> {
        match self {
            Look::Missing | Look::NotPlain(_) => None,
            Look::Damaged(checks, _) => checks.as_ref(),
            Look::Sound(sound) => Some(&sound.checks),
        }
    }
}

/// What was looked at already.
#[derive(Debug, Default)]
pub(super) struct Looks {
    known: Mutex<BTreeMap<PathBuf, Look>>,
    /// Why a file couldn't be looked at, which says nothing of the file.
    failed: Mutex<Option<StoreError>>,
}

impl Looks {
    pub fn copy(&self) -> Looks {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Looks { known: Mutex::new(known), failed: Mutex::default() }
    }

    /// Fails where a file could not be looked at: what is said of it then is a guess.
    pub fn are_all(&self) -> Result<(), StoreError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    /// What an error says of a file. One that says nothing of it is kept for [`Looks::are_all`].
    pub fn damage(&self, error: StoreError) -> String {
        let what = said(&error);
        if !error.is_of_the_file() {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        what
    }

    /// Looks at a file. Where nothing proves its bytes, all its rows are read.
    pub fn look(&self, dir: &Path, path: &Path, is_proven: impl Fn(&FileChecks) -> bool) -> Look {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        let found = known().unwrap_or_else(|| self.look_anew(dir, path));
        let found = match found {
            Look::Sound(sound) if !is_proven(&sound.checks) => match read_all(path) {
                Ok(()) => Look::Sound(sound),
                Err(error) => Look::Damaged(Some(sound.checks.clone()), self.damage(error)),
            },
            found => found,
        };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), found.clone());
        found
    }

    fn look_anew(&self, dir: &Path, path: &Path) -> Look {
        let checks = match no_links(dir, path).and_then(|()| checksums(path)) {
            Ok(checks) => checks,
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Look::Missing,
            Err(error @ (StoreError::Link(_) | StoreError::NotPlain { .. })) => return Look::NotPlain(said(&error)),
            Err(error) => return Look::Damaged(None, self.damage(error)),
        };
        match describe(path, checks.clone()) {
            Ok(Ok(sound)) => Look::Sound(Arc::new(sound)),
            Ok(Err(what)) => Look::Damaged(Some(checks), what.to_owned()),
            Err(error) => Look::Damaged(Some(checks), self.damage(error)),
        }
    }
}

fn read_all(path: &Path) -> Result<(), StoreError> {
    read_batches(path, None, None)?.try_for_each(|batch| batch.map(drop))
}

fn checksums(path: &Path) -> Result<FileChecks, StoreError> {
    let mut out = Checking::new(io::sink());
    io::copy(&mut open_plain(path)?, &mut out).map_err(StoreError::io(path, "cannot read"))?;
    Ok(out.checks())
}

/// What a file says of itself; as the inner error, why it can be no data file of the store.
fn describe(path: &Path, checks: FileChecks) -> Result<Result<Sound, &'static str>, StoreError> {
    let open = CheckedFile::open(path)?;
    let options = ArrowReaderOptions::new();
    let read = ArrowReaderMetadata::load(&open, options).map_err(|error| open.explain(error))?;
    let metadata = read.metadata();
    let table = Table::ALL.into_iter().find(|table| is_of(*table, &read));
    let Some(table) = table else { return Ok(Err("it has the columns of no table of the store")) };
    let columns = columns(table, metadata);
    let day_id = table.schema().field_with_name("event_date").map(field_id).unwrap_or(0);
    let day = columns.iter().find(|column| column.id == day_id).and_then(|column| column.bounds.as_ref());
    let event_date = day.filter(|(min, max)| min == max).and_then(|(day, _)| parse_date(day));
    let is_ours = metadata.file_metadata().created_by().is_some_and(|by| by.starts_with("trailpare"));
    if is_ours && event_date.is_none() {
        return Ok(Err("its rows are not of one day"));
    }
    let length = open.read(open.size_bytes().saturating_sub(8), 4)?;
    Ok(Ok(Sound {
        table,
        rows: u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0),
        footer_size_bytes: length.first_chunk().map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes))),
        event_date,
        is_ours,
        columns,
        checks,
    }))
}

/// Whether a file's columns are those of a table, some missing or others beside them.
fn is_of(table: Table, file: &ArrowReaderMetadata) -> bool {
    let schema = table.schema();
    let is_same = |a: &DataType, b: &DataType| a == b || a.is_nested() && b.is_nested();
    let is_known = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        schema.field_with_name(field.name()).map_or(true, |own| is_same(own.data_type(), field.data_type()))
    };
    let needed: &[&str] = match table {
        Table::Events => &["event_id", "event_time", "event_date"],
        Table::Usage => &["event_date", "principal_arn", "resource", "outcome"],
    };
    file.schema().fields().iter().all(is_known) && needed.iter().all(|name| file.schema().field_with_name(name).is_ok())
}
