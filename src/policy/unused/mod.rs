//! What roles and users may do and never did: the output of `aws iam get-account-authorization-details` against usage.
//!
//! What an entity is granted are the actions of the catalogue that its policies allow on some resource and under some
//! condition, that none of them denies outright, and that its boundary leaves to it. Service control policies and
//! resource policies are not in the file and not looked at.

mod details;

use std::collections::{BTreeMap, BTreeSet, HashSet};

pub use details::{Details, DetailsError, Entity, EntityKind, Identity, Page, pages};

use super::catalog_view::{Access, CatalogView};
use super::classify::{Fate, fate};
use super::narrow::UnusedAction;
use super::privilege_escalation;
use super::replay::{Asked, Asking, asked};
use crate::iam::Catalog;
use crate::iam::arn::Arn;
use crate::iam::document::Policy;
use crate::iam::evaluate::{Compiled, PolicySet, Request, Verdict};
use crate::usage::{DataSight, RequestValues, TimeRange, UsageRow};

/// What of one role or user was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityUse {
    /// ARN of the role or user.
    pub arn: String,
    /// Which of the two it is.
    pub kind: EntityKind,
    /// Events in the window, of any outcome.
    pub events: u64,
    /// Time of the last event, microseconds since 1970-01-01 UTC; `None` if there is none: the entity is unused.
    pub last_time_us: Option<i64>,
    /// When IAM itself says that a role was last used, if that is in the window and later than the last event: what it
    /// did then is not in the store.
    pub iam_last_used_us: Option<i64>,
    /// Actions granted.
    pub granted: usize,
    /// Granted actions whose use could not have been seen, and of which nothing is said: their calls are data events, of
    /// which there are none, or of some resources alone.
    pub unseen: Vec<String>,
    /// Granted actions that were used.
    pub used: usize,
    /// Granted actions that were not used, by access level.
    pub unused_by_access: BTreeMap<Access, usize>,
    /// Services of which nothing was used.
    pub unused_services: Vec<UnusedService>,
    /// Unused actions of services of which something was used, the riskiest first.
    pub unused_actions: Vec<UnusedAction>,
    /// Unused actions, of any service, that open a way to more.
    pub escalations: Vec<UnusedAction>,
    /// Policies under which nothing was used.
    pub unused_policies: Vec<String>,
    /// Policies that are attached and whose text the file does not hold.
    pub missing_policies: Vec<String>,
}

/// A service of which an entity used nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedService {
    /// Its prefix in actions: `s3`.
    pub service: String,
    /// Actions granted of it.
    pub actions: usize,
    /// The highest access level among them.
    pub access: Option<Access>,
}

impl EntityUse {
    /// Nothing says that anybody was it in the window.
    pub fn is_idle(&self) -> bool {
        self.last_time_us.is_none() && self.iam_last_used_us.is_none()
    }

    /// Actions granted and not used: the size of the cut.
    pub fn unused(&self) -> usize {
        self.granted - self.used - self.unseen.len()
    }

    /// The riskier comes first: ways to more, then the access levels from the highest down, then the name.
    fn rank(&self) -> impl Ord + '_ {
        use std::cmp::Reverse;
        let of = |access: Access| Reverse(self.unused_by_access.get(&access).copied().unwrap_or(0));
        let levels =
            [Access::PermissionsManagement, Access::Write, Access::Tagging, Access::Read, Access::List].map(of);
        (Reverse(self.escalations.len()), levels, &self.arn)
    }
}

/// Compares every role and user of `details` with what the rows say was used, the riskiest first.
///
/// `sight`: which data events could be seen.
pub fn unused(
    details: &Details,
    rows: &[UsageRow],
    range: &TimeRange,
    sight: &DataSight,
    catalog: &Catalog,
) -> Vec<EntityUse> {
    let knowledge = CatalogView::new(catalog);
    let all = knowledge.all();
    let mut of_principal: BTreeMap<Name<'_>, Vec<&UsageRow>> = BTreeMap::new();
    for row in rows {
        if let Some(name) = name(&row.principal_arn) {
            of_principal.entry(name).or_default().push(row);
        }
    }
    let none = Vec::new();
    let mut uses: Vec<EntityUse> = Vec::with_capacity(details.entities.len());
    for entity in &details.entities {
        let rows = name(&entity.arn).and_then(|name| of_principal.get(&name)).unwrap_or(&none);
        let account_id = Arn::parse(&entity.arn).map_or("", |arn| arn.account);
        let is_seen = |action: &str| sight.shows(account_id, action, range);
        uses.push(entity_use(entity, rows, &all, &knowledge, &is_seen));
    }
    for entity in &mut uses {
        entity.iam_last_used_us = entity.iam_last_used_us.filter(|used| range.contains(*used));
    }
    uses.sort_by(|a, b| a.rank().cmp(&b.rank()));
    uses
}

/// Account, `role` or `user`, and name.
pub type Name<'a> = (&'a str, &'a str, &'a str);

/// The names of the roles and users: of anybody else no use matters.
pub fn names(details: &Details) -> HashSet<Name<'_>> {
    details.entities.iter().filter_map(|entity| name(&entity.arn)).collect()
}

/// Not every record holds a role's path; within an account the name alone is single (IAM User Guide, "IAM
/// identifiers").
pub fn name(arn: &str) -> Option<Name<'_>> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    let (kind, path) = arn.resource.split_once('/')?;
    Some((arn.account, kind, path.rsplit('/').next()?))
}

/// IAM dates the use of a role with some delay, and not to the second.
const LATER_US: i64 = 86_400_000_000;

fn entity_use(
    entity: &Entity,
    rows: &[&UsageRow],
    all: &[&str],
    knowledge: &CatalogView<'_>,
    is_seen: &dyn Fn(&str) -> bool,
) -> EntityUse {
    let granted = granted(entity, all);
    let policies = entity.identity.iter().map(|identity| identity.policy.clone()).collect();
    let told = RequestValues::default();
    let asking = Asking::new(&PolicySet::of_identity(policies), &told, knowledge);
    let requests: Vec<Asked> = rows.iter().map(|row| asked(row, &asking)).collect();
    let used: BTreeSet<&str> = requests
        .iter()
        .filter_map(|asked| match asked {
            Asked::Request { action, .. } | Asked::Not(Fate::Incomplete { action, .. }) => {
                granted.get(action.as_str()).copied()
            }
            Asked::Not(_) => None,
        })
        .collect();
    let mut by_service: BTreeMap<&str, Vec<UnusedAction>> = BTreeMap::new();
    let (unused, unseen): (Vec<&str>, Vec<&str>) = granted.difference(&used).partition(|action| is_seen(action));
    for action in &unused {
        let service = action.split(':').next().unwrap_or_default();
        let (access, escalation) = (knowledge.access(action), privilege_escalation::escalation(action));
        by_service.entry(service).or_default().push(UnusedAction { action: (*action).to_owned(), access, escalation });
    }
    let last_time_us = rows.iter().map(|row| row.last_time_us).max();
    let mut result = EntityUse {
        arn: entity.arn.clone(),
        kind: entity.kind,
        events: rows.iter().fold(0, |sum, row| sum.saturating_add(row.event_count)),
        last_time_us,
        iam_last_used_us: entity
            .iam_last_used_us
            .filter(|used| last_time_us.is_none_or(|last| *used > last + LATER_US)),
        granted: granted.len(),
        unseen: unseen.into_iter().map(str::to_owned).collect(),
        used: used.len(),
        unused_by_access: BTreeMap::new(),
        unused_services: Vec::new(),
        unused_actions: Vec::new(),
        escalations: Vec::new(),
        unused_policies: unused_policies(&entity.identity, &requests),
        missing_policies: entity.missing_policies.clone(),
    };
    for (service, actions) in by_service {
        for action in &actions {
            if let Some(access) = action.access {
                *result.unused_by_access.entry(access).or_default() += 1;
            }
            if action.escalation.is_some() {
                result.escalations.push(action.clone());
            }
        }
        if used.iter().any(|action| action.split(':').next() == Some(service)) {
            result.unused_actions.extend(actions);
        } else {
            let access = actions.iter().filter_map(|action| action.access).max();
            let service = service.to_owned();
            result.unused_services.push(UnusedService { service, actions: actions.len(), access });
        }
    }
    let risk = |action: &UnusedAction| (action.escalation.is_none(), std::cmp::Reverse(action.access));
    result.unused_actions.sort_by(|a, b| risk(a).cmp(&risk(b)).then_with(|| a.action.cmp(&b.action)));
    result.unused_services.sort_by(|a, b| b.access.cmp(&a.access).then_with(|| a.service.cmp(&b.service)));
    result
}

fn granted<'a>(entity: &Entity, all: &[&'a str]) -> BTreeSet<&'a str> {
    let identity = entity.identity.iter().map(|identity| identity.policy.clone()).collect();
    granted_of(&PolicySet { identity, boundary: entity.boundary.clone(), ..PolicySet::default() }, all)
}

/// The actions that a set of policies grants: identity policies allow them, and so do the boundary and each level of
/// control policies, on some resource and under some condition. What a session policy takes away is granted.
pub fn granted_actions<'c>(set: &PolicySet, catalog: &'c Catalog) -> BTreeSet<&'c str> {
    granted_of(set, &CatalogView::new(catalog).all())
}

fn granted_of<'a>(set: &PolicySet, all: &[&'a str]) -> BTreeSet<&'a str> {
    let of = |policies: &[Policy], among: &[&'a str]| -> Vec<&'a str> {
        Compiled::new(&PolicySet::of_identity(policies.to_vec())).granted(among.iter().copied())
    };
    let mut granted = of(&set.identity, all);
    for limit in set.boundary.iter().map(std::slice::from_ref).chain(set.scps.iter().map(Vec::as_slice)) {
        granted = of(limit, &granted);
    }
    granted.into_iter().collect()
}

/// The actions of the catalogue that rows used, also those of which too little is known to grant them.
pub fn used_actions<'c>(rows: &[UsageRow], catalog: &'c Catalog) -> BTreeSet<&'c str> {
    let knowledge = CatalogView::new(catalog);
    let used = rows.iter().filter_map(|row| match fate(row, &knowledge) {
        Fate::Granted { action, .. } | Fate::Incomplete { action, .. } => knowledge.catalogued(&action),
        _ => None,
    });
    used.collect()
}

/// The policies of a list under which nothing of the rows was allowed.
pub fn never_needed(policies: &[Identity], rows: &[UsageRow], catalog: &Catalog) -> Vec<String> {
    let knowledge = CatalogView::new(catalog);
    let set = PolicySet::of_identity(policies.iter().map(|identity| identity.policy.clone()).collect());
    let told = RequestValues::default();
    let asking = Asking::new(&set, &told, &knowledge);
    let requests: Vec<Asked> = rows.iter().map(|row| asked(row, &asking)).collect();
    unused_policies(policies, &requests)
}

/// Policies that allow nothing of what was used, nor may have. One that only denies is needed.
fn unused_policies(policies: &[Identity], requests: &[Asked<'_>]) -> Vec<String> {
    use crate::iam::document::Effect;
    let is_unused = |identity: &&Identity| {
        let compiled = Compiled::new(&PolicySet::of_identity(vec![identity.policy.clone()]));
        let allows = identity.policy.statements.iter().any(|statement| statement.effect == Effect::Allow);
        allows
            && requests.iter().all(|asked| match asked {
                Asked::Request { action, resource, told } => {
                    let ask = |context: &_| compiled.evaluate(&Request { action, resource, context });
                    !told.any(ask, |verdict| !matches!(verdict, Verdict::Denied { explicit: None, .. }))
                }
                Asked::Not(_) => true,
            })
    };
    policies.iter().filter(is_unused).map(|identity| identity.name.clone()).collect()
}
