//! Of which services data events could be seen: because there are some, or because a trail is known to log them.
//!
//! What a trail logs, `PutEventSelectors` says (CloudTrail API Reference, `EventSelector` and `AdvancedEventSelector`):
//! `GetEventSelectors` has it in its answer, which CloudTrail does not record.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use serde_json::Value;

use super::data_events::{CALLS, is_call_of};
use super::encode::dictionary;
use super::error::ReadError;
use super::months::{days_with, each};
use super::select::TimeRange;
use crate::store::{RowPredicate, Snapshot, Stored, Table, read_batches, read_dictionaries};
use crate::util::json;

/// IAM actions whose calls are data events, by service: those of `CALLS`, as IAM names them (Service Authorization
/// Reference). S3's on versions are the same calls.
#[rustfmt::skip]
const ACTIONS: &[(&str, &str, &[&str])] = &[
    ("s3", "s3.amazonaws.com", &[
        "AbortMultipartUpload", "BypassGovernanceRetention", "DeleteObject", "DeleteObjectTagging", "DeleteObjectVersion",
        "DeleteObjectVersionTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectLegalHold",
        "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent", "GetObjectVersion", "GetObjectVersionAcl",
        "GetObjectVersionAttributes", "GetObjectVersionForReplication", "GetObjectVersionTagging",
        "GetObjectVersionTorrent", "ListBucket", "ListBucketMultipartUploads", "ListBucketVersions",
        "ListMultipartUploadParts", "ObjectOwnerOverrideToBucketOwner", "PutObject", "PutObjectAcl", "PutObjectLegalHold",
        "PutObjectRetention", "PutObjectTagging", "PutObjectVersionAcl", "PutObjectVersionTagging", "ReplicateDelete",
        "ReplicateObject", "ReplicateTags", "RestoreObject",
    ]),
    ("lambda", "lambda.amazonaws.com", &["InvokeFunction", "InvokeFunctionUrl"]),
    ("dynamodb", "dynamodb.amazonaws.com", &[
        "BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "GetRecords", "GetShardIterator",
        "PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate", "PutItem", "Query", "Scan", "UpdateItem",
    ]),
    ("sqs", "sqs.amazonaws.com", &["ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage", "SendMessage"]),
    ("sns", "sns.amazonaws.com", &["Publish"]),
    ("kinesis", "kinesis.amazonaws.com", &[
        "GetRecords", "GetShardIterator", "ListShards", "PutRecord", "PutRecords", "SubscribeToShard",
    ]),
];

/// Resource types of selectors, and the services of their data events.
const TYPES: &[(&str, &str)] = &[
    ("AWS::S3::Object", "s3.amazonaws.com"),
    ("AWS::Lambda::Function", "lambda.amazonaws.com"),
    ("AWS::DynamoDB::Table", "dynamodb.amazonaws.com"),
    ("AWS::SQS::Queue", "sqs.amazonaws.com"),
    ("AWS::SNS::Topic", "sns.amazonaws.com"),
    ("AWS::Kinesis::Stream", "kinesis.amazonaws.com"),
];

const PUT: &str = "PutEventSelectors";

/// Trails that are kept at the most.
const TRAILS_MAX: usize = 1_000;

/// How much of a service's data events a trail logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Logged {
    /// Of some resources, or some of the calls.
    Some,
    /// All of them.
    All,
}

/// Which data events a trail logs, as it was last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataTrail {
    /// Its ARN or name.
    pub trail: String,
    /// The account that it is in.
    pub account_id: String,
    /// Since when, microseconds since 1970-01-01 UTC.
    pub since_us: i64,
    /// By event source: `s3.amazonaws.com`.
    pub logged: BTreeMap<&'static str, Logged>,
}

/// Of which services data events could be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataSight {
    /// By event source the accounts in which principals live whose data events there are.
    pub seen: BTreeMap<&'static str, BTreeSet<String>>,
    /// Trails that were told which data events to log.
    pub trails: Vec<DataTrail>,
    is_everything: bool,
}

impl DataSight {
    /// Everything could be seen.
    pub fn everything() -> DataSight {
        DataSight { is_everything: true, ..DataSight::default() }
    }

    /// Whether the use of an action (`s3:GetObject`) by principals of an account would have been seen in a window.
    pub fn shows(&self, account_id: &str, action: &str, range: &TimeRange) -> bool {
        let Some(source) = source_of(action).filter(|_| !self.is_everything) else { return true };
        let trails = self.trails.iter().filter(|trail| trail.account_id == account_id);
        let logged: Vec<(i64, Logged)> =
            trails.filter_map(|trail| Some((trail.since_us, *trail.logged.get(source)?))).collect();
        let is_before = |since_us: i64| range.from_us.is_some_and(|from_us| since_us <= from_us);
        if logged.iter().any(|(since_us, logged)| *logged == Logged::All && is_before(*since_us)) {
            return true;
        }
        // What is logged of some resources only says nothing of the others.
        let is_partial = !logged.is_empty() && logged.iter().all(|(_, logged)| *logged == Logged::Some);
        !is_partial && self.seen.get(source).is_some_and(|accounts| accounts.contains(account_id))
    }
}

/// The event source of an action whose calls are data events.
fn source_of(action: &str) -> Option<&'static str> {
    let (prefix, name) = action.split_once(':')?;
    let (_, source, actions) = ACTIONS.iter().find(|(of, _, _)| of.eq_ignore_ascii_case(prefix))?;
    actions.iter().any(|action| action.eq_ignore_ascii_case(name)).then_some(*source)
}

/// Of which services data events could be seen in a snapshot.
///
/// # Errors
/// When a file cannot be read.
pub fn data_sight(snapshot: &Snapshot) -> Result<DataSight, ReadError> {
    let mut sight = DataSight { trails: data_trails(snapshot)?, ..DataSight::default() };
    each(snapshot, |stored| add_seen(stored, &mut sight))?;
    Ok(sight)
}

#[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
fn add_seen(stored: &dyn Stored, sight: &mut DataSight) -> Result<(), ReadError> {
    for batch in read_dictionaries(stored, &["account_id", "event_source", "event_name"])? {
        let batch = batch?;
        let (accounts, sources, names) =
            (dictionary(&batch, "account_id")?, dictionary(&batch, "event_source")?, dictionary(&batch, "event_name")?);
        for (service, calls) in CALLS {
            let is_source: Vec<bool> = sources.values().iter().map(|text| text == Some(*service)).collect();
            let is_call: Vec<bool> =
                names.values().iter().map(|name| name.is_some_and(|name| is_call_of(name, calls))).collect();
            if !is_source.contains(&true) || !is_call.contains(&true) {
                continue;
            }
            let known = sight.seen.entry(service).or_default();
            let keys = accounts.keys().values().iter().zip(sources.keys().values()).zip(names.keys().values());
            let of_data = keys.filter(|((_, source), name)| {
                is_source.get(**source as usize) == Some(&true) && is_call.get(**name as usize) == Some(&true)
            });
            let found: BTreeSet<i32> = of_data.map(|((account, _), _)| *account).collect();
            let values = accounts.values();
            known.extend(
                found
                    .into_iter()
                    .filter(|at| values.is_valid(*at as usize))
                    .map(|at| values.value(at as usize).to_owned()),
            );
        }
    }
    sight.seen.retain(|_, accounts| !accounts.is_empty());
    Ok(())
}

/// The trails that were told which data events to log, each as it was told last.
///
/// Cheap where none was: one column of the roll-up.
///
/// # Errors
/// When a file cannot be read.
pub fn data_trails(snapshot: &Snapshot) -> Result<Vec<DataTrail>, ReadError> {
    let dates = days_with(snapshot, |_| true, has_put)?;
    let mut trails: BTreeMap<(String, String), DataTrail> = BTreeMap::new();
    for file in snapshot.files(Table::Events).iter().filter(|file| dates.contains(&file.event_date)) {
        for batch in read_batches(file, Some(COLUMNS), Some(puts()))? {
            add_trails(&batch?, &mut trails)?;
        }
    }
    Ok(trails.into_values().collect())
}

fn has_put(stored: &dyn Stored) -> Result<bool, ReadError> {
    for batch in read_dictionaries(stored, &["event_name"])? {
        if dictionary(&batch?, "event_name")?.values().iter().any(|name| name == Some(PUT)) {
            return Ok(true);
        }
    }
    Ok(false)
}

const COLUMNS: &[&str] = &["event_source", "event_time", "recipient_account_id", "error_code", "request_parameters"];

fn puts() -> RowPredicate<'static> {
    let wanted = |batch: RecordBatch| {
        let names = cast(batch.column(0), &DataType::Utf8)?;
        let names: &StringArray = names.as_string();
        Ok(BooleanArray::from_iter(names.iter().map(|name| Some(name == Some(PUT)))))
    };
    RowPredicate { columns: &["event_name"], dictionaries: false, wanted: Box::new(wanted) }
}

fn add_trails(batch: &RecordBatch, trails: &mut BTreeMap<(String, String), DataTrail>) -> Result<(), ReadError> {
    let texts = |name: &str| batch.column_by_name(name).map(|column| cast(column, &DataType::Utf8)).transpose();
    let columns: BTreeMap<&str, ArrayRef> = COLUMNS
        .iter()
        .filter(|name| **name != "event_time")
        .filter_map(|name| Some(texts(name).transpose()?.map(|column| (*name, column))))
        .collect::<Result<_, _>>()?;
    let text = |name: &str, row: usize| {
        let column = columns.get(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    for row in 0..batch.num_rows() {
        let time =
            batch.column_by_name("event_time").and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let since_us = time.map_or(0, |time| time.value(row));
        if text("event_source", row) != Some("cloudtrail.amazonaws.com") || text("error_code", row).is_some() {
            continue;
        }
        let parameters = text("request_parameters", row).and_then(|json| json::value(json).ok());
        let Some((trail, logged)) = parameters.as_ref().and_then(selectors) else { continue };
        let account_id = text("recipient_account_id", row).unwrap_or_default().to_owned();
        // A name, or an ARN that ends with it.
        let name = trail.rsplit('/').next().unwrap_or(trail).to_owned();
        let told = DataTrail { trail: trail.to_owned(), account_id: account_id.clone(), since_us, logged };
        let has_room = trails.len() < TRAILS_MAX;
        match trails.get_mut(&(account_id.clone(), name.clone())) {
            Some(known) if known.since_us <= since_us => *known = told,
            Some(_) => {}
            None if has_room => drop(trails.insert((account_id, name), told)),
            None => {}
        }
    }
    Ok(())
}

/// The trail and what it is to log, of the parameters of `PutEventSelectors`.
fn selectors(parameters: &Value) -> Option<(&str, BTreeMap<&'static str, Logged>)> {
    let trail = parameters.get("trailName")?.as_str()?;
    let list = |name: &str| parameters.get(name).and_then(Value::as_array).into_iter().flatten();
    let mut logged: BTreeMap<&'static str, Logged> = BTreeMap::new();
    let mut add = |kind: &str, how_much: Logged| {
        if let Some((_, source)) = TYPES.iter().find(|(known, _)| *known == kind) {
            let known = logged.entry(source).or_insert(how_much);
            *known = how_much.max(*known);
        }
    };
    for selector in list("eventSelectors") {
        let is_all_calls = selector.get("readWriteType").and_then(Value::as_str).is_none_or(|which| which == "All");
        for resource in selector.get("dataResources").and_then(Value::as_array).into_iter().flatten() {
            let kind = resource.get("type").and_then(Value::as_str).unwrap_or_default();
            let values =
                resource.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            // `arn:aws:s3` or `arn:aws:s3:::` is every bucket, `arn:aws:lambda` every function.
            let is_all = values.into_iter().any(|value| value.trim_end_matches(':').matches(':').count() == 2);
            add(kind, if is_all && is_all_calls { Logged::All } else { Logged::Some });
        }
    }
    for selector in list("advancedEventSelectors") {
        let fields = selector.get("fieldSelectors").and_then(Value::as_array).into_iter().flatten();
        let (mut kinds, mut is_data, mut is_narrowed) = (Vec::new(), false, false);
        for field in fields {
            let equals = field.get("equals").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            match field.get("field").and_then(Value::as_str).unwrap_or_default() {
                "eventCategory" => is_data |= equals.into_iter().any(|value| value == "Data"),
                "resources.type" => kinds.extend(equals),
                _ => is_narrowed = true,
            }
        }
        for kind in kinds.into_iter().filter(|_| is_data) {
            add(kind, if is_narrowed { Logged::Some } else { Logged::All });
        }
    }
    Some((trail, logged))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_of_both_kinds() {
        let of = |parameters: &Value| selectors(parameters).map(|(trail, logged)| (trail.to_owned(), logged));
        let basic = json!({"trailName": "main", "eventSelectors": [
            {"readWriteType": "All", "includeManagementEvents": true, "dataResources": [
                {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::one/", "arn:aws:s3:::two/"]},
                {"type": "AWS::Lambda::Function", "values": ["arn:aws:lambda"]}]},
            {"readWriteType": "WriteOnly", "dataResources": [{"type": "AWS::DynamoDB::Table", "values": ["arn:aws:dynamodb"]}]}]});
        let expected = [
            ("dynamodb.amazonaws.com", Logged::Some),
            ("lambda.amazonaws.com", Logged::All),
            ("s3.amazonaws.com", Logged::Some),
        ];
        assert_eq!(of(&basic), Some(("main".to_owned(), BTreeMap::from(expected))));
        let advanced = json!({"trailName": "arn:aws:cloudtrail:eu-west-1:1:trail/main", "advancedEventSelectors": [
            {"fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]},
            {"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::S3::Object"]}]},
            {"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::SQS::Queue"]}, {"field": "readOnly", "equals": ["true"]}]}]});
        let expected = BTreeMap::from([("s3.amazonaws.com", Logged::All), ("sqs.amazonaws.com", Logged::Some)]);
        assert_eq!(of(&advanced).map(|(_, logged)| logged), Some(expected));
        for none in [json!(null), json!({"trailName": 7}), json!({"trailName": "t", "eventSelectors": {"a": 1}})] {
            assert!(of(&none).is_none_or(|(_, logged)| logged.is_empty()), "{none}");
        }
    }

    #[test]
    fn what_could_be_seen() {
        let mut sight = DataSight::default();
        let all = TimeRange::default();
        let late = TimeRange { from_us: Some(100), to_us: None };
        assert!(!sight.shows("1", "s3:GetObject", &all) && sight.shows("1", "s3:CreateBucket", &all));
        assert!(sight.shows("1", "iam:GetUser", &all) && sight.shows("1", "*", &all));
        sight.seen.entry("s3.amazonaws.com").or_default().insert("1".to_owned());
        assert!(sight.shows("1", "S3:getobject", &all) && !sight.shows("2", "s3:GetObject", &all));
        let trail = |logged| DataTrail {
            trail: "t".to_owned(),
            account_id: "1".to_owned(),
            since_us: 50,
            logged: BTreeMap::from([("s3.amazonaws.com", logged)]),
        };
        // Some buckets alone say nothing of the others.
        sight.trails = vec![trail(Logged::Some)];
        assert!(!sight.shows("1", "s3:GetObject", &all));
        sight.seen.clear();
        sight.trails = vec![trail(Logged::All)];
        assert!(sight.shows("1", "s3:GetObject", &late) && !sight.shows("1", "s3:GetObject", &all));
        assert!(!sight.shows("1", "lambda:InvokeFunction", &late));
        assert!(DataSight::everything().shows("1", "s3:GetObject", &all));
    }

    #[test]
    fn every_service_with_data_events_has_its_actions() {
        let sources: Vec<&str> = CALLS.iter().map(|(source, _)| *source).collect();
        assert_eq!(ACTIONS.iter().map(|(_, source, _)| *source).collect::<Vec<_>>(), sources);
        assert_eq!(TYPES.iter().map(|(_, source)| *source).collect::<Vec<_>>(), sources);
        let catalog = crate::iam::Catalog::embedded();
        for (prefix, _, actions) in ACTIONS {
            for action in *actions {
                assert!(catalog.action(&format!("{prefix}:{action}")).is_some(), "{prefix}:{action}");
            }
        }
    }
}
