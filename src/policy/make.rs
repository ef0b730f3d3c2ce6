//! Usage → policies, with everything that is to be said beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::excess::{Excess, excess};
use super::fit::{FitError, Widened, fit};
use super::knowledge::Knowledge;
use super::limits::Attach;
use super::options::{Kind, Options};
use super::origin;
use super::sid;
use super::sift::{Grant, Shown, Suggestion, sift};
use super::statement::Draft;
use super::widen::Scope;
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::usage::UsageRow;

/// A policy and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    pub name: String,
    pub policy: Policy,
}

/// What one statement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementNote {
    /// Index into `Made::documents`.
    pub document: usize,
    /// Index into the document's statements.
    pub statement: usize,
    pub sid: String,
    pub evidence: Evidence,
    /// Actions that a wildcard grants and that were not used.
    pub added_actions: Vec<String>,
    /// Conditions on the calls' origin that were asked for and that it does not have, and why.
    pub left_off: Vec<String>,
}

/// Policies made from usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub kind: Kind,
    pub attach: Attach,
    pub documents: Vec<NamedPolicy>,
    /// One for each statement, in order.
    pub statements: Vec<StatementNote>,
    /// Calls that were refused: shown, not granted.
    pub denied: Vec<Shown>,
    /// Calls whose action is not certain: shown, not granted.
    pub unverified: Vec<Shown>,
    /// Events that need no permission, or whose permissions are not the user's to give.
    pub excluded: Vec<Shown>,
    /// Actions that may be needed and leave no trace.
    pub suggestions: Vec<Suggestion>,
    /// What was widened to fit.
    pub widened: Vec<Widened>,
    /// What is granted beyond what was used.
    pub excess: Excess,
    /// Principals whose usage it is.
    pub principals: BTreeSet<String>,
    /// First and last event, microseconds since 1970-01-01 UTC.
    pub times_us: Option<(i64, i64)>,
    /// Events behind the rows of the selection.
    pub events: u64,
}

/// Why there is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// Nothing that was allowed needs a permission that is known for certain.
    #[error(
        "nothing to grant: {denied} uses were denied, {unverified} are not certain, {excluded} need no permission\n\
         hint: see them with `trailpare actions` and the same selection"
    )]
    Nothing { denied: usize, unverified: usize, excluded: usize },
    /// The limits.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// Makes policies from the usage of the principals selected. The order of rows does not matter.
pub fn make(rows: &[UsageRow], options: &Options, catalog: &Catalog) -> Result<Made, MakeError> {
    let knowledge = Knowledge::new(catalog);
    let sifted = sift(rows, &knowledge);
    if sifted.grants.is_empty() {
        return Err(MakeError::Nothing {
            denied: sifted.denied.len(),
            unverified: sifted.unverified.len(),
            excluded: sifted.excluded.len(),
        });
    }
    let scope = Scope::new(&sifted.grants, options, &knowledge);
    let fitted = fit(&sifted.grants, &scope, options)?;
    let excess = excess(fitted.policies.iter().flatten(), &sifted.grants, &knowledge);
    let (documents, statements) = documents(&fitted.policies, &sifted.grants, options, &knowledge);
    let first = rows.iter().map(|row| row.first_time_us).min();
    let last = rows.iter().map(|row| row.last_time_us).max();
    Ok(Made {
        kind: options.kind,
        attach: options.attach,
        documents,
        statements,
        suggestions: suggestions(&sifted.grants, &knowledge),
        denied: sifted.denied,
        unverified: sifted.unverified,
        excluded: sifted.excluded,
        widened: fitted.widened,
        excess,
        principals: rows.iter().map(|row| row.principal_arn.clone()).collect(),
        times_us: first.zip(last),
        events: rows.iter().fold(0, |sum, row| sum.saturating_add(row.event_count)),
    })
}

fn documents(
    policies: &[Vec<Draft>],
    grants: &[Grant],
    options: &Options,
    knowledge: &Knowledge<'_>,
) -> (Vec<NamedPolicy>, Vec<StatementNote>) {
    // Names are single across all documents, so that a name says which statement is meant.
    let flat: Vec<Draft> = policies.iter().flatten().cloned().collect();
    let mut sids = sid::names(&flat).into_iter();
    let used: BTreeSet<&str> = grants.iter().map(|grant| grant.action.as_str()).collect();
    let (mut documents, mut notes) = (Vec::new(), Vec::new());
    for (document, drafts) in policies.iter().enumerate() {
        let mut statements = Vec::with_capacity(drafts.len());
        for (statement, draft) in drafts.iter().enumerate() {
            let sid = sids.next().unwrap_or_default();
            if let Some(evidence) = draft.evidence(grants) {
                let sid = sid.clone();
                let added_actions = added(draft, &used, knowledge);
                let left_off = origin::left_off(&options.conditions, &draft.conditions, &evidence);
                notes.push(StatementNote { document, statement, sid, evidence, added_actions, left_off });
            }
            statements.push(draft.to_statement(sid));
        }
        let name = match policies.len() {
            1 => options.name.clone(),
            _ => format!("{}-{}", options.name, document + 1),
        };
        documents.push(NamedPolicy { name, policy: Policy::new(statements) });
    }
    (documents, notes)
}

fn added(draft: &Draft, used: &BTreeSet<&str>, knowledge: &Knowledge<'_>) -> Vec<String> {
    let wild = draft.actions.iter().filter(|action| action.contains(['*', '?']));
    let added = wild.flat_map(|pattern| super::excess::expand(pattern, knowledge));
    added.filter(|action| !used.contains(action.as_str())).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Dependent actions (Service Authorization Reference) of used actions that were not used themselves.
fn suggestions(grants: &[Grant], knowledge: &Knowledge<'_>) -> Vec<Suggestion> {
    let used: BTreeSet<&str> = grants.iter().map(|grant| grant.action.as_str()).collect();
    let mut because: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for action in &used {
        for dependent in knowledge.dependents(action) {
            if !used.contains(dependent.as_str()) {
                because.entry(dependent.clone()).or_default().insert((*action).to_owned());
            }
        }
    }
    let suggestion = |(action, because): (String, BTreeSet<String>)| Suggestion {
        action,
        because_of: because.into_iter().collect(),
    };
    because.into_iter().map(suggestion).collect()
}
