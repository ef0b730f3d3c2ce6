//! Usage → policies, with everything that is to be said beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use super::excess::{Excess, excess};
use super::fit::{FitError, Widened, fit};
use super::knowledge::Knowledge;
use super::limits::Attach;
use super::options::{Granularity, Kind, Options};
use super::origin;
use super::sid;
use super::sift::{Grant, Shown, Sifted, Suggestion, sift};
use super::statement::Draft;
use super::widen::Scope;
use crate::iam::Catalog;
use crate::iam::document::Policy;
use crate::usage::{Text, UsageRow};

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
    /// Calls that failed before anybody decided: shown, not granted.
    pub undecided: Vec<Shown>,
    /// Calls whose action is not certain: shown, not granted.
    pub unverified: Vec<Shown>,
    /// Events that need no permission, or whose permissions are not the user's to give.
    pub excluded: Vec<Shown>,
    /// Actions that may be needed and leave no trace.
    pub suggestions: Vec<Suggestion>,
    /// What several services do on `*` stands together, to fit.
    pub joined: bool,
    /// What was widened to fit.
    pub widened: Vec<Widened>,
    /// Services that a service control policy allows only because of what is not certain.
    pub uncertain_services: BTreeSet<String>,
    /// Actions granted on `*` although they take resources: which ones they were used on, no event says.
    pub open_actions: BTreeSet<String>,
    /// What is granted beyond what was used.
    pub excess: Excess,
    /// Principals whose usage it is.
    pub principals: BTreeSet<Text>,
    /// First and last event, microseconds since 1970-01-01 UTC.
    pub times_us: Option<(i64, i64)>,
    /// Events behind the rows of the selection.
    pub events: u64,
}

impl Made {
    /// Documents that were not made of `rows` but cut down to them.
    pub fn of_existing(documents: Vec<NamedPolicy>, rows: &[UsageRow], options: &Options) -> Made {
        Made {
            kind: options.kind,
            attach: options.attach,
            documents,
            statements: Vec::new(),
            denied: Vec::new(),
            undecided: Vec::new(),
            unverified: Vec::new(),
            excluded: Vec::new(),
            suggestions: Vec::new(),
            widened: Vec::new(),
            joined: false,
            uncertain_services: BTreeSet::new(),
            open_actions: BTreeSet::new(),
            excess: Excess::default(),
            principals: rows.iter().map(|row| row.principal_arn.clone()).collect(),
            times_us: times(rows),
            events: events(rows),
        }
    }
}

fn times(rows: &[UsageRow]) -> Option<(i64, i64)> {
    let first = rows.iter().map(|row| row.first_time_us).min();
    first.zip(rows.iter().map(|row| row.last_time_us).max())
}

fn events(rows: &[UsageRow]) -> u64 {
    rows.iter().fold(0, |sum, row| sum.saturating_add(row.event_count))
}

/// Why there is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// Nothing that was allowed needs a permission that is known for certain.
    #[error(
        "nothing to grant: {denied} uses were denied, {unverified} are not certain, {excluded} need no permission, or none that \
         they can be given\n\
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
    let mut sifted = sift(rows, &knowledge);
    let uncertain_services = if options.kind == Kind::Scp && options.granularity == Granularity::Service {
        let services = uncertain_services(&sifted, &knowledge);
        sifted.grants.extend(services.iter().map(|(service, evidence)| Grant::of_service(service, evidence)));
        services.into_keys().collect()
    } else {
        BTreeSet::new()
    };
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
    Ok(Made {
        kind: options.kind,
        attach: options.attach,
        documents,
        statements,
        suggestions: suggestions(&sifted.grants, &knowledge),
        denied: sifted.denied,
        undecided: sifted.undecided,
        unverified: sifted.unverified,
        excluded: sifted.excluded,
        uncertain_services,
        joined: fitted.joined,
        widened: fitted.widened,
        open_actions: open_actions(&sifted.grants, options, &knowledge),
        excess,
        principals: rows.iter().map(|row| row.principal_arn.clone()).collect(),
        times_us: times(rows),
        events: events(rows),
    })
}

/// Services of which all that is known is that something was used and allowed, which action is not certain. A service
/// control policy grants nothing, and one that left them out would deny what nobody could foresee from the proof.
fn uncertain_services(sifted: &Sifted, knowledge: &Knowledge<'_>) -> BTreeMap<String, Evidence> {
    let service = |action: &str| action.split(':').next().unwrap_or_default().to_owned();
    let certain: BTreeSet<String> = sifted.grants.iter().map(|grant| service(&grant.action)).collect();
    let known = knowledge.services();
    let mut services = BTreeMap::new();
    for shown in &sifted.unverified {
        let service = service(&shown.action);
        if !certain.contains(&service) && known.contains(&service.as_str()) {
            services
                .entry(service)
                .and_modify(|sum: &mut Evidence| sum.absorb(&shown.evidence))
                .or_insert_with(|| shown.evidence.clone());
        }
    }
    services
}

fn open_actions(grants: &[Grant], options: &Options, knowledge: &Knowledge<'_>) -> BTreeSet<String> {
    let is_open = |grant: &&Grant| grant.resource == "*" && knowledge.takes_any_resource(&grant.action);
    let is_asked = options.granularity == Granularity::Resource;
    grants.iter().filter(|_| is_asked).filter(is_open).map(|grant| grant.action.clone()).collect()
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
