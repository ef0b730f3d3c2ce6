//! A policy that exists, cut down to what was used of it: pair by pair what it and the usage have in common, put into
//! statements like what is made of usage alone.
//!
//! A use falls under a statement that allows it or, for what a log cannot know, may have allowed it. Where one allows it
//! whatever the case, that one is enough. What is cut out of a statement keeps its conditions, and its `NotResource`
//! where the log names nothing narrower. Denials stay as they are. Names that vary are generalised as far as the options
//! say, never beyond what the statement says itself.

mod proof;
mod report;

use std::collections::{BTreeMap, BTreeSet};

pub use proof::{NarrowProof, prove_narrowed};
pub use report::report;

use super::catalog_view::{Access, CatalogView};
use super::ceiling::{Ceiling, Home};
use super::classify::{Grant, Use, add, classify};
use super::existing::in_current_language;
use super::made::Made;
use super::make::{MakeError, assemble};
use super::options::{Granularity, Options, Preset};
use super::privilege_escalation;
use super::recipe::Recipe;
use super::replay::{Asked, Asking, asked};
use crate::iam::Catalog;
use crate::iam::document::{Effect, Policy, ResourceSpec, Statement};
use crate::iam::evaluate::{ActionMatcher, Compiled, Coverage, PolicySet, Request, Verdict, covers_resource};
use crate::usage::{RequestValues, UsageRow};

/// What of one statement was used, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementUse {
    /// Index in the document.
    pub statement: usize,
    /// Its `Sid`; `None` where it has none.
    pub sid: Option<String>,
    /// Actions of the catalogue that it grants and that were used under it.
    pub used_actions: Vec<String>,
    /// Actions that it grants and that were not, the riskiest first.
    pub unused_actions: Vec<UnusedAction>,
    /// Resource patterns of it that nothing used falls under.
    pub unused_resources: Vec<String>,
}

/// A granted action that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedAction {
    /// The action: `s3:GetObject`.
    pub action: String,
    /// `None` where the catalogue does not say.
    pub access: Option<Access>,
    /// What it opens to its holder, if it is known to be a way to more.
    pub escalation: Option<&'static str>,
}

/// A policy cut down to what was used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// `None` if nothing that it allows was used.
    pub made: Option<Made>,
    /// One for each statement that allows something.
    pub statements: Vec<StatementUse>,
}

/// Cuts a policy down to what was used of it.
pub fn narrow(
    policy: &Policy,
    rows: &[UsageRow],
    requests: &RequestValues,
    options: &Options,
    catalog: &Catalog,
) -> Result<Narrowed, MakeError> {
    let knowledge = CatalogView::new(catalog);
    let policy = in_current_language(policy);
    // What the policy allows already stays, also where the log does not tell which service got a role; whole services
    // and actions on everything are no cut.
    let options = &Options {
        granularity: Granularity::Resource,
        preset: Preset::Workload,
        collapse_actions: false,
        pass_role_any_service: true,
        ..options.clone()
    };
    let common = common(&policy, rows, requests, options, &knowledge);
    let statements = statements(&policy, &common, &knowledge);
    let mut classified = classify(rows, requests, options, &knowledge);
    // They are kept as well, as far as the policy allows them.
    classified.incomplete.clear();
    let named = std::mem::replace(&mut classified.grants, common.grants);
    if classified.grants.is_empty() {
        return Ok(Narrowed { made: None, statements });
    }
    let denials = policy.statements.iter().filter(|statement| statement.effect == Effect::Deny);
    let recipe = Recipe {
        named: Some(&named),
        ceiling: Some(&Ceiling::of(&policy)),
        denials: denials.cloned().collect(),
        ..Recipe::of(rows, options, &knowledge)
    };
    Ok(Narrowed { made: Some(assemble(classified, &recipe)?), statements })
}

/// Used action → resources, as far as a statement may have allowed it.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// What a policy and the usage have in common.
struct Common {
    grants: Vec<Grant>,
    /// By statement.
    uses: Vec<Uses>,
}

/// An Allow statement, to be asked alone.
struct Alone<'a> {
    statement: &'a Statement,
    compiled: Compiled,
}

fn common(
    policy: &Policy,
    rows: &[UsageRow],
    requests: &RequestValues,
    options: &Options,
    knowledge: &CatalogView<'_>,
) -> Common {
    let set = PolicySet::of_identity(vec![policy.clone()]);
    let asking = Asking::new(&set, requests, knowledge).with_any_service();
    let (ceiling, whole) = (Ceiling::of(policy), Compiled::new(&set));
    let alone: Vec<Option<Alone<'_>>> =
        policy.statements.iter().map(|statement| Alone::of(policy, statement)).collect();
    let mut uses = vec![Uses::new(); alone.len()];
    let mut grants: BTreeMap<(String, String, Home), Use> = BTreeMap::new();
    for row in rows {
        let Asked::Request { action, resource, told } = asked(row, &asking) else { continue };
        let may = |compiled: &Compiled| {
            let ask = |context: &_| compiled.evaluate(&Request { action: &action, resource: &resource, context });
            told.any(ask, |verdict| !matches!(verdict, Verdict::Denied { .. }))
        };
        if !may(&whole) {
            continue;
        }
        // What was asked for as any ARN is no resource that anything names.
        let used = if resource == "arn:*" { "*" } else { resource.as_str() };
        let under: Vec<usize> =
            (0..alone.len()).filter(|at| alone.get(*at).into_iter().flatten().any(|a| may(&a.compiled))).collect();
        for at in &under {
            if let Some(uses) = uses.get_mut(*at) {
                uses.entry(action.clone()).or_default().insert(used.to_owned());
            }
        }
        let is_enough = |at: &&usize| {
            let home = Home { statement: **at, is_as_written: false };
            let is_free = |alone: &Alone<'_>| alone.statement.condition.is_empty();
            alone.get(**at).into_iter().flatten().any(is_free) && ceiling.holds(home, used)
        };
        let homes = match under.iter().find(is_enough) {
            Some(one) => std::slice::from_ref(one),
            None => under.as_slice(),
        };
        for home in homes {
            for (resource, home) in ceiling.common(*home, &action, used, knowledge) {
                add(&mut grants, (action.clone(), resource, home), Use::of(&action, row, requests, options));
            }
        }
    }
    let grant = |((action, resource, home), used): (_, Use)| Grant {
        action,
        resource,
        binding: used.binding,
        evidence: used.evidence,
        home: Some(home),
    };
    Common { grants: grants.into_iter().map(grant).collect(), uses }
}

impl Alone<'_> {
    fn of<'a>(policy: &Policy, statement: &'a Statement) -> Option<Alone<'a>> {
        if statement.effect == Effect::Deny {
            return None;
        }
        let alone = Policy { statements: vec![statement.clone()], ..policy.clone() };
        Some(Alone { statement, compiled: Compiled::new(&PolicySet::of_identity(vec![alone])) })
    }
}

fn statements(policy: &Policy, common: &Common, knowledge: &CatalogView<'_>) -> Vec<StatementUse> {
    let all = knowledge.all();
    let allowing = policy.statements.iter().enumerate().filter(|(_, statement)| statement.effect == Effect::Allow);
    let none = Uses::new();
    allowing
        .map(|(at, statement)| {
            let used = common.uses.get(at).unwrap_or(&none);
            StatementUse {
                statement: at,
                sid: statement.sid.clone(),
                used_actions: used.keys().cloned().collect(),
                unused_actions: unused_actions(statement, used, &all, knowledge),
                unused_resources: unused_resources(statement, used),
            }
        })
        .collect()
}

fn unused_actions(statement: &Statement, used: &Uses, all: &[&str], knowledge: &CatalogView<'_>) -> Vec<UnusedAction> {
    let matcher = ActionMatcher::new(&statement.actions);
    let unused = matcher.expand(all.iter().copied()).filter(|action| !used.contains_key(*action));
    let mut unused: Vec<UnusedAction> = unused
        .map(|action| UnusedAction {
            action: action.to_owned(),
            access: knowledge.access(action),
            escalation: privilege_escalation::escalation(action),
        })
        .collect();
    unused.sort_by(|a, b| {
        let rank = |action: &UnusedAction| (action.escalation.is_none(), std::cmp::Reverse(action.access));
        rank(a).cmp(&rank(b)).then_with(|| a.action.cmp(&b.action))
    });
    unused
}

/// Patterns under which no used resource falls, not even partly. Patterns with variables are left alone.
fn unused_resources(statement: &Statement, used: &Uses) -> Vec<String> {
    let ResourceSpec::Resource(patterns) = &statement.resources else { return Vec::new() };
    let is_unused = |pattern: &&String| {
        !pattern.contains("${")
            && !used.values().flatten().any(|resource| {
                *resource == "*" || pattern.as_str() == "*" || covers_resource(pattern, resource) != Coverage::None
            })
    };
    patterns.iter().filter(is_unused).cloned().collect()
}
