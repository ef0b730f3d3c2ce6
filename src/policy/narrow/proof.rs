//! The proof of a policy that was cut down, both ways: it allows nothing that it did not allow before, and all that was
//! used of it.

use std::collections::BTreeSet;

use crate::iam::Catalog;
use crate::iam::document::{ActionSpec, Effect, Policy, ResourceSpec, Statement};
use crate::iam::evaluate::{ActionMatcher, Compiled, Coverage, Request, Verdict, covers_resource};
use crate::policy::catalog_view::CatalogView;
use crate::policy::ceiling::is_within;
use crate::policy::existing::in_current_language;
use crate::policy::prove::Unspoken;
use crate::policy::replay::{Asked, Asking, asked, set_of};
use crate::policy::{Kind, Made};
use crate::usage::{RequestValues, UsageRow};

/// What the proof came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NarrowProof {
    /// Uses that the policy allowed, or may have allowed, and that it would not any more: action, resource, example.
    pub lost: BTreeSet<(String, String, String)>,
    /// What it would allow and did not allow before.
    pub beyond: Vec<Unspoken>,
    /// What it would still allow and no use speaks for.
    pub unspoken: Vec<Unspoken>,
    /// Denials that are gone.
    pub denials_lost: usize,
}

impl NarrowProof {
    /// Whether nothing that was used is lost, nothing is granted that was not, and every denial is still there.
    pub fn holds(&self) -> bool {
        self.lost.is_empty() && self.beyond.is_empty() && self.unspoken.is_empty() && self.denials_lost == 0
    }
}

/// Proves what was cut out of `given` by rows: those that it was cut by, or others that should say the same.
pub fn prove_narrowed(
    given: &Policy,
    made: &Made,
    rows: &[UsageRow],
    requests: &RequestValues,
    kind: Kind,
    catalog: &Catalog,
) -> NarrowProof {
    let knowledge = CatalogView::new(catalog);
    let documents: Vec<Policy> = made.documents.iter().map(|document| document.policy.clone()).collect();
    let (before, after) = (set_of(kind, vec![given.clone()]), set_of(kind, documents));
    let (was, is) = (Compiled::new(&before), Compiled::new(&after));
    let asking = Asking::new(&before, requests, &knowledge).with_any_service();
    let mut proof = NarrowProof::default();
    let mut used = Vec::new();
    for row in rows {
        let Asked::Request { action, resource, told } = asked(row, &asking) else { continue };
        let verdict = |compiled: &Compiled| {
            told.verdict(|context| compiled.evaluate(&Request { action: &action, resource: &resource, context }))
        };
        if rank(&verdict(&is)) > rank(&verdict(&was)) {
            proof.lost.insert((action.clone(), resource.clone(), row.example_event_id.to_string()));
        }
        used.push((action, resource));
    }
    used.sort();
    used.dedup();
    let given = in_current_language(given);
    let allowing: Vec<(ActionMatcher, &Statement)> = given
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow)
        .map(|statement| (ActionMatcher::new(&statement.actions), statement))
        .collect();
    let statements = || made.documents.iter().flat_map(|document| &document.policy.statements);
    for statement in statements().filter(|statement| statement.effect == Effect::Allow) {
        for pair in pairs(statement) {
            let ActionSpec::Action(actions) = &pair.actions else { continue };
            let action = actions.first().map_or("*", String::as_str);
            let pattern = pair.resources.patterns().first().map_or("*", String::as_str);
            let unspoken = || Unspoken {
                sid: statement.sid.clone().unwrap_or_default(),
                action: action.to_owned(),
                pattern: pattern.to_owned(),
            };
            if !allowing.iter().any(|(matcher, outer)| matcher.matches(action) && is_within(&pair, outer)) {
                proof.beyond.push(unspoken());
            }
            let from = used.partition_point(|(used, _)| used.as_str() < action);
            let of_action = used.iter().skip(from).take_while(|(used, _)| used == action);
            if !of_action.into_iter().any(|(_, resource)| speaks(&pair.resources, resource)) {
                proof.unspoken.push(unspoken());
            }
        }
    }
    let denials = given.statements.iter().filter(|statement| statement.effect == Effect::Deny);
    proof.denials_lost = denials.filter(|denial| !statements().any(|kept| kept == *denial)).count();
    proof
}

fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Allowed { .. } => 0,
        Verdict::Depends { .. } => 1,
        Verdict::Denied { .. } => 2,
    }
}

/// The statement for one action and one resource pattern at a time; `NotResource` cannot be parted.
fn pairs(statement: &Statement) -> Vec<Statement> {
    let with = |action: &String, resources: ResourceSpec| Statement {
        actions: ActionSpec::Action(vec![action.clone()]),
        resources,
        ..statement.clone()
    };
    let actions = statement.actions.patterns().iter();
    match &statement.resources {
        ResourceSpec::Resource(list) => actions
            .flat_map(|action| list.iter().map(|one| with(action, ResourceSpec::Resource(vec![one.clone()]))))
            .collect(),
        other => actions.map(|action| with(action, other.clone())).collect(),
    }
}

/// Whether the use of a resource speaks for what a statement names. One that no event tells speaks for all of them.
fn speaks(resources: &ResourceSpec, used: &str) -> bool {
    let is_open = matches!(used, "*" | "arn:*");
    match resources {
        ResourceSpec::Resource(list) => {
            is_open || list.iter().any(|pattern| covers_resource(pattern, used) != Coverage::None)
        }
        ResourceSpec::NotResource(list) => {
            is_open || list.iter().all(|excepted| covers_resource(excepted, used) != Coverage::All)
        }
        ResourceSpec::Omitted => false,
    }
}
