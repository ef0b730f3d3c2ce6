//! What requests told of condition keys that no row of `usage` holds, read from `events`.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, BooleanArray, StringArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use serde_json::Value;

use super::columns::{EVENT_COLUMNS, EventColumns};
use super::error::ReadError;
use super::read::{by_text, is_wanted};
use super::role_paths::RolePaths;
use super::row::UsageRow;
use super::select::{Cover, Selection, TimeRange};
use super::shared_str::Text;
use crate::iam::{Catalog, Outcome, permissions};
use crate::store::{RowPredicate, Snapshot, Table, read_batches};
use crate::util::json;

/// Condition key → values, of the requests of one use that were alike. A key without values was not in the request; one
/// that is not there was not looked for.
pub type Told = BTreeMap<&'static str, Vec<String>>;

/// How a condition key's values stand in records.
#[derive(Clone, Copy, Debug)]
pub struct KeySource {
    /// The condition key: `s3:prefix`.
    pub key: &'static str,
    /// `eventName`s of the requests that have it; none means all.
    pub events: &'static [&'static str],
    /// Its values; `None` where the record does not tell.
    pub values: fn(&Requested<'_>) -> Option<Vec<String>>,
}

/// What a record holds of a request.
#[derive(Debug)]
pub struct Requested<'a> {
    /// `requestParameters`; null where the record has none.
    pub parameters: Value,
    /// `responseElements`; null where the record has none.
    pub response: Value,
    /// `userIdentity.principalId`.
    pub principal_id: Option<&'a str>,
}

/// Of the requests of some actions, what they told of some condition keys.
#[derive(Clone, Debug, Default)]
pub struct RequestValues {
    uses: HashMap<Use, Vec<KeyCanonicalisation>>,
}

/// Requests of one use and session that told the same.
#[derive(Clone, Debug)]
struct KeyCanonicalisation {
    session: Option<Text>,
    told: Told,
    events: u64,
}

/// Principal, action, resource, region, service on whose behalf.
type Use = (Text, Text, Text, Text, Option<Text>);

/// More different requests of one use than this tell nothing that could be written down.
const TOLD_MAX: usize = 64;

impl RequestValues {
    /// Notes what a request of a use told.
    fn note(&mut self, key: Use, session: Option<Text>, told: &Told) {
        let all = self.uses.entry(key).or_default();
        let has_room = all.len() <= TOLD_MAX;
        match all.iter_mut().find(|alike| alike.session == session && alike.told == *told) {
            Some(alike) => alike.events += 1,
            None if has_room => all.push(KeyCanonicalisation { session, told: told.clone(), events: 1 }),
            None => {}
        }
    }

    /// The different requests of a row; nothing where not all of them were looked at, or they are too many.
    pub fn told(&self, row: &UsageRow) -> Vec<&Told> {
        let all = key(row).and_then(|key| self.uses.get(&key)).filter(|all| all.len() <= TOLD_MAX);
        let is_meant = |alike: &&KeyCanonicalisation| row.session_name.is_none() || alike.session == row.session_name;
        let meant: Vec<&KeyCanonicalisation> = all.into_iter().flatten().filter(is_meant).collect();
        let events: u64 = meant.iter().map(|alike| alike.events).sum();
        if events < row.event_count { Vec::new() } else { meant.into_iter().map(|alike| &alike.told).collect() }
    }

    /// The one value that each different request had of a key, `None` for one that had none or several; nothing where
    /// requests were not looked at.
    pub fn values(&self, row: &UsageRow, key: &str) -> Option<Vec<Option<String>>> {
        let told = self.told(row);
        let value = |told: &Told| match told.get(key).map(Vec::as_slice) {
            Some([only]) => Some(only.clone()),
            _ => None,
        };
        (!told.is_empty()).then(|| told.into_iter().map(value).collect())
    }
}

fn key(row: &UsageRow) -> Option<Use> {
    let action = row.action.clone()?;
    Some((row.principal_arn.clone(), action, row.resource.clone(), row.aws_region.clone(), row.via.clone()))
}

const PRINCIPAL_ID: &str = "user_identity_principal_id";

/// Reads what the selected requests told of the keys of `sources`.
///
/// # Errors
/// When a file of `events` cannot be read.
pub fn read_requests(
    snapshot: &Snapshot,
    selection: &Selection,
    range: &TimeRange,
    sources: &[KeySource],
    catalog: &Catalog,
) -> Result<RequestValues, ReadError> {
    let mut requests = RequestValues::default();
    if sources.is_empty() {
        return Ok(requests);
    }
    let columns = [EVENT_COLUMNS, &[PRINCIPAL_ID]].concat();
    let names: BTreeSet<&str> = sources.iter().flat_map(|source| source.events).copied().collect();
    let is_all = sources.iter().any(|source| source.events.is_empty());
    let is_selected = is_wanted(selection, range);
    let files = snapshot.files(Table::Events).iter().filter(|file| range.cover(file.event_date) != Cover::None);
    for file in files {
        let wanted = |batch: RecordBatch| -> Result<BooleanArray, ArrowError> {
            let names = by_text(&batch, "event_name", |name| names.contains(name))?;
            Ok(BooleanArray::new(names, None))
        };
        let predicate = RowPredicate { columns: &["event_name"], dictionaries: true, wanted: Box::new(wanted) };
        for batch in read_batches(file, Some(&columns), (!is_all).then_some(predicate))? {
            let batch = batch?;
            let events = EventColumns::try_new(&batch)?;
            let ids = principal_ids(&batch)?;
            for row in (0..events.len()).filter(|row| is_selected(&events, *row)) {
                let principal_id = ids.is_valid(row).then(|| ids.value(row));
                note_event(&mut requests, (&events, row), (principal_id, &selection.role_paths), sources, catalog);
            }
        }
    }
    Ok(requests)
}

fn principal_ids(batch: &RecordBatch) -> Result<StringArray, ArrowError> {
    let column = batch.column_by_name(PRINCIPAL_ID);
    let column = column.ok_or_else(|| ArrowError::SchemaError(format!("no column {PRINCIPAL_ID}")))?;
    Ok(arrow::compute::cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn note_event(
    requests: &mut RequestValues,
    (events, row): (&EventColumns, usize),
    (principal_id, paths): (Option<&str>, &RolePaths),
    sources: &[KeySource],
    catalog: &Catalog,
) {
    let resources = events.resources(row);
    let event = events.event(row, &resources);
    let read = |text: Option<&str>| text.and_then(|text| json::value(text).ok()).unwrap_or(Value::Null);
    let (parameters, response) = (read(event.request_parameters), read(event.response_elements));
    let requested = Requested { parameters, response, principal_id };
    let is_of = |source: &&KeySource| source.events.is_empty() || source.events.contains(&event.event_name);
    let values = |source: &KeySource| Some((source.key, (source.values)(&requested)?));
    let told: Told = sources.iter().filter(is_of).filter_map(values).collect();
    let permissions = permissions(catalog, &event);
    if permissions.outcome != Outcome::Allowed {
        return;
    }
    let text = |text: &str| Text::from(text);
    for permission in &permissions.needed {
        for resource in &permission.resources {
            let key = (
                text(paths.whole(events.principal_arn(row).unwrap_or_default())),
                text(&permission.action),
                text(resource),
                text(event.aws_region.unwrap_or_default()),
                events.invoked_by(row).map(text),
            );
            requests.note(key, events.session_name(row).map(text), &told);
        }
    }
}
