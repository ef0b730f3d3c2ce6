//! What one commit changes: files of the tables, and lines of the ledger.

use std::path::Path;

use rusqlite::Row;
use serde::Serialize;

use super::datafile::StagedFile;
use super::snapshot::DataFile;
use super::tables::Table;

/// Everything that becomes visible at once.
#[derive(Debug, Default)]
pub struct Commit {
    /// Files that are added.
    pub add: Vec<StagedFile>,
    /// Files that are no longer part of their table from this snapshot on.
    pub replace: Vec<(Table, DataFile)>,
    /// Log objects that were taken in or refused.
    pub objects: Vec<LedgerEntry>,
    /// Events added, by day, account and region.
    pub days: Vec<DayCount>,
    /// Events taken out again, likewise.
    pub less: Vec<DayCount>,
    /// Events that came in the place of others, which no object is counted with.
    pub instead: u64,
    /// Whether events that are added may be of objects that the ledger doesn't have, as those of an import.
    pub may_lack_objects: bool,
    /// What became of objects that others have taken the place of.
    pub cleared: Vec<Cleared>,
    /// How the usage of each day in the commit stands.
    pub usage: Vec<(i32, UsageState)>,
    /// Events that were there already and say something else.
    pub conflicts: Vec<Conflict>,
    /// What stood as refused and does no longer.
    pub struck: Vec<Struck>,
    /// Records that had been kept out and have come since: the object's name and their position in it.
    pub mended: Vec<(String, u64)>,
    /// What a run has come to so far, and its id.
    pub run: Option<(i64, Run)>,
    /// The day before which nothing is kept any more, days since 1970-01-01.
    pub pruned_before: Option<i32>,
    /// For `ducklake_snapshot_changes.commit_message`.
    pub message: String,
}

/// How the stored usage of a day stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageState {
    /// Rows were added, derived under this version of the IAM catalogue.
    Added(String),
    /// Rows were taken out or replaced: it has to be derived anew.
    Outdated,
    /// Rows were added, and copies of calls by other accounts wait to be told apart.
    Unresolved,
    /// The day is whole, derived under this version.
    Whole(String),
}

/// What tells an object's content from another under the same key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its version, where the bucket keeps such.
    pub version_id: Option<String>,
}

/// One log object, taken in or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Canonical object name, else place and content: [`super::placed_name`]; of what was refused the place.
    pub name: String,
    /// Where it was read.
    pub path: String,
    /// Its size as stored.
    pub size_bytes: u64,
    /// SHA-256 of its bytes as stored; `None` when they could not be read.
    pub sha256: Option<[u8; 32]>,
    /// Records in it.
    pub records: u64,
    /// Events that it brought first.
    pub events: u64,
    /// Events that were there already.
    pub duplicates: u64,
    /// Records kept out.
    pub broken: Vec<BrokenEntry>,
    /// Whether it takes the place of an object of this name: of one that had records kept out, or that it displaces.
    pub is_again: bool,
    /// What digests say of it; `None` where nobody asked.
    pub proof: Option<ObjectProof>,
    /// Events in it that are far from the time that its name has.
    pub far: Option<FarEvents>,
    /// Events of another account, region or time than its name says.
    pub strays: Vec<Stray>,
    /// Whether it is proved and takes the place of one that is not, and how many events of that one it replaces.
    pub displaces: Option<u64>,
    /// Which content of its key it is, where it lies in object storage.
    pub version: Option<ObjectVersion>,
    /// Why it was refused, and where in the inflated bytes; `None` when it was taken in.
    pub refused: Option<(String, Option<u64>)>,
}

impl LedgerEntry {
    /// From a row that begins with name, path, size, SHA-256, records, events and duplicates.
    pub(super) fn of_row(row: &Row<'_>) -> rusqlite::Result<LedgerEntry> {
        Ok(LedgerEntry {
            name: row.get(0)?,
            path: row.get(1)?,
            size_bytes: row.get(2)?,
            sha256: row.get(3)?,
            records: row.get(4)?,
            events: row.get(5)?,
            duplicates: row.get(6)?,
            ..LedgerEntry::default()
        })
    }

    /// Of a refused object: `name` is its place, `offset` where in the inflated bytes the reason lies.
    pub fn refused(
        name: &str,
        path: &Path,
        size_bytes: u64,
        sha256: Option<[u8; 32]>,
        reason: String,
        offset: Option<u64>,
    ) -> LedgerEntry {
        LedgerEntry {
            name: name.to_owned(),
            path: path.to_string_lossy().into_owned(),
            size_bytes,
            sha256,
            refused: Some((reason, offset)),
            ..LedgerEntry::default()
        }
    }
}

/// Events from after the time that their object's name has, or from more than a day before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FarEvents {
    /// The object's name.
    pub name: String,
    /// How many of its events.
    pub events: u64,
    /// Time of the first of them, microseconds since 1970-01-01 UTC.
    pub first_time_us: i64,
    /// Time of the last of them.
    pub last_time_us: i64,
}

/// Events of another account, region or time than their object's name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// `recipientAccountId`; empty: it may be any.
    pub account_id: String,
    /// `awsRegion`; empty: it may be any.
    pub region: String,
    /// Days since 1970-01-01; `None`: it may be any.
    pub day: Option<i32>,
    /// How many.
    pub events: u64,
}

/// What became of an object that a proved one has taken the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// The name of both.
    pub name: String,
    /// SHA-256 of the bytes as stored of the one that was displaced.
    pub sha256: [u8; 32],
    /// Events that only it had and that are gone.
    pub removed: u64,
    /// Why it stands as refused from then on, where what only it had can't be told from what others have.
    pub left: Option<String>,
    /// Events that it had brought and that the proved one has as well.
    pub moved: u64,
}

/// What digests say of an object that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectProof {
    /// In a word.
    pub verdict: ObjectVerdict,
    /// SHA-256 of its inflated bytes, which is what digests have.
    pub content_sha256: Option<[u8; 32]>,
    /// Why it is not valid.
    pub reason: Option<String>,
}

/// What digests say of an object that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectVerdict {
    /// A digest that is signed has its hash.
    Valid,
    /// A digest has its hash, and whether AWS wrote that is not known.
    Unchecked,
    /// A digest has another hash.
    Altered,
    /// No digest tells of it, or none yet.
    NotCovered,
}

impl ObjectVerdict {
    /// As the ledger has it.
    pub fn name(self) -> &'static str {
        match self {
            ObjectVerdict::Valid => "valid",
            ObjectVerdict::Unchecked => "unchecked",
            ObjectVerdict::Altered => "altered",
            ObjectVerdict::NotCovered => "not covered",
        }
    }

    /// The one of this name.
    pub fn parse(name: &str) -> Option<ObjectVerdict> {
        let all = [ObjectVerdict::Valid, ObjectVerdict::Unchecked, ObjectVerdict::Altered, ObjectVerdict::NotCovered];
        all.into_iter().find(|verdict| verdict.name() == name)
    }
}

/// One record that was kept out of an otherwise sound object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenEntry {
    /// Position in `Records`, from 0.
    pub index: u64,
    /// Where it begins in the inflated bytes.
    pub offset_bytes: u64,
    /// What is wrong with it.
    pub reason: String,
    /// What stands beside it.
    pub neighbours: Neighbours,
}

/// What stands beside a record that was kept out, or several of them one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The key of the event before them; `None` where there is none.
    pub before: Option<u128>,
    /// Likewise behind them.
    pub after: Option<u128>,
    /// How many records are between these; `None` where nobody knows, because bytes are missing.
    pub between: Option<u64>,
}

/// Events of one day, account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayCount {
    /// Days since 1970-01-01.
    pub event_date: i32,
    /// `recipientAccountId`, or empty.
    pub account_id: String,
    /// `awsRegion`, or empty.
    pub aws_region: String,
    /// How many.
    pub events: u64,
}

/// One run of ingest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Files found below the given paths.
    pub found: u64,
    /// Log objects taken in.
    pub taken: u64,
    /// Log objects known before.
    pub known: u64,
    /// Log objects refused.
    pub refused: u64,
    /// Digest objects.
    pub digests: u64,
    /// Objects of other services' logs.
    pub other_services: u64,
    /// Files that are no logs by their name.
    pub foreign_files: u64,
}

/// Two records with one `eventID` that say different things. The store has the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The id.
    pub event_id: String,
    /// Days since 1970-01-01.
    pub event_date: i32,
    /// Where the second was read.
    pub path: String,
    /// Its position in the object, from 0.
    pub index: u64,
    /// Where it begins in the inflated bytes.
    pub offset_bytes: u64,
    /// Where the first stands, and its id in the inflated bytes; `None` when it isn't there any more.
    pub first: Option<(String, u64)>,
}

/// What no longer stands as refused: it was taken, or is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// Its name in the ledger.
    pub name: String,
    /// Where it was read.
    pub path: String,
}
