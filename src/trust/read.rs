//! Assumptions of roles in a store, each once: a call into another account is logged in both.

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashSet;

use super::assumption::{Assumption, Row};
use crate::record::HIDDEN;
use crate::store::{DataFile, RowPredicate, Snapshot, Table, read_batches};
use crate::usage::{Cover, ReadError, Space, TimeRange};

/// The columns that an assumption is read from.
#[rustfmt::skip]
const COLUMNS: &[&str] = &[
    "event_time", "event_id", "event_source", "event_name", "aws_region", "recipient_account_id", "principal_arn",
    "principal_type", "principal_account_id", "session_name", "source_ip_address", "error_code", "error_message",
    "shared_event_id", "user_identity_arn", "user_identity_access_key_id", "user_identity_user_name",
    "session_source_identity", "in_scope_of_source_account", "mfa_authenticated", "request_parameters",
    "response_elements", "additional_event_data",
];

/// The columns by which a row is known to be one.
const SELECTING: [&str; 2] = ["event_source", "event_name"];

/// What an assumption that waits for the end of its day takes, about.
const WAITING_BYTES: u64 = 2_000;

/// Hands out the assumptions of a window, days in their order.
///
/// Of a call into another account the copy of the caller's account is taken, which knows the caller best; the copy of
/// the role's account where there is no other.
///
/// # Errors
/// The store, or what `take` says; [`ReadError::TooMany`] where a day has more calls from outside than fit in memory.
pub fn read_assumptions(
    snapshot: &Snapshot,
    range: &TimeRange,
    space: &Space,
    take: &mut dyn FnMut(Assumption) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let files: Vec<&DataFile> =
        snapshot.files(Table::Events).iter().filter(|file| range.cover(file.event_date) != Cover::None).collect();
    for day in files.chunk_by(|a, b| a.event_date == b.event_date) {
        let (mut own, mut waiting) = (HashSet::new(), Vec::new());
        for file in day {
            for batch in selected(file)? {
                let columns = Columns::try_new(&batch?)?;
                for at in 0..columns.rows {
                    let row = columns.row(at);
                    if !range.contains(row.time_us) {
                        continue;
                    }
                    let Some(found) = Assumption::of(&row) else { continue };
                    match (columns.text("shared_event_id", at), columns.is_foreign(at)) {
                        (Some(id), true) => waiting.push((id.to_owned(), found)),
                        (Some(id), false) => {
                            own.insert(id.to_owned());
                            take(found)?;
                        }
                        (None, _) => take(found)?,
                    }
                }
                too_many(waiting.len() as u64, space)?;
            }
        }
        let mut taken = HashSet::new();
        for (id, found) in waiting {
            if !own.contains(&id) && taken.insert(id) {
                take(found)?;
            }
        }
    }
    Ok(())
}

/// An error where so many take more memory than there is.
fn too_many(rows: u64, space: &Space) -> Result<(), ReadError> {
    let (bytes, space_bytes) = (rows.saturating_mul(WAITING_BYTES), space.bytes());
    if bytes > space_bytes { Err(ReadError::TooMany { rows, bytes, space_bytes }) } else { Ok(()) }
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, crate::store::StoreError>>>;

/// The rows of a file that may be assumptions.
fn selected(file: &DataFile) -> Result<Batches, ReadError> {
    let predicate = RowPredicate {
        columns: &SELECTING,
        dictionaries: true,
        wanted: Box::new(|batch| {
            let source =
                matching(&batch, "event_source", |text| matches!(text, "sts.amazonaws.com" | "signin.amazonaws.com"))?;
            let name = matching(&batch, "event_name", |text| text.starts_with("AssumeRole") || text == "SwitchRole")?;
            arrow::compute::and(&source, &name)
        }),
    };
    Ok(Box::new(read_batches(file, Some(COLUMNS), Some(predicate))?))
}

/// For each row, whether the text of a column, read as a dictionary, is one that is looked for.
pub(super) fn matching(
    batch: &RecordBatch,
    name: &str,
    is_meant: impl Fn(&str) -> bool,
) -> Result<BooleanArray, ArrowError> {
    let missing = || ArrowError::SchemaError(format!("the batch has no column {name}"));
    let column = batch.column_by_name(name).ok_or_else(missing)?;
    let texts = column.as_dictionary_opt::<Int32Type>().ok_or_else(missing)?;
    let values = texts.values().as_string_opt::<i32>().ok_or_else(missing)?;
    let meant: Vec<bool> = (0..values.len()).map(|at| values.is_valid(at) && is_meant(values.value(at))).collect();
    let of = |key: Option<i32>| key.and_then(|key| meant.get(usize::try_from(key).ok()?)).copied();
    Ok(texts.keys().iter().map(|key| Some(of(key) == Some(true))).collect())
}

/// The columns of a batch.
struct Columns {
    rows: usize,
    batch: RecordBatch,
}

impl Columns {
    fn try_new(batch: &RecordBatch) -> Result<Columns, ArrowError> {
        let missing = COLUMNS.iter().find(|name| batch.column_by_name(name).is_none());
        match missing {
            Some(name) => Err(ArrowError::SchemaError(format!("the batch has no column {name}"))),
            None => Ok(Columns { rows: batch.num_rows(), batch: batch.clone() }),
        }
    }

    fn array(&self, name: &str) -> Option<&StringArray> {
        self.batch.column_by_name(name)?.as_string_opt::<i32>()
    }

    /// Empty texts are none.
    fn text(&self, name: &str, at: usize) -> Option<&str> {
        let array = self.array(name)?;
        (at < array.len() && array.is_valid(at)).then(|| array.value(at)).filter(|text| !text.is_empty())
    }

    /// Whether it is the called account's copy.
    fn is_foreign(&self, at: usize) -> bool {
        let (caller, called) = (self.text("principal_account_id", at), self.text("recipient_account_id", at));
        caller.is_some_and(|caller| called.is_some_and(|called| called != caller))
    }

    fn row(&self, at: usize) -> Row<'_> {
        let text = |name: &str| self.text(name, at);
        let time = || {
            let times = self.batch.column_by_name("event_time")?.as_primitive_opt::<TimestampMicrosecondType>()?;
            times.is_valid(at).then(|| times.value(at))
        };
        let mfa = || {
            let mfa = self.batch.column_by_name("mfa_authenticated")?.as_boolean_opt()?;
            mfa.is_valid(at).then(|| mfa.value(at))
        };
        Row {
            time_us: time().unwrap_or_default(),
            event_id: text("event_id").unwrap_or_default(),
            event_source: text("event_source").unwrap_or_default(),
            event_name: text("event_name").unwrap_or_default(),
            region: text("aws_region"),
            principal_arn: text("principal_arn"),
            principal_type: text("principal_type"),
            principal_account: text("principal_account_id"),
            session_name: text("session_name"),
            user_name: text("user_identity_user_name"),
            access_key: text("user_identity_access_key_id").filter(|key| *key != HIDDEN),
            source_ip: text("source_ip_address"),
            error_code: text("error_code"),
            error_message: text("error_message"),
            source_identity: text("session_source_identity"),
            source_account: text("in_scope_of_source_account"),
            session_arn: text("user_identity_arn"),
            mfa: mfa(),
            request: text("request_parameters"),
            response: text("response_elements"),
            additional: text("additional_event_data"),
        }
    }
}
