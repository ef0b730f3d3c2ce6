//! Usage → policies: what was used, put together within the limits.

use std::collections::{BTreeMap, BTreeSet};

use super::binding::BINDINGS;
use super::catalog_view::CatalogView;
use super::choices::choices;
use super::classify::{Classified, Grant, Suggestion, classify};
use super::evidence::Evidence;
use super::excess::excess;
use super::fit::{FitError, Fitted, Ready, fit};
use super::limits::Limits;
use super::made::{Made, NamedPolicy, StatementNote, events, times};
use super::options::{Granularity, Kind, Options};
use super::origin;
use super::privilege_escalation;
use super::recipe::{Recipe, placed};
use super::sid;
use super::statement::Draft;
use super::widen::Scope;
use crate::iam::Catalog;
use crate::iam::arn::Arn;
use crate::iam::document::Policy;
use crate::usage::{RequestValues, UsageRow};

/// Why there is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MakeError {
    /// Nothing that was allowed needs a permission that is known for certain.
    #[error(
        "nothing to grant: {denied} uses were denied, {undecided} failed before anybody decided, {unverified} are not certain, \
         {incomplete} lack what granting them takes, {impossible} are on names that no resource can have, {excluded} need no \
         permission, or none that they can be given"
    )]
    Nothing {
        /// Uses that were denied.
        denied: usize,
        /// Uses that failed before anybody decided.
        undecided: usize,
        /// Uses whose action is not certain.
        unverified: usize,
        /// Uses of which too little is known to grant them.
        incomplete: usize,
        /// Uses on names that no resource can have.
        impossible: usize,
        /// Uses that need no permission, or none that can be given.
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
    let knowledge = CatalogView::new(catalog);
    let mut classified = classify(rows, requests, options, &knowledge);
    let uncertain_services = if options.kind == Kind::Scp && options.granularity == Granularity::Service {
        let services = uncertain_services(&classified, &knowledge);
        classified.grants.extend(services.iter().map(|(service, evidence)| Grant::of_service(service, evidence)));
        services.into_keys().collect()
    } else {
        BTreeSet::new()
    };
    let made = assemble(classified, &Recipe::of(rows, options, &knowledge))?;
    Ok(Made { uncertain_services, ..made })
}

/// Policies of what was classified, within the limits.
pub(crate) fn assemble(classified: Classified, recipe: &Recipe<'_>) -> Result<Made, MakeError> {
    let Recipe { rows, options, knowledge, .. } = recipe;
    if classified.grants.is_empty() {
        return Err(nothing(&classified));
    }
    let room = recipe.beside_denials();
    let scope = Scope::new(&classified.grants, &room, knowledge, recipe.ceiling);
    let ready = Ready::new(&classified.grants, &scope);
    let fitted = fitted(&ready, &classified.grants, &room, recipe)?;
    let named = recipe.named.unwrap_or(&classified.grants);
    let excess = excess(fitted.policies.iter().flatten(), named, knowledge);
    let (documents, statements) = documents(&fitted, &classified.grants, recipe);
    let choices = match documents.len() {
        0 | 1 => Vec::new(),
        several => choices(&ready, &classified.grants, &room, several, recipe),
    };
    let documents = with_denials(documents, recipe)?;
    Ok(Made {
        kind: options.kind,
        attach: options.attach,
        policies_max: Limits::of(options).policies_max,
        escalations: escalations(&fitted, knowledge),
        documents,
        statements,
        suggestions: suggestions(&classified.grants, knowledge),
        open_actions: open_actions(&classified.grants, options, knowledge),
        denied: classified.denied,
        undecided: classified.undecided,
        unverified: classified.unverified,
        incomplete: classified.incomplete,
        impossible: classified.impossible,
        excluded: classified.excluded,
        uncertain_services: BTreeSet::new(),
        layout: fitted.layout,
        widened: fitted.widened,
        siblings: Vec::new(),
        choices,
        excess,
        before: None,
        principals: rows.iter().map(|row| row.principal_arn.clone()).collect(),
        times_us: times(rows),
        events: events(rows),
    })
}

/// Puts the denials into the documents, and checks the limits once more.
fn with_denials(documents: Vec<NamedPolicy>, recipe: &Recipe<'_>) -> Result<Vec<NamedPolicy>, FitError> {
    if recipe.denials.is_empty() {
        return Ok(documents);
    }
    let Limits { size_max, policies_max, name } = Limits::of(recipe.options);
    let documents = placed(documents, &recipe.denials, size_max, &recipe.options.name);
    let largest = documents.iter().map(|document| document.policy.size()).max().unwrap_or(0);
    let choices = Vec::new();
    if largest > size_max {
        let service = "what is denied".to_owned();
        return Err(FitError::TooLarge { service, size: largest, size_max, name, choices });
    }
    let needed = documents.len();
    if needed > policies_max {
        return Err(FitError::TooMany { needed, size_max, policies_max, name, choices });
    }
    Ok(documents)
}

fn nothing(classified: &Classified) -> MakeError {
    MakeError::Nothing {
        denied: classified.denied.len(),
        undecided: classified.undecided.len(),
        unverified: classified.unverified.len(),
        incomplete: classified.incomplete.len(),
        impossible: classified.impossible.len(),
        excluded: classified.excluded.len(),
    }
}

/// Within the limits, or the error with what would do instead.
fn fitted(ready: &Ready<'_>, grants: &[Grant], options: &Options, recipe: &Recipe<'_>) -> Result<Fitted, FitError> {
    fit(ready, options).map_err(|error| {
        let choices = |needed| choices(ready, grants, options, needed, recipe);
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
fn escalations(fitted: &Fitted, knowledge: &CatalogView<'_>) -> BTreeMap<String, &'static str> {
    let patterns = fitted.policies.iter().flatten().flat_map(|draft| &draft.actions);
    let actions = patterns.flat_map(|pattern| super::excess::expand(pattern, knowledge));
    actions.filter_map(|action| privilege_escalation::escalation(&action).map(|opens| (action, opens))).collect()
}

/// Services of which all that is known is that something was used and allowed, which action is not certain. A service
/// control policy grants nothing, and one that left them out would deny what nobody could foresee from the proof.
fn uncertain_services(classified: &Classified, knowledge: &CatalogView<'_>) -> BTreeMap<String, Evidence> {
    let service = |action: &str| action.split(':').next().unwrap_or_default().to_owned();
    let certain = classified.services();
    let known = knowledge.services();
    let mut services = BTreeMap::new();
    for shown in classified.unverified.iter().chain(&classified.incomplete) {
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
fn open_actions(grants: &[Grant], options: &Options, knowledge: &CatalogView<'_>) -> BTreeSet<String> {
    if options.granularity != Granularity::Resource {
        return BTreeSet::new();
    }
    let open = |grant: &Grant| match Arn::parse(&grant.resource) {
        Some(arn)
            if arn.region == "*" || arn.account == "*" || arn.resource == "*" || arn.resource.starts_with("*/") =>
        {
            Some(format!("{} ({})", grant.action, grant.resource))
        }
        Some(arn) => {
            let of_type = arn.resource.strip_suffix("/*").or_else(|| arn.resource.strip_suffix(":*"))?;
            (!of_type.contains(['/', ':', '*', '?'])).then(|| format!("{} ({})", grant.action, arn.resource))
        }
        None => (grant.resource == "*" && knowledge.takes_any_resource(&grant.action)).then(|| grant.action.clone()),
    };
    grants.iter().filter_map(open).collect()
}

fn documents(fitted: &Fitted, grants: &[Grant], recipe: &Recipe<'_>) -> (Vec<NamedPolicy>, Vec<StatementNote>) {
    let Recipe { options, knowledge, .. } = recipe;
    // Names are single across all documents, so that a name says which statement is meant.
    let policies = &fitted.policies;
    let flat: Vec<Draft> = policies.iter().flatten().cloned().collect();
    let taken = recipe.denials.iter().filter_map(|denial| denial.sid.clone()).collect();
    let mut sids = sid::names_beside(&flat, fitted.layout, taken).into_iter();
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
    let has = |key: &str| draft.conditions.own.keys().any(|(_, known)| *known == key);
    let lacking = BINDINGS.iter().filter(|(action, _, key)| draft.actions.contains(*action) && !has(key));
    let keys: BTreeSet<&str> = lacking.map(|(_, _, key)| *key).collect();
    keys.into_iter().map(|key| format!("{key}: not every request told it, or too many different ones")).collect()
}

fn added(draft: &Draft, used: &BTreeSet<&str>, knowledge: &CatalogView<'_>) -> Vec<String> {
    let wild = draft.actions.iter().filter(|action| action.contains(['*', '?']));
    let added = wild.flat_map(|pattern| super::excess::expand(pattern, knowledge));
    added.filter(|action| !used.contains(action.as_str())).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Dependent actions (Service Authorization Reference) of used actions that were not used themselves.
fn suggestions(grants: &[Grant], knowledge: &CatalogView<'_>) -> Vec<Suggestion> {
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
