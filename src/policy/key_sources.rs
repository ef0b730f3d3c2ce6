//! Where records hold the values of condition keys.

use std::collections::BTreeSet;

use serde_json::Value;

use super::binding::BINDINGS;
use crate::iam::evaluate::PolicySet;
use crate::usage::{KeySource, UsageRow};

/// Keys that requests tell and no row of `usage` holds. Sources: see `binding`; S3 User Guide, "Amazon S3 condition
/// key examples" (`s3:prefix`); IAM User Guide, "AWS global condition context keys" (`aws:TagKeys`). Parameters are
/// named as CloudTrail writes them: as in the API references, with a small first letter.
const SOURCES: &[KeySource] = &[
    KeySource {
        key: "iam:PolicyARN",
        events: &[
            "AttachGroupPolicy",
            "AttachRolePolicy",
            "AttachUserPolicy",
            "DetachGroupPolicy",
            "DetachRolePolicy",
            "DetachUserPolicy",
        ],
        values: |request| text(&request.parameters, "policyArn"),
    },
    KeySource {
        key: "iam:PermissionsBoundary",
        events: &["PutRolePermissionsBoundary", "PutUserPermissionsBoundary"],
        values: |request| text(&request.parameters, "permissionsBoundary"),
    },
    KeySource {
        key: "iam:AWSServiceName",
        events: &["CreateServiceLinkedRole"],
        values: |request| {
            let names = ["aWSServiceName", "awsServiceName"];
            names.iter().find_map(|name| text(&request.parameters, name))
        },
    },
    KeySource {
        key: "lambda:FunctionArn",
        events: &[
            "CreateEventSourceMapping",
            "CreateEventSourceMapping20150331",
            "DeleteEventSourceMapping",
            "DeleteEventSourceMapping20150331",
            "UpdateEventSourceMapping",
            "UpdateEventSourceMapping20150331",
        ],
        values: |request| text(&request.response, "functionArn"),
    },
    KeySource {
        key: "s3:prefix",
        events: &["ListObjects", "ListObjectsV2", "ListObjectVersions"],
        values: |request| Some(text(&request.parameters, "prefix").unwrap_or_default()),
    },
    KeySource { key: "aws:TagKeys", events: &[], values: |request| tag_keys(&request.parameters) },
    // "The unique identifier of the requester": for a role with the session's name behind it, as `principalId` has it.
    KeySource { key: "aws:userid", events: &[], values: |request| Some(vec![request.principal_id?.to_owned()]) },
];

fn text(value: &Value, name: &str) -> Option<Vec<String>> {
    Some(vec![value.get(name)?.as_str()?.to_owned()])
}

/// The sources that the conditions of a policy made from these rows need.
pub fn for_making(rows: &[UsageRow]) -> Vec<KeySource> {
    let actions: BTreeSet<&str> = rows.iter().filter_map(|row| row.action.as_deref()).collect();
    let keys: BTreeSet<&str> =
        BINDINGS.iter().filter(|(action, ..)| actions.contains(action)).map(|(_, _, key)| *key).collect();
    SOURCES.iter().filter(|source| keys.contains(source.key)).copied().collect()
}

/// The sources that the conditions of any policy that is made may need.
pub fn for_everybody() -> Vec<KeySource> {
    let keys: BTreeSet<&str> = BINDINGS.iter().map(|(_, _, key)| *key).collect();
    SOURCES.iter().filter(|source| keys.contains(source.key)).copied().collect()
}

/// The sources of what policies ask.
pub fn for_judging(policies: &PolicySet) -> Vec<KeySource> {
    let statements = policies.groups().flat_map(|(_, _, policies)| policies).flat_map(|policy| &policy.statements);
    let keys: BTreeSet<String> = statements
        .flat_map(|statement| &statement.condition)
        .flat_map(|test| &test.keys)
        .map(|(key, _)| key.to_ascii_lowercase())
        .collect();
    SOURCES.iter().filter(|source| keys.contains(&source.key.to_ascii_lowercase())).copied().collect()
}

/// Members of parameters that hold tags, and those that hold their keys.
const TAG_LISTS: [&str; 5] = ["tags", "tagSet", "tagList", "tagSpecificationSet", "tagSpecifications"];
const KEY_LISTS: [&str; 2] = ["tagKeys", "tagKeyList"];

/// The keys of the tags in a request; `None` where something called tags has an unknown form.
fn tag_keys(parameters: &Value) -> Option<Vec<String>> {
    let mut keys = BTreeSet::new();
    for (name, value) in parameters.as_object().into_iter().flatten() {
        let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_one_of(&KEY_LISTS) {
            for key in value.as_array()? {
                keys.insert(key.as_str()?.to_owned());
            }
        } else if is_one_of(&TAG_LISTS) {
            put_tags(value, &mut keys)?;
        }
    }
    Some(keys.into_iter().collect())
}

/// Tags as `{key: value}`, as a list of `{key, value}`, or as one of those within `items` or `tags`.
fn put_tags(tags: &Value, keys: &mut BTreeSet<String>) -> Option<()> {
    match tags {
        Value::Null => Some(()),
        Value::Array(list) => list.iter().try_for_each(|tag| put_tags(tag, keys)),
        Value::Object(map) => {
            let member = |names: &[&str]| names.iter().find_map(|name| map.get(*name));
            if let Some(list) = member(&["items", "tags", "Tags"]).filter(|list| list.is_array()) {
                return put_tags(list, keys);
            }
            if let Some(key) = member(&["key", "Key", "tagKey", "TagKey"]) {
                keys.insert(key.as_str()?.to_owned());
                return Some(());
            }
            keys.extend(map.keys().cloned());
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tag_keys_in_every_form() {
        for parameters in [
            json!({"tags": [{"key": "a", "value": "1"}, {"Key": "b", "Value": "2"}]}),
            json!({"Tags": {"a": "1", "b": "2"}}),
            json!({"tagSet": {"items": [{"key": "a", "value": "1"}, {"key": "b"}]}}),
            json!({"tagSpecificationSet": {"items": [{"resourceType": "x", "tags": [{"key": "a"}, {"key": "b"}]}]}}),
            json!({"tagKeys": ["a", "b"]}),
        ] {
            assert_eq!(tag_keys(&parameters), Some(vec!["a".to_owned(), "b".to_owned()]), "{parameters}");
        }
        assert_eq!(tag_keys(&json!({"name": "x"})), Some(Vec::new()));
        assert_eq!(tag_keys(&json!({"tags": "x"})), None);
    }
}
