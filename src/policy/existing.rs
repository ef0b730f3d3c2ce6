//! Policies that exist already: what they lack, and what they grant.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_view::CatalogView;
use super::classify::classify;
use super::excess::excess_of;
use super::limits::Limits;
use super::made::{Granted, Made, NamedPolicy};
use super::options::Options;
use super::privilege_escalation;
use super::replay::{Asked, Asking, asked};
use crate::iam::Catalog;
use crate::iam::document::{Effect, Policy, ResourceSpec, Version};
use crate::iam::evaluate::{ActionMatcher, Compiled, PolicySet, Request};
use crate::usage::{RequestValues, UsageRow};

/// The rows that `policies` do not surely allow: what a policy beside them has to grant. Rows that an explicit deny
/// forbids are among them; no other policy can allow them.
pub fn missing(policies: &[Policy], rows: &[UsageRow], requests: &RequestValues, catalog: &Catalog) -> Vec<UsageRow> {
    let knowledge = CatalogView::new(catalog);
    let set = PolicySet::of_identity(policies.to_vec());
    let compiled = Compiled::new(&set);
    let asking = Asking::new(&set, requests, &knowledge);
    let is_allowed = |row: &UsageRow| match asked(row, &asking) {
        Asked::Request { action, resource, told } => {
            let ask = |context: &_| compiled.evaluate(&Request { action: &action, resource: &resource, context });
            told.verdict(ask).is_allowed()
        }
        Asked::Not(_) => false,
    };
    rows.iter().filter(|row| !is_allowed(row)).cloned().collect()
}

/// One document with the base's statements, unchanged, and what was made beside them. Names that the base has taken
/// get a number.
pub fn merged(base: &Policy, made: &Made) -> Policy {
    let mut merged = in_current_language(base);
    let mut taken: BTreeSet<String> = base.statements.iter().filter_map(|statement| statement.sid.clone()).collect();
    for statement in made.documents.iter().flat_map(|document| &document.policy.statements) {
        let mut statement = statement.clone();
        let name = statement.sid.clone().unwrap_or_default();
        let mut candidate = name.clone();
        let mut number = 2;
        while !taken.insert(candidate.clone()) {
            candidate = format!("{name}{number}");
            number += 1;
        }
        statement.sid = Some(candidate);
        merged.statements.push(statement);
    }
    merged
}

/// The options for what is added to `existing` in the same document: if it may be widened, it fits beside it.
pub(super) fn beside(existing: &Policy, options: &Options) -> Options {
    let room = Limits::of(options).size_max.saturating_sub(existing.size());
    Options { size_max: Some(room), policies_max: Some(1), ..options.clone() }
}

/// What was made, put into the document that it is to be added to; an error if that is too long then.
pub(super) fn added(existing: &Policy, mut made: Made, options: &Options) -> Result<Made, TooLong> {
    let policy = merged(existing, &made);
    let (size, limits) = (policy.size(), Limits::of(options));
    if size > limits.size_max {
        return Err(TooLong { size, limits });
    }
    let before = existing.statements.len();
    for (index, note) in made.statements.iter_mut().enumerate() {
        note.document = 0;
        note.statement = before + index;
        let sid = policy.statements.get(note.statement).and_then(|statement| statement.sid.clone());
        note.sid = sid.unwrap_or_default();
    }
    made.documents = vec![NamedPolicy { name: options.name.clone(), policy }];
    made.policies_max = 1;
    Ok(made)
}

/// A document that would be longer than it may be.
pub(super) struct TooLong {
    pub(super) size: usize,
    pub(super) limits: Limits,
}

/// The document to which nothing has to be added.
pub(super) fn unchanged(existing: &Policy, rows: &[UsageRow], options: &Options) -> Made {
    let document = NamedPolicy { name: options.name.clone(), policy: existing.clone() };
    Made { policies_max: 1, ..Made::of_existing(vec![document], rows, options) }
}

/// The policy in the language of 2012-10-17, in which what was made is written: there `${` begins a variable, which in
/// an older document is text.
pub(crate) fn in_current_language(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    if policy.language() == Version::V2008 {
        let escape = |text: &mut String| *text = text.replace("${", "${$}{");
        for statement in &mut policy.statements {
            if let ResourceSpec::Resource(list) | ResourceSpec::NotResource(list) = &mut statement.resources {
                list.iter_mut().for_each(escape);
            }
            let values = statement.condition.iter_mut().flat_map(|test| &mut test.keys).flat_map(|(_, values)| values);
            values.for_each(escape);
        }
        policy.version = Some(Version::V2012);
    }
    policy
}

/// What a policy grants, and how much of it is beyond what the rows used. Actions that it denies outright are not
/// granted; `NotResource` counts as everything.
pub fn granted(
    policy: &Policy,
    rows: &[UsageRow],
    requests: &RequestValues,
    options: &Options,
    catalog: &Catalog,
) -> Granted {
    let knowledge = CatalogView::new(catalog);
    let policy = in_current_language(policy);
    let all = Compiled::new(&PolicySet::of_identity(vec![policy.clone()])).granted(knowledge.all());
    let mut pairs: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for statement in policy.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
        let patterns: Vec<&str> = match &statement.resources {
            ResourceSpec::Resource(list) => list.iter().map(String::as_str).collect(),
            ResourceSpec::NotResource(_) => vec!["*"],
            ResourceSpec::Omitted => Vec::new(),
        };
        for action in ActionMatcher::new(&statement.actions).expand(all.iter().copied()) {
            pairs.entry(action.to_owned()).or_default().extend(&patterns);
        }
    }
    let escalations =
        pairs.keys().filter_map(|action| Some((action.clone(), privilege_escalation::escalation(action)?))).collect();
    let used = classify(rows, requests, options, &knowledge).grants;
    Granted { statements: policy.statements.len(), excess: excess_of(&pairs, &used, &knowledge), escalations }
}
