//! The proof: every use that was allowed, evaluated again under a set of policies.
//!
//! What is replayed are the rows that a policy is made from: allowed, certain, and needing a permission. Denied,
//! uncertain and excluded rows are counted apart. A row whose resource is a pattern is allowed only if *all* of the
//! pattern is.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use super::binding::PASS_ROLE;
use super::catalog_view::CatalogView;
use super::classify::{Fate, fate_of_requests};
use super::made::Made;
use super::options::Kind;
use super::pattern::{comparable, escaped};
use super::request_contexts::{RequestContexts, Times};
use crate::iam::Catalog;
use crate::iam::arn::Arn;
use crate::iam::document::{ActionSpec, Effect, Policy, ResourceSpec, Statement};
use crate::iam::evaluate::{Compiled, Level, PolicySet, Request, Verdict};
use crate::usage::{RequestValues, Text, UsageRow};

/// What a replay came to. Events that needed two actions count for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replay {
    /// Events allowed.
    pub allowed: u64,
    /// Events denied though they were allowed.
    pub denied: u64,
    /// Events for which a log cannot tell.
    pub depends: u64,
    /// Events not replayed: denied at the time.
    pub were_denied: u64,
    /// Events not replayed: they failed before anybody decided.
    pub undecided: u64,
    /// Events not replayed: their action is not certain.
    pub unverified: u64,
    /// Events not replayed: what is known of them does not do for asking.
    pub incomplete: u64,
    /// Events not replayed: no resource can have the name.
    pub impossible: u64,
    /// Events not replayed: they need no permission, or not the principal's.
    pub excluded: u64,
    /// What is denied or depends, the most frequent first.
    pub groups: Vec<Group>,
    /// Rows in no group, because groups took all the memory that there is for them.
    pub ungrouped: u64,
    /// Memory of all groups, about; also of those for which there was none.
    pub groups_bytes: u64,
}

/// Uses of one action on one resource that are not allowed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The action: `s3:GetObject`.
    pub action: String,
    /// The resource, as in `usage`.
    pub resource: String,
    /// Why it is not allowed.
    pub fate: GroupFate,
    /// How many events.
    pub events: u64,
    /// Microseconds since 1970-01-01 UTC.
    pub first_time_us: i64,
    /// `eventID` of one of them.
    pub example_event_id: Text,
    /// One of the principals.
    pub principal: Text,
}

/// Why a use is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupFate {
    /// No statement of this kind of policy allows it.
    Denied(&'static str),
    /// This statement forbids it: kind of policy, and its Sid or number.
    Forbidden(&'static str, String),
    /// It depends on these condition keys, or on which resource is meant.
    Depends(Vec<String>),
}

impl Replay {
    /// Nothing that was allowed would be denied.
    pub fn holds(&self) -> bool {
        self.denied == 0
    }

    fn uncounted(&mut self, fate: &Fate) -> &mut u64 {
        match fate {
            Fate::Denied { .. } => &mut self.were_denied,
            Fate::Undecided { .. } => &mut self.undecided,
            Fate::Unverified { .. } => &mut self.unverified,
            Fate::Incomplete { .. } => &mut self.incomplete,
            Fate::Impossible { .. } => &mut self.impossible,
            Fate::Granted { .. } | Fate::Excluded { .. } => &mut self.excluded,
        }
    }

    /// Everything that was allowed is sure to be allowed.
    pub fn is_proof(&self) -> bool {
        self.denied == 0 && self.depends == 0
    }
}

/// The set in which a policy that was made is to be judged: what its kind leaves to others is allowed there.
pub fn policy_set(made: &Made) -> PolicySet {
    let documents: Vec<Policy> = made.documents.iter().map(|document| document.policy.clone()).collect();
    set_of(made.kind, documents)
}

/// Documents of one kind, alone.
pub fn set_of(kind: Kind, mut documents: Vec<Policy>) -> PolicySet {
    let everything = || vec![allow_everything()];
    match kind {
        Kind::Identity | Kind::PermissionSet => PolicySet::of_identity(documents),
        Kind::Scp => PolicySet { identity: everything(), scps: vec![documents], ..PolicySet::default() },
        Kind::Session => PolicySet { identity: everything(), session: documents, ..PolicySet::default() },
        Kind::Boundary => PolicySet { identity: everything(), boundary: documents.pop(), ..PolicySet::default() },
    }
}

/// `Allow * on *`.
pub fn allow_everything() -> Policy {
    let star = || vec!["*".to_owned()];
    Policy::new(vec![Statement::new(Effect::Allow, ActionSpec::Action(star()), ResourceSpec::Resource(star()))])
}

/// A row as a request, or why it is none.
pub(crate) enum Asked<'a> {
    Request { action: String, resource: String, told: RequestContexts<'a> },
    Not(Fate),
}

/// What it takes to make requests of rows.
pub(crate) struct Asking<'a> {
    knowledge: &'a CatalogView<'a>,
    requests: &'a RequestValues,
    times: Times,
    any_service: bool,
}

impl<'a> Asking<'a> {
    /// For asking `policies`.
    pub(crate) fn new(policies: &PolicySet, requests: &'a RequestValues, knowledge: &'a CatalogView<'a>) -> Asking<'a> {
        Asking { knowledge, requests, times: Times::of(policies), any_service: false }
    }

    /// Asks for roles of which no event tells which service got them, too.
    pub(crate) fn with_any_service(self) -> Asking<'a> {
        Asking { any_service: true, ..self }
    }
}

/// The request that a row tells of.
pub(crate) fn asked<'a>(row: &'a UsageRow, ask: &Asking<'a>) -> Asked<'a> {
    let knowledge = ask.knowledge;
    match fate_of_requests(row, ask.requests, knowledge) {
        Fate::Granted { action, resource } => {
            // An action that takes resources, used on one that the log does not tell, was used on some ARN.
            let is_open = resource == "*" && knowledge.takes_any_resource(&action);
            let resource = if is_open { "arn:*".to_owned() } else { resource };
            Asked::Request { action, resource, told: RequestContexts::of(row, ask.requests, &ask.times) }
        }
        // What a container holds besides is asked for as a whole.
        Fate::Incomplete { action, resource, .. } if row.overflow || ask.any_service && action == PASS_ROLE => {
            Asked::Request { action, resource, told: RequestContexts::of(row, ask.requests, &ask.times) }
        }
        other => Asked::Not(other),
    }
}

/// Replays rows under policies.
pub fn replay(policies: &PolicySet, rows: &[UsageRow], catalog: &Catalog) -> Replay {
    replay_with(policies, rows, &RequestValues::default(), catalog)
}

/// The same, with what the requests behind the rows told of condition keys.
pub fn replay_with(policies: &PolicySet, rows: &[UsageRow], requests: &RequestValues, catalog: &Catalog) -> Replay {
    let rows = rows.iter().map(Ok::<_, Infallible>);
    let Ok(replay) = replay_each(policies, rows, requests, u64::MAX, catalog);
    replay
}

/// The same of rows that come one after the other, up to the first that does not. Groups take no more than so many bytes:
/// the counts are of all rows, [`Replay::ungrouped`] says how many found no room in a group.
///
/// # Errors
/// Those of the rows.
pub fn replay_each<R: Borrow<UsageRow>, E>(
    policies: &PolicySet,
    rows: impl IntoIterator<Item = Result<R, E>>,
    requests: &RequestValues,
    groups_bytes_max: u64,
    catalog: &Catalog,
) -> Result<Replay, E> {
    let knowledge = CatalogView::new(catalog);
    replay_within(policies, rows, &Asking::new(policies, requests, &knowledge), groups_bytes_max)
}

/// The same, with a word on what is asked for.
pub(crate) fn replay_asking<R: Borrow<UsageRow>, E>(
    policies: &PolicySet,
    rows: impl IntoIterator<Item = Result<R, E>>,
    asking: &Asking<'_>,
) -> Result<Replay, E> {
    replay_within(policies, rows, asking, u64::MAX)
}

fn replay_within<R: Borrow<UsageRow>, E>(
    policies: &PolicySet,
    rows: impl IntoIterator<Item = Result<R, E>>,
    asking: &Asking<'_>,
    groups_bytes_max: u64,
) -> Result<Replay, E> {
    let compiled = Compiled::new(policies);
    let witness = Witness::of(policies);
    let mut replay = Replay::default();
    let mut groups = Groups { bytes_max: groups_bytes_max, ..Groups::default() };
    for row in rows {
        let row = row?;
        let row = row.borrow();
        let (action, resource, told) = match asked(row, asking) {
            Asked::Request { action, resource, told } => (action, resource, told),
            Asked::Not(fate) => {
                *replay.uncounted(&fate) += row.event_count;
                continue;
            }
        };
        let ask =
            |resource: &str| told.verdict(|context| compiled.evaluate(&Request { action: &action, resource, context }));
        let stand_in = witness.as_ref().and_then(|witness| witness.stand_in(&resource));
        if stand_in.is_some_and(|resource| ask(&resource).is_allowed()) {
            replay.allowed += row.event_count;
            continue;
        }
        match not_allowed(ask(&resource), policies) {
            None => replay.allowed += row.event_count,
            Some(fate) => {
                match &fate {
                    GroupFate::Depends(_) => replay.depends += row.event_count,
                    _ => replay.denied += row.event_count,
                }
                groups.note((fate, action, resource), row);
            }
        }
    }
    (replay.ungrouped, replay.groups_bytes) = (groups.left_out, groups.bytes);
    replay.groups = groups.all.into_iter().map(Sum::of_key).collect();
    replay.groups.sort_by(|a, b| {
        let order = |group: &Group| (matches!(group.fate, GroupFate::Depends(_)), std::cmp::Reverse(group.events));
        order(a).cmp(&order(b)).then_with(|| (&a.action, &a.resource).cmp(&(&b.action, &b.resource)))
    });
    Ok(replay)
}

/// A quick proof that all of a pattern is allowed: one resource stands in for it.
///
/// Each wildcard becomes a run of a character that no policy can hold, longer than all `?` of any pattern there is:
/// only a `*` of a policy's pattern can match such a run, and it then matches whatever else could stand there. So
/// where the stand-in is allowed, and nothing in the policies denies or excepts resources, all of the pattern is
/// allowed. Anything else is asked in full.
struct Witness {
    run: String,
}

/// A private character: not among those that policies may hold.
const STAND_IN: char = '\u{e000}';

impl Witness {
    fn of(policies: &PolicySet) -> Option<Witness> {
        let lists = policies.scps.iter().chain(&policies.rcps).flatten();
        let others = policies.identity.iter().chain(&policies.boundary).chain(&policies.session);
        let mut longest = 0;
        for statement in lists.chain(others).flat_map(|policy| &policy.statements) {
            let ResourceSpec::Resource(patterns) = &statement.resources else { return None };
            if statement.effect == Effect::Deny || patterns.iter().any(|pattern| pattern.contains(STAND_IN)) {
                return None;
            }
            longest = patterns.iter().map(|pattern| pattern.matches('?').count()).fold(longest, usize::max);
        }
        Some(Witness { run: STAND_IN.to_string().repeat(longest + 1) })
    }

    /// `None` if the resource has no wildcards, or some before the fifth colon, where they keep to their segment.
    fn stand_in(&self, resource: &str) -> Option<String> {
        let arn = Arn::parse(resource)?;
        let (head, _) = resource.split_at_checked(resource.len() - arn.resource.len())?;
        let readable = comparable(arn.resource);
        if head.contains(['*', '?']) || !readable.contains(['*', '?']) {
            return None;
        }
        let replaced = readable.replace('*', &self.run).replace('?', STAND_IN.encode_utf8(&mut [0; 4]));
        Some(format!("{head}{}", escaped(&replaced)))
    }
}

fn not_allowed(verdict: Verdict, policies: &PolicySet) -> Option<GroupFate> {
    match verdict {
        Verdict::Allowed { .. } => None,
        Verdict::Denied { explicit: None, by } => Some(GroupFate::Denied(by.as_str())),
        Verdict::Denied { explicit: Some(place), by } => {
            Some(GroupFate::Forbidden(by.as_str(), statement_name(policies, place)))
        }
        Verdict::Depends { mut keys, on_resource } => {
            if on_resource {
                keys.push("which resource is meant".to_owned());
            }
            Some(GroupFate::Depends(keys))
        }
    }
}

/// Why, which action, on what.
type GroupKey = (GroupFate, String, String);

/// Groups on their way, within the memory that there is for them.
#[derive(Default)]
struct Groups {
    all: BTreeMap<GroupKey, Sum>,
    /// What all take, and those for which there is none.
    bytes: u64,
    bytes_max: u64,
    left_out: u64,
}

/// What a group came to.
struct Sum {
    events: u64,
    first_time_us: i64,
    example_event_id: Text,
    principal: Text,
}

impl Groups {
    fn note(&mut self, key: GroupKey, row: &UsageRow) {
        if let Some(sum) = self.all.get_mut(&key) {
            return sum.add(row);
        }
        // The nodes of the map are two thirds full, and each text has a head of the allocator's.
        let texts = key.1.len() + key.2.len() + row.example_event_id.len() + row.principal_arn.len() + 4 * 16;
        self.bytes += ((size_of::<GroupKey>() + size_of::<Sum>()) * 3 / 2 + texts) as u64;
        if self.bytes > self.bytes_max {
            self.left_out += 1;
            return;
        }
        let (events, first_time_us) = (row.event_count, row.first_time_us);
        let (example_event_id, principal) = (row.example_event_id.clone(), row.principal_arn.clone());
        self.all.insert(key, Sum { events, first_time_us, example_event_id, principal });
    }
}

impl Sum {
    fn add(&mut self, row: &UsageRow) {
        self.events += row.event_count;
        if (row.first_time_us, &row.example_event_id) < (self.first_time_us, &self.example_event_id) {
            self.first_time_us = row.first_time_us;
            self.example_event_id.clone_from(&row.example_event_id);
            self.principal.clone_from(&row.principal_arn);
        }
    }

    fn of_key(((fate, action, resource), sum): (GroupKey, Sum)) -> Group {
        let Sum { events, first_time_us, example_event_id, principal } = sum;
        Group { action, resource, fate, events, first_time_us, example_event_id, principal }
    }
}

fn statement_name(policies: &PolicySet, place: crate::iam::evaluate::StatementRef) -> String {
    let sid = policies.statement(place).and_then(|(_, statement)| statement.sid.clone());
    sid.unwrap_or_else(|| match place.level {
        Level::Boundary => format!("statement {}", place.statement + 1),
        _ => format!("policy {}, statement {}", place.policy + 1, place.statement + 1),
    })
}
