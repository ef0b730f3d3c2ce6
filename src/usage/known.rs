//! What a store holds, for somebody who asked for what it doesn't.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::TimestampMicrosecondType;

use super::encode::texts;
use super::error::ReadError;
use super::select::{Selection, Who};
use crate::store::{Snapshot, Table, read_batches};

/// Names that are kept of each kind: there is no end to what somebody may have made up.
const NAMES_MAX: usize = 100_000;

/// Who and when there is in a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// ARNs of principals.
    pub principals: BTreeSet<String>,
    /// Permission sets of Identity Center.
    pub permission_sets: BTreeSet<String>,
    /// Names of sessions.
    pub sessions: BTreeSet<String>,
    /// Accounts in which principals live.
    pub accounts: BTreeSet<String>,
    /// First and last use of all.
    pub times: Option<(i64, i64)>,
    /// First and last use of those who were selected, whatever the window.
    pub times_of_selected: Option<(i64, i64)>,
}

/// Looks through the whole store's usage.
///
/// # Errors
/// When a file can't be read.
pub fn known(snapshot: &Snapshot, selection: &Selection) -> Result<Known, ReadError> {
    const COLUMNS: &[&str] =
        &["principal_arn", "permission_set", "session_name", "account_id", "first_time", "last_time"];
    let mut known = Known::default();
    for file in snapshot.files(Table::Usage) {
        for batch in read_batches(file, Some(COLUMNS), None)? {
            let batch = batch?;
            let (arns, sets) = (texts(&batch, "principal_arn")?, texts(&batch, "permission_set")?);
            let (sessions, accounts) = (texts(&batch, "session_name")?, texts(&batch, "account_id")?);
            let time = |name: &str, row: usize| {
                let times = batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
                times.is_valid(row).then(|| times.value(row))
            };
            for row in 0..batch.num_rows() {
                let text =
                    |array: &'_ arrow::array::StringArray| array.is_valid(row).then(|| array.value(row).to_owned());
                let (arn, set) = (text(arns), text(sets));
                let (session, account) = (text(sessions), text(accounts));
                let who = Who {
                    principal_arn: arn.as_deref().unwrap_or_default(),
                    permission_set: set.as_deref(),
                    session_name: session.as_deref(),
                    account_id: account.as_deref().unwrap_or_default(),
                };
                if let (Some(first), Some(last)) = (time("first_time", row), time("last_time", row)) {
                    widen(&mut known.times, first, last);
                    if selection.matches(&who) {
                        widen(&mut known.times_of_selected, first, last);
                    }
                }
                keep(&mut known.principals, arn);
                keep(&mut known.permission_sets, set);
                keep(&mut known.sessions, session);
                keep(&mut known.accounts, account);
            }
        }
    }
    Ok(known)
}

fn keep(names: &mut BTreeSet<String>, name: Option<String>) {
    if let Some(name) = name
        && names.len() < NAMES_MAX
    {
        names.insert(name);
    }
}

fn widen(times: &mut Option<(i64, i64)>, first: i64, last: i64) {
    let (from, to) = times.unwrap_or((first, last));
    *times = Some((from.min(first), to.max(last)));
}
