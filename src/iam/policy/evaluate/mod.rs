//! IAM's evaluation logic: is a request allowed by a set of policies?
//!
//! IAM User Guide, "Policy evaluation logic" (`reference_policies_evaluation-logic`): an explicit deny in any policy
//! overrides everything; without one, every kind of policy that is present must allow the request: identity policies,
//! the permissions boundary, each level of service control policies, session policies. What nobody allows is denied.
//!
//! A log does not hold every condition key. What is not known is [`ContextValue::Unknown`], and truth has three
//! values: a verdict is `Allowed` or `Denied` only if it is the same whatever the unknown turn out to be, and
//! [`Verdict::Depends`] otherwise. Resource policies are not evaluated.

mod action;
mod cases;
mod condition;
mod containment;
mod context;
mod engine;
mod glob;
mod operator;
mod prefix;
mod statement;
mod trust;
mod value;
mod variable;

pub use action::{ActionMatcher, covers_action};
pub use context::{Context, ContextValue};
pub use engine::Compiled;
pub use glob::Coverage;
pub use trust::{Caller, TrustPolicy, TrustVerdict};

use crate::iam::policy::document::{Policy, Statement};
use glob::{Glob, Kind};
use variable::{Resolved, Template};

/// The policies that bear on one principal. Who gathers them leaves out what does not apply: control policies for the
/// management account and for service-linked roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySet {
    /// Attached and inline policies of the user, its groups, or the role.
    pub identity: Vec<Policy>,
    /// The permissions boundary of the user or role; `None` where it has none.
    pub boundary: Option<Policy>,
    /// Service control policies: one list for each level (root, organizational units, account); each level must allow.
    pub scps: Vec<Vec<Policy>>,
    /// Resource control policies, by level as well. They only deny; `RCPFullAWSAccess` need not be among them.
    pub rcps: Vec<Vec<Policy>>,
    /// Policies passed with the session; none means that the session is not narrowed.
    pub session: Vec<Policy>,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `s3:GetObject`, in any case.
    pub action: &'a str,
    /// - A concrete ARN.
    /// - `*` for an action that has no resource: only `Resource` patterns that match everything match it.
    /// - A pattern of ARNs that the log no longer tells apart. It is allowed only if all of it is; if some of it is, the
    ///   verdict depends on the resource. For an action whose resource is not known at all this is `arn:*`.
    ///
    /// Names out of a log may hold wildcards themselves: they are written `${*}`, `${?}` and `${$}`, as in a policy.
    /// Nothing else is a variable here.
    pub resource: &'a str,
    /// What is known of the condition keys.
    pub context: &'a Context,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every kind of policy that is present allows it, and none denies it.
    Allowed {
        /// A statement of the identity policies that allows it; always the same one for the same policies.
        statement: StatementRef,
    },
    /// It is denied.
    Denied {
        /// The statement that denies it; `None` if nobody at the level allows it.
        explicit: Option<StatementRef>,
        /// The kind of policy that denies it, or that does not allow it.
        by: Level,
    },
    /// Both are possible.
    Depends {
        /// Condition keys and variables that decide, as the policies spell them, sorted; none twice.
        keys: Vec<String>,
        /// It also depends on which resource of the request's pattern is meant.
        on_resource: bool,
    },
}

/// A kind of policy in a [`PolicySet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Resource control policies.
    Rcp,
    /// Service control policies.
    Scp,
    /// Identity policies.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// Session policies.
    Session,
}

/// Where a statement stands in a [`PolicySet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatementRef {
    /// The kind of policy.
    pub level: Level,
    /// Which list of `scps` or `rcps`; 0 for the other levels.
    pub group: usize,
    /// Which policy of the list.
    pub policy: usize,
    /// Which statement of the policy.
    pub statement: usize,
}

/// Evaluates one request. For many, compile the set once: [`Compiled::new`].
pub fn evaluate(policies: &PolicySet, request: &Request<'_>) -> Verdict {
    Compiled::new(policies).evaluate(request)
}

/// Whether a policy's `Resource` pattern matches all, some or none of what `resource` stands for: an ARN or a pattern of
/// ARNs, written as in [`Request::resource`]. A pattern with variables never matches all: their values are not known.
pub fn covers_resource(pattern: &str, resource: &str) -> Coverage {
    let inner = Glob::from_pieces(&variable::escaped(resource), Kind::Arn);
    let template = Template::new(pattern);
    let nothing_known = Context::new();
    let (outer, unknown) = match template.as_ref().map(|template| template.resolve(&nothing_known)) {
        None => (Glob::new(pattern, Kind::Arn), false),
        Some(Resolved::Pieces(pieces)) => (Glob::from_pieces(&pieces, Kind::Arn), false),
        Some(Resolved::Unknown(pieces)) => (Glob::from_pieces(&pieces, Kind::Arn), true),
        Some(Resolved::Unresolvable) => return Coverage::None,
    };
    match outer.covers(&inner) {
        Coverage::All if unknown => Coverage::Some,
        coverage => coverage,
    }
}

impl Verdict {
    /// Whether it is [`Verdict::Allowed`], whatever the unknown keys turn out to be.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Verdict::Allowed { .. })
    }
}

impl Level {
    /// What a report calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Rcp => "resource control policy",
            Level::Scp => "service control policy",
            Level::Identity => "identity policy",
            Level::Boundary => "permissions boundary",
            Level::Session => "session policy",
        }
    }
}

impl PolicySet {
    /// Only identity policies.
    pub fn of_identity(identity: Vec<Policy>) -> PolicySet {
        PolicySet { identity, ..PolicySet::default() }
    }

    /// The policies of the set by level and group.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (Level, usize, &[Policy])> {
        let by_level = |level: Level, groups: &'_ [Vec<Policy>]| -> Vec<(Level, usize)> {
            (0..groups.len()).map(|group| (level, group)).collect()
        };
        let mut places = by_level(Level::Rcp, &self.rcps);
        places.extend(by_level(Level::Scp, &self.scps));
        places.push((Level::Identity, 0));
        places.extend(self.boundary.iter().map(|_| (Level::Boundary, 0)));
        if !self.session.is_empty() {
            places.push((Level::Session, 0));
        }
        places.into_iter().map(|(level, group)| (level, group, self.group(level, group)))
    }

    fn group(&self, level: Level, group: usize) -> &[Policy] {
        match level {
            Level::Rcp => self.rcps.get(group).map_or(&[], Vec::as_slice),
            Level::Scp => self.scps.get(group).map_or(&[], Vec::as_slice),
            Level::Identity => &self.identity,
            Level::Boundary => self.boundary.as_slice(),
            Level::Session => &self.session,
        }
    }

    /// The policy and the statement that a verdict names.
    pub fn statement(&self, place: StatementRef) -> Option<(&Policy, &Statement)> {
        let policy = self.group(place.level, place.group).get(place.policy)?;
        Some((policy, policy.statements.get(place.statement)?))
    }
}

/// Three-valued truth; `and` is the lesser, `or` the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    False,
    Unknown,
    True,
}

impl Truth {
    fn not(self) -> Truth {
        match self {
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
            Truth::True => Truth::False,
        }
    }
}

impl From<bool> for Truth {
    fn from(truth: bool) -> Truth {
        if truth { Truth::True } else { Truth::False }
    }
}
