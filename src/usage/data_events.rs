//! Which services' data events a store has: a trail logs them only if told to.

use std::collections::BTreeSet;

use super::encode::{Dictionary, dictionary};
use super::error::ReadError;
use super::months::each;
use crate::store::{DataFile, Snapshot, Stored, Table, read_dictionaries};

/// Calls that are logged as data events, by service.
/// CloudTrail User Guide, "Logging data events" (`logging-data-events-with-cloudtrail`) and each service's own list.
#[rustfmt::skip]
pub(super) const CALLS: &[(&str, &[&str])] = &[
    ("s3.amazonaws.com", &[
        "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject",
        "DeleteObjects", "DeleteObjectTagging", "GetObject", "GetObjectAcl", "GetObjectAttributes",
        "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "GetObjectTorrent", "HeadBucket", "HeadObject",
        "ListMultipartUploads", "ListObjects", "ListObjectVersions", "ListParts", "PutObject", "PutObjectAcl",
        "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject", "SelectObjectContent",
        "UploadPart", "UploadPartCopy",
    ]),
    ("lambda.amazonaws.com", &["Invoke"]),
    ("dynamodb.amazonaws.com", &[
        "BatchExecuteStatement", "BatchGetItem", "BatchWriteItem", "DeleteItem", "ExecuteStatement",
        "ExecuteTransaction", "GetItem", "GetRecords", "GetShardIterator", "PutItem", "Query", "Scan",
        "TransactGetItems", "TransactWriteItems", "UpdateItem",
    ]),
    ("sqs.amazonaws.com", &[
        "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch",
        "ReceiveMessage", "SendMessage", "SendMessageBatch",
    ]),
    ("sns.amazonaws.com", &["Publish", "PublishBatch"]),
    ("kinesis.amazonaws.com", &[
        "GetRecords", "GetShardIterator", "ListShards", "PutRecord", "PutRecords", "SubscribeToShard",
    ]),
];

/// The columns of whose statistics [`data_event_sources`] makes use.
pub const STATISTICS: &[&str] = &[CATEGORY];

const CATEGORY: &str = "event_category";

/// The event sources (`s3.amazonaws.com`) of which the snapshot holds data events, of those in the table above.
///
/// Cheap: where the catalog's bounds rule data events out nothing is read, else two columns of the roll-up, and that
/// only until nothing more can be found.
///
/// # Errors
/// When a file cannot be read.
pub fn data_event_sources(snapshot: &Snapshot) -> Result<BTreeSet<String>, ReadError> {
    let mut found = BTreeSet::new();
    if !snapshot.files(Table::Events).iter().any(may_hold_data_events) {
        return Ok(found);
    }
    each(snapshot, |stored| add_sources(stored, &mut found))?;
    Ok(found)
}

/// Adds what a file of usage has, until nothing more can be found.
fn add_sources(stored: &dyn Stored, found: &mut BTreeSet<String>) -> Result<(), ReadError> {
    if found.len() == CALLS.len() {
        return Ok(());
    }
    for batch in read_dictionaries(stored, &["event_source", "event_name"])? {
        let batch = batch?;
        let (sources, names) = (dictionary(&batch, "event_source")?, dictionary(&batch, "event_name")?);
        for (service, calls) in CALLS {
            if !found.contains(*service) && has_data_event(&sources, &names, service, calls) {
                found.insert((*service).to_owned());
            }
        }
    }
    Ok(())
}

#[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
fn has_data_event(sources: &Dictionary<'_>, names: &Dictionary<'_>, service: &str, calls: &[&str]) -> bool {
    let Some(source) = sources.values().iter().position(|text| text == Some(service)) else { return false };
    let is_call: Vec<bool> =
        names.values().iter().map(|name| name.is_some_and(|name| is_call_of(name, calls))).collect();
    let is_one = |(place, name): (&i32, &i32)| *place as usize == source && is_call.get(*name as usize) == Some(&true);
    is_call.contains(&true) && sources.keys().values().iter().zip(names.keys().values()).any(is_one)
}

/// IAM actions whose use is logged as a data event, where it is not named like one of the calls of [`CALLS`].
/// Service Authorization Reference, "Actions, resources, and condition keys" of each service.
#[rustfmt::skip]
const OTHER_ACTIONS: &[(&str, &[&str])] = &[
    ("s3", &[
        "DeleteObjectVersion", "GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionAttributes", "ListBucket",
        "ListBucketMultipartUploads", "ListBucketVersions", "ListMultipartUploadParts",
    ]),
    ("lambda", &["InvokeFunction"]),
    ("dynamodb", &["ConditionCheckItem", "PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate"]),
];

/// The event source as which the use of an IAM action is logged, if as a data event: `s3.amazonaws.com` of
/// `s3:GetObject`.
pub fn data_event_source(action: &str) -> Option<&'static str> {
    let (prefix, name) = action.split_once(':')?;
    let (source, calls) = CALLS.iter().find(|(source, _)| source.strip_suffix(".amazonaws.com") == Some(prefix))?;
    let is_other = OTHER_ACTIONS.iter().any(|(of, names)| *of == prefix && names.contains(&name));
    (is_other || calls.contains(&name)).then_some(*source)
}

/// The services of which [`data_event_sources`] can tell.
#[cfg(test)]
pub(crate) fn known_sources() -> BTreeSet<&'static str> {
    CALLS.iter().map(|(source, _)| *source).collect()
}

pub(super) fn is_call_of(name: &str, calls: &[&str]) -> bool {
    // Lambda's names end in a date or a version: `Invoke20150331`.
    let is_name = |known: &&str| name.strip_prefix(*known).is_some_and(|end| end.bytes().all(|b| b.is_ascii_digit()));
    calls.iter().any(is_name)
}

/// By the bounds of `event_category`; older records don't say it.
fn may_hold_data_events(file: &DataFile) -> bool {
    let column = Table::Events.schema().index_of(CATEGORY).ok();
    let bounds = file.columns.iter().find(|stats| Some(stats.column) == column);
    bounds.is_none_or(|stats| stats.null_count > 0 || stats.min.as_deref().is_none_or(|min| min <= "Data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_that_data_events_tell_of() {
        let catalog = crate::iam::Catalog::embedded();
        for (prefix, names) in OTHER_ACTIONS {
            for name in *names {
                let action = format!("{prefix}:{name}");
                assert!(catalog.action(&action).is_some_and(|known| *known.name == *action), "{action}");
                assert!(data_event_source(&action).is_some());
            }
        }
        for (action, source) in [
            ("s3:GetObject", Some("s3.amazonaws.com")),
            ("s3:ListAllMyBuckets", None),
            ("lambda:InvokeFunction", Some("lambda.amazonaws.com")),
            ("lambda:GetFunction", None),
            ("ec2:GetObject", None),
        ] {
            assert_eq!(data_event_source(action), source, "{action}");
        }
    }

    #[test]
    fn names_of_data_events() {
        for (source, name, expected) in [
            ("s3.amazonaws.com", "GetObject", true),
            ("s3.amazonaws.com", "GetObjectLockConfiguration", false),
            ("s3.amazonaws.com", "ListBuckets", false),
            ("lambda.amazonaws.com", "Invoke20150331", true),
            ("lambda.amazonaws.com", "InvokeAsync", false),
            ("ec2.amazonaws.com", "GetObject", false),
        ] {
            assert_eq!(
                CALLS.iter().any(|(service, calls)| *service == source && is_call_of(name, calls)),
                expected,
                "{source} {name}"
            );
        }
    }
}
