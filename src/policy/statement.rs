//! Grants → statements for people: by service, reading and writing apart, actions of the same resources together.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::{Conditions, to_block};
use super::evidence::Evidence;
use super::knowledge::Class;
use super::sift::Grant;
use crate::iam::document::{ActionSpec, Effect, ResourceSpec, Statement};

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
}

/// One action with everything it may be used on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) action: String,
    pub(crate) class: Class,
    pub(crate) resources: BTreeSet<String>,
    pub(crate) conditions: Conditions,
    pub(crate) grants: BTreeSet<usize>,
}

impl Draft {
    /// The statement, with its name.
    pub(crate) fn to_statement(&self, sid: String) -> Statement {
        let actions = ActionSpec::Action(self.actions.iter().cloned().collect());
        let resources = ResourceSpec::Resource(self.resources.iter().cloned().collect());
        let condition = to_block(&self.conditions);
        Statement { sid: Some(sid), condition, ..Statement::new(Effect::Allow, actions, resources) }
    }

    /// Characters of the statement, its name not counted.
    pub(crate) fn size(&self) -> usize {
        let quoted = |texts: &BTreeSet<String>| texts.iter().map(|t| json_chars(t) + 1).sum::<usize>();
        let conditions: usize =
            self.conditions.iter().map(|((op, key), values)| op.len() + key.len() + 16 + quoted(values)).sum();
        quoted(&self.actions) + quoted(&self.resources) + conditions + 60
    }

    /// What the statement rests on.
    pub(crate) fn evidence(&self, grants: &[Grant]) -> Option<Evidence> {
        Evidence::sum(self.grants.iter().filter_map(|index| grants.get(*index)).map(|grant| &grant.evidence))
    }
}

/// Characters of a JSON string with its quotes.
fn json_chars(text: &str) -> usize {
    2 + text.chars().map(|c| if matches!(c, '"' | '\\') { 2 } else { 1 }).sum::<usize>()
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
        };
        let (by_action, by_resource) = (by_action(&reaches, &draft), by_resource(&reaches, &draft));
        let size = |drafts: &[Draft]| drafts.iter().map(Draft::size).sum::<usize>();
        drafts.extend(if size(&by_resource) < size(&by_action) { by_resource } else { by_action });
    }
    drafts
}

type Make<'a> = dyn Fn(BTreeSet<String>, BTreeSet<String>, BTreeSet<usize>) -> Draft + 'a;

fn by_action(reaches: &[Reach], draft: &Make<'_>) -> Vec<Draft> {
    let mut sets: BTreeMap<&BTreeSet<String>, (BTreeSet<String>, BTreeSet<usize>)> = BTreeMap::new();
    for reach in reaches {
        let (actions, grants) = sets.entry(&reach.resources).or_default();
        actions.insert(reach.action.clone());
        grants.extend(&reach.grants);
    }
    sets.into_iter().map(|(resources, (actions, grants))| draft(actions, resources.clone(), grants)).collect()
}

fn by_resource(reaches: &[Reach], draft: &Make<'_>) -> Vec<Draft> {
    let mut of_resource: BTreeMap<&str, (BTreeSet<String>, BTreeSet<usize>)> = BTreeMap::new();
    for reach in reaches {
        for resource in &reach.resources {
            let (actions, grants) = of_resource.entry(resource).or_default();
            actions.insert(reach.action.clone());
            grants.extend(&reach.grants);
        }
    }
    let mut sets: BTreeMap<BTreeSet<String>, (BTreeSet<String>, BTreeSet<usize>)> = BTreeMap::new();
    for (resource, (actions, grants)) in of_resource {
        let (resources, all) = sets.entry(actions).or_default();
        resources.insert(resource.to_owned());
        all.extend(grants);
    }
    sets.into_iter().map(|(actions, (resources, grants))| draft(actions, resources, grants)).collect()
}
