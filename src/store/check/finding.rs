//! What a check finds wrong, and what a repair came to.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::error::StoreError;
use super::super::snapshot::DataFile;
use super::super::tables::Table;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The catalog's own database.
    Catalog,
    /// A commit was cut short; the next writer mends that.
    CutShort,
    /// A data file that isn't there.
    Missing,
    /// A data file that is not what was written, or can't be read.
    Damaged,
    /// The catalog says something else of a file's rows and columns than the file itself.
    Statistics,
    /// A copy of usage, summed up, that can't be used.
    Month,
    /// Something in the tables' folders that no snapshot has: a bare glob reads it.
    Orphan,
    /// The stored usage of a day is not what its events say.
    Usage,
}

impl FindingKind {
    /// For people and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Catalog => "catalog",
            FindingKind::CutShort => "cut-short",
            FindingKind::Missing => "missing",
            FindingKind::Damaged => "damaged",
            FindingKind::Statistics => "statistics",
            FindingKind::Month => "month",
            FindingKind::Orphan => "orphan",
            FindingKind::Usage => "usage",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// Where, below the store's folder; of a day's usage the day.
    pub place: String,
    /// The day of the rows, days since 1970-01-01.
    pub event_date: Option<i32>,
    /// In words.
    pub what: String,
}

/// A file, its table, and whether the newest snapshot has it.
#[derive(Clone, Debug)]
pub(super) struct FileOf {
    pub table: Table,
    pub file: DataFile,
    pub is_live: bool,
    /// Whether the file at its place is another entry's, and stays.
    pub is_others: bool,
}

/// What a repair came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Files that were set aside, by their old places.
    pub set_aside: Vec<String>,
    /// Files whose rows and bounds the catalog now says as they do.
    pub corrected: u64,
    /// Log objects that the next ingest takes in again.
    pub objects: u64,
    /// Days whose usage is derived anew.
    pub days: BTreeSet<i32>,
    /// Copies of usage that were removed.
    pub months: u64,
    /// Files whose events were registered again, by their old places, and how many events.
    pub registered: Vec<String>,
    /// See `registered`.
    pub rows: u64,
    /// What could not be mended: it is still there.
    pub left: Vec<String>,
    /// What the catalog's database has wrong even so.
    pub damage_left: Vec<String>,
    /// Where the catalog lies that a new one has taken the place of.
    pub catalog: Option<String>,
}

/// A path below the store's folder.
pub(super) fn below(dir: &Path, path: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned()
}

/// An error without its place and its hint, which a finding has itself.
pub(super) fn said(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { what, .. } => what.clone(),
        StoreError::Parquet { source, .. } => source.to_string(),
        StoreError::Io { source, what, .. } => format!("{what}: {source}"),
        StoreError::NotPlain { expected, .. } => format!("it is not {expected}"),
        StoreError::Link(_) => "it is a link".to_owned(),
        other => other.to_string(),
    }
}
