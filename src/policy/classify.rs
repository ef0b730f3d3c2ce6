//! Which rows are granted, and which are only shown.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::binding::{Binding, Bound, PASS_ROLE, bound};
use super::catalog_view::CatalogView;
use super::ceiling::Home;
use super::evidence::{Evidence, confidence};
use super::names::{Sayable, sayable};
use super::options::Options;
use super::pattern::for_policy;
use crate::iam::Confidence;
use crate::iam::arn::Arn;
use crate::usage::{Outcome, RequestValues, UsageRow};

/// One action used on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// In the catalogue's casing.
    pub(crate) action: String,
    /// As used, fit for a policy; `*` where the action takes no resource of this type.
    pub(crate) resource: String,
    /// The condition that every request behind it met and that closes a hole, such as `iam:PassedToService`.
    pub(crate) binding: Option<Binding>,
    pub(crate) evidence: Evidence,
    /// The statement that it is cut out of, where a policy is cut down.
    pub(crate) home: Option<Home>,
}

impl Grant {
    /// A service as a whole.
    pub(crate) fn of_service(service: &str, evidence: &Evidence) -> Grant {
        let action = format!("{service}:*");
        Grant { action, resource: "*".to_owned(), binding: None, evidence: evidence.clone(), home: None }
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
    /// The events that it is known from.
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
pub(crate) struct Classified {
    pub(crate) grants: Vec<Grant>,
    pub(crate) denied: Vec<Shown>,
    pub(crate) undecided: Vec<Shown>,
    pub(crate) unverified: Vec<Shown>,
    pub(crate) incomplete: Vec<Shown>,
    pub(crate) impossible: Vec<Shown>,
    pub(crate) excluded: Vec<Shown>,
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    Granted {
        action: String,
        resource: String,
    },
    Denied {
        action: String,
        reason: String,
    },
    /// Failed before anybody decided.
    Undecided {
        action: String,
        reason: String,
    },
    Unverified {
        action: String,
        reason: String,
    },
    /// It was needed, and what is known of it does not do for granting it.
    Incomplete {
        action: String,
        resource: String,
        reason: String,
    },
    /// No resource can have the name.
    Impossible {
        action: String,
        reason: String,
    },
    Excluded {
        action: String,
        reason: String,
    },
}

/// What becomes of `row`; the same for making and for proving.
pub(crate) fn fate(row: &UsageRow, knowledge: &CatalogView) -> Fate {
    let Some(named) = &row.action else {
        let action = format!("{}:{}", row.event_source, row.event_name);
        return Fate::Excluded { action, reason: row.rule.to_string() };
    };
    let canonical = knowledge.canonical(named);
    let is_known = canonical.is_some();
    let action = canonical.map_or_else(|| named.to_string(), Cow::into_owned);
    match row.outcome {
        Outcome::Allowed => {}
        Outcome::Denied => return Fate::Denied { action, reason: row.rule.to_string() },
        Outcome::Undecided => return Fate::Undecided { action, reason: row.rule.to_string() },
    }
    if confidence(row) == Confidence::Unverified {
        return Fate::Unverified { action, reason: row.rule.to_string() };
    }
    if !is_known {
        return Fate::Unverified { action, reason: "the catalogue has no such action".to_owned() };
    }
    if let Some(reason) = not_theirs(row) {
        return Fate::Excluded { action, reason: reason.to_owned() };
    }
    if let Sayable::Never(reason) = sayable(&row.resource) {
        return Fate::Impossible { action, reason: reason.to_owned() };
    }
    let resource = for_policy(&row.resource);
    // What an action that takes resources was used on is never made wider, also where the catalogue lacks its type.
    let is_arn = Arn::parse(&resource).is_some();
    let takes_any = knowledge.takes_any_resource(&action);
    if takes_any && !is_arn && resource != "*" {
        let reason = "what the log names is no ARN".to_owned();
        return Fate::Impossible { action, reason };
    }
    let is_kept = takes_any && is_arn || knowledge.takes_resource(&action, &resource);
    let resource = if is_kept { resource.into_owned() } else { "*".to_owned() };
    if row.overflow {
        let reason = "the store counts further resources of this container without their names".to_owned();
        return Fate::Incomplete { action, resource, reason };
    }
    if action == PASS_ROLE && !row.passed_to_service.as_deref().is_some_and(is_service) {
        let reason = format!(
            "{}: no service that gets the role can be named (--pass-role-any-service grants it)",
            row.event_name
        );
        return Fate::Incomplete { action, resource, reason };
    }
    Fate::Granted { action, resource }
}

/// The same, with what the requests told.
pub(crate) fn fate_of_requests(row: &UsageRow, requests: &RequestValues, knowledge: &CatalogView) -> Fate {
    match fate(row, knowledge) {
        Fate::Granted { action, .. } if bound(&action, row, requests) == Bound::Impossible => {
            let reason = "no request of these can have done anything: a parameter has a value that nothing can have";
            Fate::Impossible { action, reason: reason.to_owned() }
        }
        fate => fate,
    }
}

/// Whether a text is a service principal, and nothing else that a condition would read otherwise.
fn is_service(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Why nothing can be attached to the principal.
fn not_theirs(row: &UsageRow) -> Option<&'static str> {
    if row.principal_arn.contains(":role/aws-service-role/") {
        return Some("service-linked role: its policy belongs to AWS and cannot be changed");
    }
    (row.principal_type == "AWSService").then_some("an AWS service acts for itself: nothing can be attached to it")
}

/// One use on its way to a grant: the evidence, and the values of its binding; `None` once a request had none.
pub(crate) struct Use {
    pub(crate) evidence: Evidence,
    pub(crate) binding: Option<Binding>,
}

impl Use {
    /// The use in one row.
    pub(crate) fn of(action: &str, row: &UsageRow, requests: &RequestValues, options: &Options) -> Use {
        let binding = match bound(action, row, requests) {
            Bound::To(binding) => Some(binding).filter(|binding| binding.is_wanted(options)),
            Bound::No | Bound::Impossible => None,
        };
        Use { evidence: Evidence::of(row), binding }
    }
}

/// Sorts rows out. The order of rows does not matter.
pub(crate) fn classify(
    rows: &[UsageRow],
    requests: &RequestValues,
    options: &Options,
    knowledge: &CatalogView<'_>,
) -> Classified {
    let mut uses: BTreeMap<(String, String), Use> = BTreeMap::new();
    let mut others: BTreeMap<(Fate, &str), Evidence> = BTreeMap::new();
    for row in rows {
        match fate_of_requests(row, requests, knowledge) {
            Fate::Granted { action, resource } => {
                let used = Use::of(&action, row, requests, options);
                add(&mut uses, (action, resource), used);
            }
            Fate::Incomplete { action, resource, .. } if options.pass_role_any_service && action == PASS_ROLE => {
                let used = Use { evidence: Evidence::of(row), binding: None };
                add(&mut uses, (action, resource), used);
            }
            fate => {
                let evidence = Evidence::of(row);
                let sum = others.entry((fate, row.resource.as_str()));
                sum.and_modify(|sum| sum.absorb(&evidence)).or_insert(evidence);
            }
        }
    }
    let grant = |((action, resource), used): (_, Use)| {
        let Use { evidence, binding } = used;
        Grant { action, resource, binding, evidence, home: None }
    };
    let mut classified = Classified { grants: uses.into_iter().map(grant).collect(), ..Classified::default() };
    for ((fate, resource), evidence) in others {
        classified.show(fate, resource, evidence);
    }
    classified
}

/// Adds a use to those of the same key.
pub(crate) fn add<K: Ord>(uses: &mut BTreeMap<K, Use>, key: K, used: Use) {
    match uses.entry(key) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(used);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            let sum = entry.get_mut();
            sum.evidence.absorb(&used.evidence);
            sum.binding = sum.binding.take().zip(used.binding).and_then(|(one, other)| one.or(other));
        }
    }
}

impl Classified {
    fn show(&mut self, fate: Fate, resource: &str, evidence: Evidence) {
        let resource = resource.to_owned();
        let (list, action, reason) = match fate {
            Fate::Granted { .. } => return,
            Fate::Denied { action, reason } => (&mut self.denied, action, reason),
            Fate::Undecided { action, reason } => (&mut self.undecided, action, reason),
            Fate::Unverified { action, reason } => (&mut self.unverified, action, reason),
            Fate::Incomplete { action, reason, .. } => (&mut self.incomplete, action, reason),
            Fate::Impossible { action, reason } => (&mut self.impossible, action, reason),
            Fate::Excluded { action, reason } => (&mut self.excluded, action, reason),
        };
        list.push(Shown { action, resource, reason, evidence });
    }

    /// The services of the granted actions.
    pub(crate) fn services(&self) -> BTreeSet<&str> {
        self.grants.iter().filter_map(|grant| grant.action.split(':').next()).collect()
    }
}
