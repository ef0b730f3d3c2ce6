//! Usage → policies, with everything that is to be said beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::base::Granted;
use super::binding::BINDINGS;
use super::ceiling::Ceiling;
use super::choices::choices;
use super::evidence::Evidence;
use super::excess::{Excess, excess};
use super::fit::{Choice, FitError, Fitted, Layout, Ready, Widened, fit};
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
use crate::iam::document::{Policy, Statement};
use crate::usage::{RequestValues, Text, UsageRow};

/// A policy and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Its name; of several the number is part of it.
    pub name: String,
    /// The document.
    pub policy: Policy,
}

/// What one statement rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementNote {
    /// Index into `Made::documents`.
    pub document: usize,
    /// Index into the document's statements.
    pub statement: usize,
    /// The statement's `Sid`.
    pub sid: String,
    /// The events that speak for it.
    pub evidence: Evidence,
    /// Actions that a wildcard grants and that were not used.
    pub added_actions: Vec<String>,
    /// Conditions on the calls' origin that were asked for and that it does not have, and why.
    pub left_off: Vec<String>,
}

/// Policies made from usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// What kind of policy it is.
    pub kind: Kind,
    /// How it is to be attached, which sets its limits.
    pub attach: Attach,
    /// How many policies there may be: whether what is written is one document or a list follows from this alone.
    pub policies_max: usize,
    /// The policies.
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
    /// What is granted beyond what was used. Of a policy that was added to: by all of it.
    pub excess: Excess,
    /// What the policy granted that was added to, before.
    pub before: Option<Granted>,
    /// Principals whose usage it is.
    pub principals: BTreeSet<Text>,
    /// First and last event, microseconds since 1970-01-01 UTC.
    pub times_us: Option<(i64, i64)>,
    /// Events behind the rows of the selection.
    pub events: u64,
}

impl Made {
    /// Calls that were allowed and whose action is not certain, but for those of services that are granted whole: the
    /// policy may lack what they need.
    pub fn lacking(&self) -> impl Iterator<Item = &Shown> {
        let statements = self.documents.iter().flat_map(|document| &document.policy.statements);
        let patterns = statements.flat_map(|statement| statement.actions.patterns());
        let whole: BTreeSet<&str> = patterns.filter_map(|pattern| pattern.strip_suffix(":*")).collect();
        let is_granted = move |shown: &&Shown| shown.action.split(':').next().is_some_and(|s| whole.contains(s));
        self.unverified.iter().filter(move |shown| !is_granted(shown))
    }

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
            before: None,
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
    let knowledge = Knowledge::new(catalog);
    let mut sifted = sift(rows, requests, options, &knowledge);
    let uncertain_services = if options.kind == Kind::Scp && options.granularity == Granularity::Service {
        let services = uncertain_services(&sifted, &knowledge);
        sifted.grants.extend(services.iter().map(|(service, evidence)| Grant::of_service(service, evidence)));
        services.into_keys().collect()
    } else {
        BTreeSet::new()
    };
    let made = assemble(sifted, &Recipe::of(rows, options, &knowledge))?;
    Ok(Made { uncertain_services, ..made })
}

/// What policies are made by, besides what was sifted.
pub(crate) struct Recipe<'a> {
    pub(crate) rows: &'a [UsageRow],
    pub(crate) options: &'a Options,
    pub(crate) knowledge: &'a Knowledge<'a>,
    /// What events named, where something else is granted.
    pub(crate) named: Option<&'a [Grant]>,
    /// What nothing may go beyond, where a policy is cut down.
    pub(crate) ceiling: Option<&'a Ceiling>,
    /// Statements that forbid and stay as they are.
    pub(crate) denials: Vec<Statement>,
}

impl<'a> Recipe<'a> {
    pub(crate) fn of(rows: &'a [UsageRow], options: &'a Options, knowledge: &'a Knowledge<'a>) -> Recipe<'a> {
        Recipe { rows, options, knowledge, named: None, ceiling: None, denials: Vec::new() }
    }

    /// The options for what stands beside the denials.
    fn beside_denials(&self) -> Options {
        let limits = Limits::of(self.options);
        if self.denials.is_empty() {
            return self.options.clone();
        }
        if limits.policies_max == 1 {
            // A comma, and what a name may be made longer by.
            let taken: usize = self.denials.iter().map(|denial| denial.to_value().to_string().len() + 4).sum();
            return Options { size_max: Some(limits.size_max.saturating_sub(taken)), ..self.options.clone() };
        }
        let alone = placed(Vec::new(), &self.denials, limits.size_max, &self.options.name);
        let left = limits.policies_max.saturating_sub(alone.len()).max(1);
        Options { policies_max: Some(left), ..self.options.clone() }
    }
}

/// Policies of what was sifted, within the limits.
pub(crate) fn assemble(sifted: Sifted, recipe: &Recipe<'_>) -> Result<Made, MakeError> {
    let Recipe { rows, options, knowledge, .. } = recipe;
    if sifted.grants.is_empty() {
        return Err(nothing(&sifted));
    }
    let room = recipe.beside_denials();
    let scope = Scope::new(&sifted.grants, &room, knowledge, recipe.ceiling);
    let ready = Ready::new(&sifted.grants, &scope);
    let fitted = fitted(&ready, &sifted.grants, &room, recipe)?;
    let named = recipe.named.unwrap_or(&sifted.grants);
    let excess = excess(fitted.policies.iter().flatten(), named, knowledge);
    let (documents, statements) = documents(&fitted, &sifted.grants, recipe);
    let choices = match documents.len() {
        0 | 1 => Vec::new(),
        several => choices(&ready, &sifted.grants, &room, several, recipe),
    };
    let documents = with_denials(documents, recipe)?;
    Ok(Made {
        kind: options.kind,
        attach: options.attach,
        policies_max: Limits::of(options).policies_max,
        escalations: escalations(&fitted, knowledge),
        documents,
        statements,
        suggestions: suggestions(&sifted.grants, knowledge),
        open_actions: open_actions(&sifted.grants, options, knowledge),
        denied: sifted.denied,
        undecided: sifted.undecided,
        unverified: sifted.unverified,
        incomplete: sifted.incomplete,
        impossible: sifted.impossible,
        excluded: sifted.excluded,
        uncertain_services: BTreeSet::new(),
        layout: fitted.layout,
        widened: fitted.widened,
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

/// Each denial in the first document that has room for it, or in one of its own. A denial holds wherever it stands.
fn placed(mut documents: Vec<NamedPolicy>, denials: &[Statement], size_max: usize, name: &str) -> Vec<NamedPolicy> {
    for denial in denials {
        let with = |policy: &Policy| {
            let statements = policy.statements.iter().chain([denial]).cloned().collect();
            Policy { statements, ..policy.clone() }
        };
        let longer = documents.iter_mut().map(|document| (with(&document.policy), document));
        match longer.into_iter().find(|(longer, _)| longer.size() <= size_max) {
            Some((longer, document)) => document.policy = longer,
            None => {
                let policy = Policy::new(vec![denial.clone()]);
                documents.push(NamedPolicy { name: format!("{name}-{}", documents.len() + 1), policy });
                if let [first, _] = documents.as_mut_slice() {
                    first.name = format!("{name}-1");
                }
            }
        }
    }
    documents
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
