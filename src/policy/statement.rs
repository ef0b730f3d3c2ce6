//! Grants → statements for people: by service, reading and writing apart, actions of the same resources together.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_view::Class;
use super::ceiling::Carried;
use super::classify::Grant;
use super::condition::{Conditions, to_block};
use super::evidence::Evidence;
use super::pattern::{covers, without_covered};
use crate::iam::arn::Arn;
use crate::iam::document::{ActionSpec, Effect, ResourceSpec, Statement};
use crate::iam::evaluate::covers_action;

/// A statement on its way: what it allows, and which grants it rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Draft {
    pub(crate) service: String,
    pub(crate) class: Class,
    /// Actions, or action patterns.
    pub(crate) actions: BTreeSet<String>,
    pub(crate) resources: BTreeSet<String>,
    pub(crate) conditions: Conditions,
    /// Indexes of grants.
    pub(crate) grants: BTreeSet<usize>,
    /// It was cut to fit: some of the grants went elsewhere.
    pub(crate) is_part: bool,
}

/// One action with everything it may be used on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) action: String,
    pub(crate) class: Class,
    pub(crate) resources: Reached,
    pub(crate) conditions: Conditions,
}

/// Resources, each with the grants that it comes from.
pub(crate) type Reached = BTreeMap<String, BTreeSet<usize>>;

/// Adds grants to those of a resource.
pub(crate) fn reach(reached: &mut Reached, resource: String, grants: impl IntoIterator<Item = usize>) {
    reached.entry(resource).or_default().extend(grants);
}

/// Leaves out every resource that another one covers, which then rests on its grants as well.
pub(crate) fn without_covered_resources(reached: Reached) -> Reached {
    let kept = without_covered(reached.keys().cloned().collect());
    if kept.len() == reached.len() {
        return reached;
    }
    let (mut kept, covered): (Reached, Reached) =
        reached.into_iter().partition(|(resource, _)| kept.contains(resource));
    let wide: Vec<String> = kept.keys().filter(|pattern| pattern.contains(['*', '?'])).cloned().collect();
    for (resource, grants) in covered {
        if let Some(outer) = wide.iter().find(|outer| covers(outer, &resource)) {
            reach(&mut kept, outer.clone(), grants);
        }
    }
    kept
}

impl Draft {
    /// The statement, with its name.
    pub(crate) fn to_statement(&self, sid: String) -> Statement {
        let actions = ActionSpec::Action(self.actions.iter().cloned().collect());
        let excepted = &self.conditions.carried.not_resources;
        let resources = match excepted.as_slice() {
            [] => ResourceSpec::Resource(self.resources.iter().cloned().collect()),
            _ => ResourceSpec::NotResource(excepted.clone()),
        };
        let condition = to_block(&self.conditions);
        Statement { sid: Some(sid), condition, ..Statement::new(Effect::Allow, actions, resources) }
    }

    /// Characters of the statement, its name not counted.
    pub(crate) fn size(&self) -> usize {
        let quoted = |texts: &BTreeSet<String>| texts.iter().map(|t| json_chars(t) + 1).sum::<usize>();
        let own = self.conditions.own.iter();
        let own: usize = own.map(|((op, key), values)| op.len() + key.len() + 16 + quoted(values)).sum();
        quoted(&self.actions) + quoted(&self.resources) + own + self.conditions.carried.size() + 60
    }

    /// What the statement rests on.
    pub(crate) fn evidence(&self, grants: &[Grant]) -> Option<Evidence> {
        let of = || self.grants.iter().filter_map(|index| grants.get(*index));
        let held = of().filter(|grant| !self.is_part || self.holds(grant));
        Evidence::sum(held.map(|grant| &grant.evidence)).or_else(|| Evidence::sum(of().map(|grant| &grant.evidence)))
    }

    fn holds(&self, grant: &Grant) -> bool {
        self.actions.iter().any(|pattern| covers_action(pattern, &grant.action))
            && self.resources.iter().any(|pattern| covers(pattern, &grant.resource))
    }
}

impl Carried {
    /// Characters in a statement, about.
    fn size(&self) -> usize {
        let quoted = |texts: &[String]| texts.iter().map(|text| json_chars(text) + 1).sum::<usize>();
        let tests = self.conditions.iter().map(|(op, key, values)| op.len() + key.len() + 16 + quoted(values));
        tests.sum::<usize>() + quoted(&self.not_resources)
    }
}

/// Bytes of a JSON string with its quotes.
fn json_chars(text: &str) -> usize {
    2 + text.len() + text.matches(['"', '\\']).count()
}

/// Statements that allow exactly what `reaches` say, in the shorter of two ways: by action (each action once, with all
/// its resources) or by resource (each resource once, with all its actions).
pub(crate) fn group(service: &str, reaches: Vec<Reach>) -> Vec<Draft> {
    let mut apart: BTreeMap<(Class, Conditions), Vec<Reach>> = BTreeMap::new();
    for reach in reaches {
        apart.entry((reach.class, reach.conditions.clone())).or_default().push(reach);
    }
    let mut drafts = Vec::new();
    for ((class, conditions), reaches) in apart {
        let draft = |actions, resources, grants| Draft {
            service: service.to_owned(),
            class,
            actions,
            resources,
            conditions: conditions.clone(),
            grants,
            is_part: false,
        };
        let (simple, mixed): (Vec<Reach>, Vec<Reach>) = reaches.into_iter().partition(is_of_one_kind);
        let (by_actions, by_resources) = (by_action(&simple, &draft), by_resource(&simple, &draft));
        let size = |drafts: &[Draft]| drafts.iter().map(Draft::size).sum::<usize>();
        drafts.extend(if size(&by_resources) < size(&by_actions) { by_resources } else { by_actions });
        drafts.extend(by_action(&mixed, &draft));
    }
    drafts
}

/// An action that takes resources of several kinds (an association *and* an instance) keeps them in one statement, where
/// readers and linters look for all of them.
fn is_of_one_kind(reach: &Reach) -> bool {
    let kinds: BTreeSet<Option<(&str, &str)>> = reach.resources.keys().map(|resource| kind(resource)).collect();
    kinds.len() < 2
}

/// The service of a resource, and its type as far as the text tells.
fn kind(resource: &str) -> Option<(&str, &str)> {
    let arn = Arn::parse(resource)?;
    let kind = match arn.service {
        "s3" => {
            if arn.resource.contains('/') {
                "object"
            } else {
                "bucket"
            }
        }
        // What stands alone is a name: queues and topics have no other kind.
        _ => arn.resource.split_once(['/', ':']).map_or("", |(kind, _)| kind),
    };
    Some((arn.service, kind))
}

type Make<'a> = dyn Fn(BTreeSet<String>, BTreeSet<String>, BTreeSet<usize>) -> Draft + 'a;

fn by_action(reaches: &[Reach], draft: &Make<'_>) -> Vec<Draft> {
    let mut sets: BTreeMap<BTreeSet<&str>, (BTreeSet<String>, BTreeSet<usize>)> = BTreeMap::new();
    for reach in reaches {
        let (actions, grants) = sets.entry(reach.resources.keys().map(String::as_str).collect()).or_default();
        actions.insert(reach.action.clone());
        grants.extend(reach.resources.values().flatten());
    }
    let owned = |resources: BTreeSet<&str>| resources.into_iter().map(str::to_owned).collect();
    sets.into_iter().map(|(resources, (actions, grants))| draft(actions, owned(resources), grants)).collect()
}

fn by_resource(reaches: &[Reach], draft: &Make<'_>) -> Vec<Draft> {
    let mut of_resource: BTreeMap<&str, (BTreeSet<&str>, Vec<&BTreeSet<usize>>)> = BTreeMap::new();
    for reach in reaches {
        for (resource, of_it) in &reach.resources {
            let (actions, grants) = of_resource.entry(resource).or_default();
            actions.insert(&reach.action);
            grants.push(of_it);
        }
    }
    let mut sets: BTreeMap<BTreeSet<&str>, (BTreeSet<String>, BTreeSet<usize>)> = BTreeMap::new();
    for (resource, (actions, grants)) in of_resource {
        let (resources, all) = sets.entry(actions).or_default();
        resources.insert(resource.to_owned());
        all.extend(grants.into_iter().flatten());
    }
    let owned = |actions: BTreeSet<&str>| actions.into_iter().map(str::to_owned).collect();
    sets.into_iter().map(|(actions, (resources, grants))| draft(owned(actions), resources, grants)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each statement rests on the uses of its own resources, not on all uses of its actions.
    #[test]
    fn a_statement_rests_on_its_own_uses() {
        let name = |n: usize| format!("arn:aws:sqs:eu-west-1:111122223333:a-queue-with-a-long-name-{n:02}");
        let of = |action: &str, first: usize, other: usize| Reach {
            action: action.to_owned(),
            class: Class::Write,
            resources: (0..20).chain([other]).map(|n| (name(n), BTreeSet::from([first + n]))).collect(),
            conditions: Conditions::default(),
        };
        let drafts = group("sqs", vec![of("sqs:SendMessage", 0, 20), of("sqs:DeleteMessage", 100, 21)]);
        let mut found: Vec<(usize, usize)> = drafts.iter().map(|d| (d.resources.len(), d.grants.len())).collect();
        found.sort_unstable();
        assert_eq!(found, [(1, 1), (1, 1), (20, 40)], "{drafts:?}");
    }

    #[test]
    fn what_covers_another_rests_on_its_uses() {
        let reached = [("arn:aws:s3:::b/*", 1), ("arn:aws:s3:::b/k", 2), ("arn:aws:s3:::c/k", 3)];
        let reached = reached.map(|(resource, grant)| (resource.to_owned(), BTreeSet::from([grant])));
        let kept: Vec<_> = without_covered_resources(reached.into()).into_values().collect();
        assert_eq!(kept, [BTreeSet::from([1, 2]), BTreeSet::from([3])]);
    }
}
