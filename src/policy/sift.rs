//! Which rows are granted, and which are only shown.

use std::collections::BTreeMap;

use super::evidence::{Evidence, confidence};
use super::knowledge::Knowledge;
use super::pattern::for_policy;
use crate::iam::Confidence;
use crate::usage::{Outcome, UsageRow};

/// The one action that is always limited to the service that gets the role.
pub(crate) const PASS_ROLE: &str = "iam:PassRole";

/// One action used on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// In the catalogue's casing.
    pub(crate) action: String,
    /// As used, fit for a policy; `*` where the action takes no resource of this type.
    pub(crate) resource: String,
    /// `iam:PassRole`: the service.
    pub(crate) passed_to_service: Option<String>,
    pub(crate) evidence: Evidence,
}

impl Grant {
    /// A service as a whole.
    pub(crate) fn of_service(service: &str, evidence: &Evidence) -> Grant {
        let action = format!("{service}:*");
        Grant { action, resource: "*".to_owned(), passed_to_service: None, evidence: evidence.clone() }
    }
}

/// Use that is shown and not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The IAM action, or `eventSource:eventName` where none is known.
    pub action: String,
    /// The resource, as in `usage`.
    pub resource: String,
    /// Why it is not granted, or which rule it was.
    pub reason: String,
    pub evidence: Evidence,
}

/// An action that a used one may need and that leaves no event of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suggestion {
    /// The action that may be needed.
    pub action: String,
    /// The used actions that may need it.
    pub because_of: Vec<String>,
}

/// Rows, sorted out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sifted {
    pub(crate) grants: Vec<Grant>,
    pub(crate) denied: Vec<Shown>,
    pub(crate) undecided: Vec<Shown>,
    pub(crate) unverified: Vec<Shown>,
    pub(crate) excluded: Vec<Shown>,
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Granted { action: String, resource: String, passed_to_service: Option<String> },
    Denied { action: String, reason: String },
    Undecided { action: String, reason: String },
    Unverified { action: String, reason: String },
    Excluded { action: String, reason: String },
}

/// What becomes of `row`; the same for making and for proving.
pub(crate) fn fate(row: &UsageRow, knowledge: &Knowledge) -> Fate {
    let Some(named) = &row.action else {
        let action = format!("{}:{}", row.event_source, row.event_name);
        return Fate::Excluded { action, reason: row.rule.to_string() };
    };
    let canonical = knowledge.canonical(named);
    let action = canonical.unwrap_or(named).to_owned();
    match row.outcome {
        Outcome::Allowed => {}
        Outcome::Denied => return Fate::Denied { action, reason: row.rule.to_string() },
        Outcome::Undecided => return Fate::Undecided { action, reason: row.rule.to_string() },
    }
    if confidence(row) == Confidence::Unverified {
        return Fate::Unverified { action, reason: row.rule.to_string() };
    }
    if canonical.is_none() {
        return Fate::Unverified { action, reason: "the catalogue has no such action".to_owned() };
    }
    if row.principal_arn.contains(":role/aws-service-role/") {
        let reason = "service-linked role: its policy belongs to AWS and cannot be changed".to_owned();
        return Fate::Excluded { action, reason };
    }
    if row.principal_type == "AWSService" {
        let reason = "an AWS service acts for itself: nothing can be attached to it".to_owned();
        return Fate::Excluded { action, reason };
    }
    if action == PASS_ROLE && row.passed_to_service.is_none() {
        let reason = "the service that gets the role is not known, and PassRole is never granted without it".to_owned();
        return Fate::Unverified { action, reason };
    }
    let resource = for_policy(&row.resource);
    let fits = knowledge.takes_resource(&action, &resource);
    let resource = if fits { resource.into_owned() } else { "*".to_owned() };
    let passed_to_service =
        row.passed_to_service.as_deref().filter(|_| action == PASS_ROLE).map(|name| for_policy(name).into_owned());
    Fate::Granted { action, resource, passed_to_service }
}

/// Sorts rows out. The order of rows does not matter.
pub(crate) fn sift(rows: &[UsageRow], knowledge: &Knowledge) -> Sifted {
    let mut sums: BTreeMap<(Fate, &str), Evidence> = BTreeMap::new();
    for row in rows {
        let evidence = Evidence::of(row);
        let fate = fate(row, knowledge);
        let shown = if matches!(fate, Fate::Granted { .. }) { "" } else { row.resource.as_str() };
        match sums.entry((fate, shown)) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(evidence);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().absorb(&evidence),
        }
    }
    let mut sifted = Sifted::default();
    for ((fate, resource), evidence) in sums {
        let shown = |action, reason, evidence| Shown { action, resource: resource.to_owned(), reason, evidence };
        match fate {
            Fate::Granted { action, resource, passed_to_service } => {
                sifted.grants.push(Grant { action, resource, passed_to_service, evidence });
            }
            Fate::Denied { action, reason } => sifted.denied.push(shown(action, reason, evidence)),
            Fate::Undecided { action, reason } => sifted.undecided.push(shown(action, reason, evidence)),
            Fate::Unverified { action, reason } => sifted.unverified.push(shown(action, reason, evidence)),
            Fate::Excluded { action, reason } => sifted.excluded.push(shown(action, reason, evidence)),
        }
    }
    sifted
}
