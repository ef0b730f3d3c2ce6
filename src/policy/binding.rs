//! Conditions that the request tells and that close a hole: always written where every request behind a grant told
//! them.

use std::collections::BTreeSet;

use super::pattern::for_policy;
use super::sift::PASS_ROLE;
use crate::usage::{RequestValues, UsageRow};

/// A condition key and the values that requests had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binding {
    pub(crate) key: &'static str,
    pub(crate) values: BTreeSet<String>,
}

/// The condition that PassRole always has.
pub(crate) const PASSED_TO_SERVICE: &str = "iam:PassedToService";

/// Actions, the key that is in each of their requests, and the operator to compare it with.
///
/// Sources: Service Authorization Reference, condition keys of each action; IAM User Guide, "IAM and AWS STS condition
/// context keys" (`iam:PolicyARN` on attaching and detaching, `iam:PermissionsBoundary` on boundaries,
/// `iam:AWSServiceName` on service-linked roles, `iam:PassedToService` on passing); EC2 User Guide, "Grant permission
/// to tag resources during creation" (`ec2:CreateAction`); Lambda Developer Guide, "Fine-tuning the Resources and
/// Conditions sections of policies" (`lambda:FunctionArn` on event source mappings).
pub(crate) const BINDINGS: &[(&str, &str, &str)] = &[
    ("ec2:CreateTags", "StringEquals", "ec2:CreateAction"),
    ("iam:AttachGroupPolicy", "ArnEquals", "iam:PolicyARN"),
    ("iam:AttachRolePolicy", "ArnEquals", "iam:PolicyARN"),
    ("iam:AttachUserPolicy", "ArnEquals", "iam:PolicyARN"),
    ("iam:CreateServiceLinkedRole", "StringEquals", "iam:AWSServiceName"),
    ("iam:DetachGroupPolicy", "ArnEquals", "iam:PolicyARN"),
    ("iam:DetachRolePolicy", "ArnEquals", "iam:PolicyARN"),
    ("iam:DetachUserPolicy", "ArnEquals", "iam:PolicyARN"),
    (PASS_ROLE, "StringEquals", PASSED_TO_SERVICE),
    ("iam:PutRolePermissionsBoundary", "StringEquals", "iam:PermissionsBoundary"),
    ("iam:PutUserPermissionsBoundary", "StringEquals", "iam:PermissionsBoundary"),
    ("lambda:CreateEventSourceMapping", "ArnLike", "lambda:FunctionArn"),
    ("lambda:DeleteEventSourceMapping", "ArnLike", "lambda:FunctionArn"),
    ("lambda:UpdateEventSourceMapping", "ArnLike", "lambda:FunctionArn"),
];

/// More values than this bind little, and the list would grow without end.
const VALUES_MAX: usize = 20;

impl Binding {
    /// Both; `None` where they are too many.
    pub(crate) fn or(mut self, other: Binding) -> Option<Binding> {
        self.values.extend(other.values);
        // A role is never handed on unbound because it was handed to many.
        let is_kept = self.key == other.key && (self.values.len() <= VALUES_MAX || self.key == PASSED_TO_SERVICE);
        is_kept.then_some(self)
    }

    /// How values are compared.
    pub(crate) fn operator(&self) -> &'static str {
        BINDINGS.iter().find(|(_, _, key)| *key == self.key).map_or("StringEquals", |(_, operator, _)| operator)
    }
}

/// What every request of a row told of the key that binds its action; `None` where one did not.
pub(crate) fn binding(action: &str, row: &UsageRow, requests: &RequestValues) -> Option<Binding> {
    let (_, _, key) = BINDINGS.iter().find(|(bound, ..)| *bound == action)?;
    let values = match *key {
        PASSED_TO_SERVICE => BTreeSet::from([row.passed_to_service.as_ref()?.to_string()]),
        "ec2:CreateAction" => BTreeSet::from([create_action(row)?.to_owned()]),
        key => requests.values(row, key)?.into_iter().collect::<Option<BTreeSet<String>>>()?,
    };
    // Nothing that a log holds may be a variable or a wildcard in a condition.
    let is_plain =
        |value: &String| !value.is_empty() && !value.contains(['*', '?', '$']) && for_policy(value) == *value;
    (!values.is_empty() && values.len() <= VALUES_MAX && values.iter().all(is_plain)).then_some(Binding { key, values })
}

/// `ec2:CreateAction` of tags at creation: the operation that created. Only those of EC2 itself are known to set it.
pub(crate) fn create_action(row: &UsageRow) -> Option<&str> {
    let name = row.event_name.as_str();
    let is_creation = row.event_source == "ec2.amazonaws.com" && !matches!(name, "CreateTags" | "DeleteTags");
    (is_creation && name.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(name)
}
