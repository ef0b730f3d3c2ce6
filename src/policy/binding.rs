//! Conditions that the request tells and that close a hole: always written where every request behind a grant told
//! them.

use std::collections::BTreeSet;

use super::options::Options;
use super::pattern::for_policy;
use crate::usage::{RequestValues, Told, UsageRow};

/// A condition key and the values that requests had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binding {
    pub(crate) key: &'static str,
    pub(crate) values: BTreeSet<String>,
}

/// The one action that is always limited to the service that gets the role.
pub(crate) const PASS_ROLE: &str = "iam:PassRole";

/// The condition that it always has.
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
const VALUES_MAX: usize = 64;

impl Binding {
    /// Both; `None` where they are too many.
    pub(crate) fn or(mut self, other: Binding) -> Option<Binding> {
        self.values.extend(other.values);
        // A role is never handed on unbound because it was handed to many.
        let is_kept = self.key == other.key && (self.values.len() <= VALUES_MAX || self.key == PASSED_TO_SERVICE);
        is_kept.then_some(self)
    }

    /// Whether the condition is written.
    pub(crate) fn is_wanted(&self, options: &Options) -> bool {
        options.request_conditions || self.key == PASSED_TO_SERVICE
    }

    /// How values are compared.
    pub(crate) fn operator(&self) -> &'static str {
        BINDINGS.iter().find(|(_, _, key)| *key == self.key).map_or("StringEquals", |(_, operator, _)| operator)
    }
}

/// What the requests of a row told of the key that binds its action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Nothing binds the action, or not every request told a value.
    No,
    To(Binding),
    /// All requests had values that nothing can have: they were refused for them, and speak for nothing.
    Impossible,
}

/// What every request of a row told of the key that binds its action. Requests with values that nothing can have do not
/// count: else one failing call would take the condition off.
pub(crate) fn bound(action: &str, row: &UsageRow, requests: &RequestValues) -> Bound {
    let Some((_, _, key)) = BINDINGS.iter().find(|(bound, ..)| *bound == action) else { return Bound::No };
    let told: Option<BTreeSet<String>> = match *key {
        PASSED_TO_SERVICE => row.passed_to_service.as_ref().map(|service| BTreeSet::from([service.to_string()])),
        "ec2:CreateAction" => create_action(row).map(|name| BTreeSet::from([name.to_owned()])),
        key => requests.values(row, key).and_then(|values| values.into_iter().collect()),
    };
    let Some(mut values) = told.filter(|values| !values.is_empty()) else { return Bound::No };
    values.retain(|value| is_plain(value));
    match values.len() {
        0 => Bound::Impossible,
        1..=VALUES_MAX => Bound::To(Binding { key, values }),
        _ => Bound::No,
    }
}

/// Nothing that a log holds may be a variable or a wildcard in a condition.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?', '$']) && for_policy(value) == value
}

/// Whether a request had a value that nothing can have, of a key that binds.
pub(crate) fn is_impossible(told: &Told) -> bool {
    let binds = |key: &str| BINDINGS.iter().any(|(_, _, known)| *known == key);
    told.iter().any(|(key, values)| binds(key) && !values.is_empty() && !values.iter().all(|value| is_plain(value)))
}

/// `ec2:CreateAction` of tags at creation: the operation that created. Only those of EC2 itself are known to set it.
pub(crate) fn create_action(row: &UsageRow) -> Option<&str> {
    let name = row.event_name.as_str();
    let is_creation = row.event_source == "ec2.amazonaws.com" && !matches!(name, "CreateTags" | "DeleteTags");
    (is_creation && name.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(name)
}
