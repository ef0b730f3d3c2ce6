//! Usage → policies, with everything that is to be said beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::binding::BINDINGS;
use super::choices::choices;
use super::evidence::Evidence;
use super::excess::{Excess, excess};
use super::fit::{Choice, FitError, Fitted, Layout, Widened, fit};
use super::knowledge::Knowledge;
use super::limits::{Attach, Limits};
use super::options::{Granularity, Kind, Options};
use super::origin;
use super::risk;
use super::sid;
use super::sift::{Grant, Shown, Sifted, Suggestion, sift};
use super::statement::Draft;
use super::widen::Scope;
use crate::iam::Catalog;
use crate::iam::arn::Arn;
use crate::iam::document::Policy;
use crate::usage::{RequestValues, Text, UsageRow};

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
    /// How many policies there may be: whether what is written is one document or a list follows from this alone.
    pub policies_max: usize,
    pub documents: Vec<NamedPolicy>,
    /// One for each statement, in order.
    pub statements: Vec<StatementNote>,
    /// Calls that were refused: shown, not granted.
    pub denied: Vec<Shown>,
    /// Calls that failed before anybody decided: shown, not granted.
    pub undecided: Vec<Shown>,
    /// Calls whose action is not certain: shown, not granted.
    pub unverified: Vec<Shown>,
    /// Uses that were needed and could not be granted, for what is known of them does not do: the policy lacks them.
    pub incomplete: Vec<Shown>,
    /// Calls on names that no resource can have: shown, not granted.
    pub impossible: Vec<Shown>,
    /// Events that need no permission, or whose permissions are not the user's to give.
    pub excluded: Vec<Shown>,
    /// Actions that may be needed and leave no trace.
    pub suggestions: Vec<Suggestion>,
    /// How statements stand together, to fit.
    pub layout: Layout,
    /// Granted actions with which more can be gained, and what they open.
    pub escalations: BTreeMap<String, &'static str>,
    /// Where the policies are several: what other options would come to.
    pub choices: Vec<Choice>,
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
            policies_max: Limits::of(options).policies_max,
            documents,
            statements: Vec::new(),
            denied: Vec::new(),
            undecided: Vec::new(),
            unverified: Vec::new(),
            incomplete: Vec::new(),
            impossible: Vec::new(),
            excluded: Vec::new(),
            suggestions: Vec::new(),
            widened: Vec::new(),
            layout: Layout::default(),
            escalations: BTreeMap::new(),
            choices: Vec::new(),
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
        "nothing to grant: {denied} uses were denied, {undecided} failed before anybody decided, {unverified} are not certain, \
         {incomplete} lack what granting them takes, {impossible} are on names that no resource can have, {excluded} need no \
         permission, or none that they can be given\n\
         hint: see them with `trailpare actions` and the same selection"
    )]
    Nothing {
        denied: usize,
        undecided: usize,
        unverified: usize,
        incomplete: usize,
        impossible: usize,
        excluded: usize,
    },
    /// The limits.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// Makes policies from the usage of the principals selected. The order of rows does not matter.
pub fn make(rows: &[UsageRow], options: &Options, catalog: &Catalog) -> Result<Made, MakeError> {
    make_with(rows, &RequestValues::default(), options, catalog)
}

/// The same, with what the requests behind the rows told of condition keys.
pub fn make_with(
    rows: &[UsageRow],
    requests: &RequestValues,
    options: &Options,
    catalog: &Catalog,
) -> Result<Made, MakeError> {
    let knowledge = Knowledge::new(catalog);
    let mut sifted = sift(rows, requests, options, &knowledge);
    let uncertain_services = if options.kind == Kind::Scp && options.granularity == Granularity::Service {
        let services = uncertain_services(&sifted, &knowledge);
        sifted.grants.extend(services.iter().map(|(service, evidence)| Grant::of_service(service, evidence)));
        services.into_keys().collect()
    } else {
        BTreeSet::new()
    };
    if sifted.grants.is_empty() {
        return Err(nothing(&sifted));
    }
    let fitted = fitted(&sifted.grants, options, &knowledge)?;
    let excess = excess(fitted.policies.iter().flatten(), &sifted.grants, &knowledge);
    let (documents, statements) = documents(&fitted, &sifted.grants, options, &knowledge);
    let choices = match documents.len() {
        0 | 1 => Vec::new(),
        several => choices(&sifted.grants, options, several, &knowledge),
    };
    Ok(Made {
        kind: options.kind,
        attach: options.attach,
        policies_max: Limits::of(options).policies_max,
        escalations: escalations(&fitted, &knowledge),
        documents,
        statements,
        suggestions: suggestions(&sifted.grants, &knowledge),
        denied: sifted.denied,
        undecided: sifted.undecided,
        unverified: sifted.unverified,
        incomplete: sifted.incomplete,
        impossible: sifted.impossible,
        excluded: sifted.excluded,
        uncertain_services,
        layout: fitted.layout,
        widened: fitted.widened,
        choices,
        open_actions: open_actions(&sifted.grants, options, &knowledge),
        excess,
        principals: rows.iter().map(|row| row.principal_arn.clone()).collect(),
        times_us: times(rows),
        events: events(rows),
    })
}

fn nothing(sifted: &Sifted) -> MakeError {
    MakeError::Nothing {
        denied: sifted.denied.len(),
        undecided: sifted.undecided.len(),
        unverified: sifted.unverified.len(),
        incomplete: sifted.incomplete.len(),
        impossible: sifted.impossible.len(),
        excluded: sifted.excluded.len(),
    }
}

/// Within the limits, or the error with what would do instead.
fn fitted(grants: &[Grant], options: &Options, knowledge: &Knowledge<'_>) -> Result<Fitted, FitError> {
    let scope = Scope::new(grants, options, knowledge);
    fit(grants, &scope, options).map_err(|error| {
        let choices = |needed| choices(grants, options, needed, knowledge);
        match error {
            FitError::TooMany { needed, size_max, policies_max, name, .. } => {
                FitError::TooMany { needed, size_max, policies_max, name, choices: choices(needed) }
            }
            FitError::TooLarge { service, size, size_max, name, .. } => {
                FitError::TooLarge { service, size, size_max, name, choices: choices(usize::MAX) }
            }
        }
    })
}

/// The granted actions with which more can be gained.
fn escalations(fitted: &Fitted, knowledge: &Knowledge<'_>) -> BTreeMap<String, &'static str> {
    let patterns = fitted.policies.iter().flatten().flat_map(|draft| &draft.actions);
    let actions = patterns.flat_map(|pattern| super::excess::expand(pattern, knowledge));
    actions.filter_map(|action| risk::escalation(&action).map(|opens| (action, opens))).collect()
}

/// Services of which all that is known is that something was used and allowed, which action is not certain. A service
/// control policy grants nothing, and one that left them out would deny what nobody could foresee from the proof.
fn uncertain_services(sifted: &Sifted, knowledge: &Knowledge<'_>) -> BTreeMap<String, Evidence> {
    let service = |action: &str| action.split(':').next().unwrap_or_default().to_owned();
    let certain = sifted.services();
    let known = knowledge.services();
    let mut services = BTreeMap::new();
    for shown in sifted.unverified.iter().chain(&sifted.incomplete) {
        let service = service(&shown.action);
        if !certain.contains(service.as_str()) && known.contains(&service.as_str()) {
            services
                .entry(service)
                .and_modify(|sum: &mut Evidence| sum.absorb(&shown.evidence))
                .or_insert_with(|| shown.evidence.clone());
        }
    }
    services
}

/// Actions granted on `*` or on all of a type because no event tells which resource was meant, the type behind the
/// action.
fn open_actions(grants: &[Grant], options: &Options, knowledge: &Knowledge<'_>) -> BTreeSet<String> {
    if options.granularity != Granularity::Resource {
        return BTreeSet::new();
    }
    let open = |grant: &Grant| match Arn::parse(&grant.resource) {
        Some(arn) => {
            let of_type = arn.resource.strip_suffix("/*").or_else(|| arn.resource.strip_suffix(":*"))?;
            (!of_type.contains(['/', ':', '*', '?'])).then(|| format!("{} ({})", grant.action, arn.resource))
        }
        None => (grant.resource == "*" && knowledge.takes_any_resource(&grant.action)).then(|| grant.action.clone()),
    };
    grants.iter().filter_map(open).collect()
}

fn documents(
    fitted: &Fitted,
    grants: &[Grant],
    options: &Options,
    knowledge: &Knowledge<'_>,
) -> (Vec<NamedPolicy>, Vec<StatementNote>) {
    // Names are single across all documents, so that a name says which statement is meant.
    let policies = &fitted.policies;
    let flat: Vec<Draft> = policies.iter().flatten().cloned().collect();
    let mut sids = sid::names(&flat, fitted.layout).into_iter();
    let used: BTreeSet<&str> = grants.iter().map(|grant| grant.action.as_str()).collect();
    let (mut documents, mut notes) = (Vec::new(), Vec::new());
    for (document, drafts) in policies.iter().enumerate() {
        let mut statements = Vec::with_capacity(drafts.len());
        for (statement, draft) in drafts.iter().enumerate() {
            let sid = sids.next().unwrap_or_default();
            if let Some(evidence) = draft.evidence(grants) {
                let sid = sid.clone();
                let added_actions = added(draft, &used, knowledge);
                let mut left_off = origin::left_off(&options.conditions, &draft.conditions, &evidence);
                left_off.extend(options.request_conditions.then(|| unbound(draft)).into_iter().flatten());
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

/// The conditions that requests tell and that a statement does not have.
fn unbound(draft: &Draft) -> Vec<String> {
    let has = |key: &str| draft.conditions.keys().any(|(_, known)| *known == key);
    let lacking = BINDINGS.iter().filter(|(action, _, key)| draft.actions.contains(*action) && !has(key));
    let keys: BTreeSet<&str> = lacking.map(|(_, _, key)| *key).collect();
    keys.into_iter().map(|key| format!("{key}: not every request told it, or too many different ones")).collect()
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
