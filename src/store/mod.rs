//! The tables on disk: a DuckLake 1.0 lakehouse with its catalog in SQLite and its rows in Parquet.
//!
//! A store is a directory:
//!
//! ```text
//! catalog.sqlite                              snapshots, data files, statistics, the ledger of log objects
//! data/main/events/day=2023-07-10/….parquet   one row a CloudTrail event
//! data/main/usage/day=2023-07-10/….parquet    who used what
//! data/replaced/                              files that only older snapshots have
//! data/.staging/                              files not committed yet
//! data/quarantine/                            damaged files that `fsck --repair` set aside
//! usage-months/                               copies of usage, summed up, for reading it sooner
//! ```

mod activity;
mod agreement;
mod bounds;
mod carried;
mod change;
mod check;
mod checks;
mod column_chunk;
mod commit;
mod connection;
mod containers;
mod coverage;
mod coverage_read;
mod create;
mod datafile;
mod displaced;
mod displaced_read;
mod error;
mod events_writer;
mod expire_snapshots;
mod forget;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod history_table;
mod holder;
mod layout;
mod ledger;
mod lock;
mod marker;
mod mended;
mod merge;
mod metadata;
mod migrate;
mod month_checks;
mod months;
mod moves;
mod object_rows;
mod object_versions;
mod objects;
mod open;
mod parquet_encodings;
mod passed_over;
mod place;
mod private;
mod proof;
mod proof_notes;
mod prune;
mod read;
mod recover;
mod retired_files;
mod snapshot;
mod string_column;
mod tables;
mod writer;

pub use activity::Activity;
pub use carried::Part;
pub use change::{
    BrokenEntry, Cleared, Commit, Conflict, DayCount, FarEvents, LedgerEntry, Neighbours, ObjectProof, ObjectVerdict,
    ObjectVersion, Run, Stray, Struck, UsageState,
};
pub use check::{Checked, Finding, FindingKind, Repaired, Repairer};
pub use checks::{CheckedFile, FileChecks, Stored};
pub use containers::Container;
pub use coverage::CoverageDay;
pub use coverage_read::{MissingHour, OddObject};
pub use datafile::{DataFileWriter, ROW_GROUP_ROWS, StagedFile};
pub use displaced_read::{Displaced, Holder};
pub use error::StoreError;
pub use events_writer::EventsFileWriter;
pub use expire_snapshots::Reclaimed;
pub use forget::{Forget, Forgotten};
pub use history::{BegunRun, EndedRun, HistoryRun};
pub use holder::LockHolder;
pub use ledger::{OutdatedDay, Totals};
pub use mended::KeptOut;
pub use merge::{MERGE_MEMORY_MIN_BYTES, merge};
pub use months::UsageMonth;
pub use objects::{Known, NameKey, RefusedObject, place_in, placed_name};
pub use open::Store;
pub use passed_over::{ALTERED, NO_LOG, ONE_NAME, OTHER_LOG, Unread, refusal_key};
pub(crate) use private::create_or_replace_private;
pub use private::{Mode, create_private_folder, outside_stores, write_private};
pub use proof::ProofNotes;
pub use proof_notes::{Standing, TakenBefore, TakenObjects};
pub use prune::Pruned;
pub use read::{RowPredicate, in_schema, read_batches, read_dictionaries};
pub use retired_files::replaced_path;
pub use snapshot::{ColumnStats, DataFile, Snapshot};
pub use tables::Table;
pub use writer::Writer;
