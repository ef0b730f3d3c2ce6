//! Policies that exist already: what they lack, and what of them was never used.

use std::collections::{BTreeMap, BTreeSet};

use super::generalise::generalise;
use super::knowledge::{Access, Knowledge};
use super::make::Made;
use super::options::Options;
use super::pattern::without_covered;
use super::replay::{Asked, Asking, asked};
use super::risk;
use crate::iam::Catalog;
use crate::iam::document::{ActionSpec, Effect, Policy, ResourceSpec, Statement, Version};
use crate::iam::evaluate::{ActionMatcher, Compiled, Coverage, PolicySet, Request, Verdict, covers_resource};
use crate::usage::{RequestValues, UsageRow};

/// The rows that `policies` do not surely allow: what a policy beside them has to grant. Rows that an explicit deny
/// forbids are among them; no other policy can allow them.
pub fn missing(policies: &[Policy], rows: &[UsageRow], requests: &RequestValues, catalog: &Catalog) -> Vec<UsageRow> {
    let knowledge = Knowledge::new(catalog);
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

/// The policy in the language of 2012-10-17, in which what was made is written: there `${` begins a variable, which in
/// an older document is text.
fn in_current_language(policy: &Policy) -> Policy {
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

/// What of one statement was used, and what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementUse {
    /// Index in the document.
    pub statement: usize,
    pub sid: Option<String>,
    /// Actions of the catalogue that it grants and that were used under it.
    pub used_actions: Vec<String>,
    /// Actions that it grants and that were not, the riskiest first.
    pub unused_actions: Vec<UnusedAction>,
    /// Resource patterns of it that nothing used falls under.
    pub unused_resources: Vec<String>,
    /// `NotResource`, or conditions that a log cannot judge, stand in the way of narrowing more.
    pub is_conditional: bool,
}

/// A granted action that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedAction {
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
    pub policy: Option<Policy>,
    /// One for each statement that allows something.
    pub statements: Vec<StatementUse>,
}

impl Narrowed {
    /// Actions granted and not used, by any statement, none twice.
    pub fn unused_actions(&self) -> usize {
        let all: BTreeSet<&str> =
            self.statements.iter().flat_map(|s| s.unused_actions.iter().map(|a| a.action.as_str())).collect();
        let used: BTreeSet<&str> =
            self.statements.iter().flat_map(|s| s.used_actions.iter().map(String::as_str)).collect();
        all.difference(&used).count()
    }
}

/// Cuts a policy down to the actions and resources that were used. Denies stay as they are; so do conditions. A
/// use counts for every statement that allows it or, for what a log cannot know, may have allowed it.
pub fn narrow(policy: &Policy, rows: &[UsageRow], requests: &RequestValues, catalog: &Catalog) -> Narrowed {
    let knowledge = Knowledge::new(catalog);
    let asking = Asking::new(&PolicySet::of_identity(vec![policy.clone()]), requests, &knowledge);
    let requests: Vec<Asked<'_>> = rows.iter().map(|row| asked(row, &asking)).collect();
    let all = knowledge.all();
    let mut statements = Vec::new();
    let mut kept = Vec::new();
    for (index, statement) in policy.statements.iter().enumerate() {
        if statement.effect == Effect::Deny {
            kept.push(statement.clone());
            continue;
        }
        let used = uses(policy, statement, &requests);
        let unused_resources = unused_resources(statement, &used);
        let note = StatementUse {
            statement: index,
            sid: statement.sid.clone(),
            used_actions: used.keys().map(|action| (*action).to_owned()).collect(),
            unused_actions: unused_actions(statement, &used, &all, &knowledge),
            is_conditional: !statement.condition.is_empty()
                || matches!(statement.resources, ResourceSpec::NotResource(_)),
            unused_resources,
        };
        kept.extend(narrowed(statement, &note, &used));
        statements.push(note);
    }
    let allows = kept.iter().any(|statement| statement.effect == Effect::Allow);
    let policy = allows.then(|| Policy { statements: kept, ..policy.clone() });
    Narrowed { policy, statements }
}

/// Used action → resources, as far as this statement may have allowed it.
type Uses<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

fn uses<'a>(policy: &Policy, statement: &Statement, requests: &'a [Asked<'_>]) -> Uses<'a> {
    let alone = Policy { statements: vec![statement.clone()], ..policy.clone() };
    let compiled = Compiled::new(&PolicySet::of_identity(vec![alone]));
    let mut uses = Uses::new();
    for asked in requests {
        if let Asked::Request { action, resource, told } = asked {
            let ask = |context: &_| compiled.evaluate(&Request { action, resource, context });
            if told.any(ask, |verdict| !matches!(verdict, Verdict::Denied { .. })) {
                uses.entry(action).or_default().insert(resource);
            }
        }
    }
    uses
}

fn unused_actions(
    statement: &Statement,
    used: &Uses<'_>,
    all: &[&str],
    knowledge: &Knowledge<'_>,
) -> Vec<UnusedAction> {
    let matcher = ActionMatcher::new(&statement.actions);
    let unused = matcher.expand(all.iter().copied()).filter(|action| !used.contains_key(action));
    let mut unused: Vec<UnusedAction> = unused
        .map(|action| UnusedAction {
            action: action.to_owned(),
            access: knowledge.access(action),
            escalation: risk::escalation(action),
        })
        .collect();
    unused.sort_by(|a, b| {
        let rank = |action: &UnusedAction| (action.escalation.is_none(), std::cmp::Reverse(action.access));
        rank(a).cmp(&rank(b)).then_with(|| a.action.cmp(&b.action))
    });
    unused
}

/// Patterns under which no used resource falls, not even partly. Patterns with variables are left alone.
fn unused_resources(statement: &Statement, used: &Uses<'_>) -> Vec<String> {
    let ResourceSpec::Resource(patterns) = &statement.resources else { return Vec::new() };
    let is_unused = |pattern: &&String| {
        !pattern.contains("${")
            && !used.values().flatten().any(|resource| {
                *resource == "*" || pattern.as_str() == "*" || covers_resource(pattern, resource) != Coverage::None
            })
    };
    patterns.iter().filter(is_unused).cloned().collect()
}

/// The statement with what was used of it: the actions, and of the resources what they were used on. Actions that were
/// used on no resource that the log names stay on the statement's own patterns, in a statement of their own.
fn narrowed(statement: &Statement, note: &StatementUse, used: &Uses<'_>) -> Vec<Statement> {
    if note.used_actions.is_empty() {
        return Vec::new();
    }
    let mut whole = statement.clone();
    whole.actions = ActionSpec::Action(note.used_actions.clone());
    let ResourceSpec::Resource(patterns) = &mut whole.resources else { return vec![whole] };
    patterns.retain(|pattern| !note.unused_resources.contains(pattern));
    let patterns = patterns.clone();
    let is_wide = |pattern: &String| pattern.contains(['*', '?']);
    if !patterns.iter().any(is_wide) || patterns.iter().any(|pattern| pattern.contains("${")) {
        return vec![whole];
    }
    let (named, unnamed): (Vec<&str>, Vec<&str>) =
        used.keys().partition(|action| used.get(*action).is_some_and(|on| on.iter().all(|r| is_within(&patterns, r))));
    let mut statements = Vec::new();
    if !named.is_empty() {
        let resources = narrowed_resources(&patterns, named.iter().filter_map(|action| used.get(action)).flatten());
        let actions = named.iter().map(|action| (*action).to_owned()).collect();
        statements.push(Statement {
            actions: ActionSpec::Action(actions),
            resources: ResourceSpec::Resource(resources),
            ..whole.clone()
        });
    }
    if !unnamed.is_empty() {
        let actions = unnamed.iter().map(|action| (*action).to_owned()).collect();
        let is_second = !statements.is_empty();
        let sid = whole.sid.take().map(|sid| if is_second { format!("{sid}Unnamed") } else { sid });
        statements.push(Statement { sid, actions: ActionSpec::Action(actions), ..whole });
    }
    statements
}

/// Whether the log names the resource, and one pattern holds all of it.
fn is_within(patterns: &[String], resource: &str) -> bool {
    !matches!(resource, "*" | "arn:*")
        && patterns.iter().any(|pattern| covers_resource(pattern, resource) == Coverage::All)
}

/// The used resources, names that vary generalised as far as the statement's own patterns go.
fn narrowed_resources<'a>(patterns: &[String], used: impl Iterator<Item = &'a &'a str>) -> Vec<String> {
    let used: BTreeSet<String> = used.map(|resource| (*resource).to_owned()).collect();
    let options = Options::default();
    let wider = generalise(&used, options.generalize, options.distinct_max);
    let of = |(resource, wider): (String, String)| if is_within(patterns, &wider) { wider } else { resource };
    without_covered(wider.into_iter().map(of).collect()).into_iter().collect()
}

/// The report, for people; `names_max` actions of an access level by name, the rest counted.
pub fn report(narrowed: &Narrowed, names_max: usize) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for note in &narrowed.statements {
        let name = note.sid.clone().unwrap_or_else(|| format!("statement {}", note.statement + 1));
        let granted = note.used_actions.len() + note.unused_actions.len();
        let _ = writeln!(out, "{name}: {} of {granted} actions used", note.used_actions.len());
        let escalating: Vec<&UnusedAction> = note.unused_actions.iter().filter(|a| a.escalation.is_some()).collect();
        for action in escalating.iter().take(20) {
            let _ = writeln!(
                out,
                "  unused, opens a way to more: {} ({})",
                action.action,
                action.escalation.unwrap_or_default()
            );
        }
        for (access, actions) in by_access(&note.unused_actions) {
            let shown: Vec<&str> = actions.iter().take(names_max).map(|action| action.action.as_str()).collect();
            let more = if actions.len() > shown.len() {
                format!(", … {} more", actions.len() - shown.len())
            } else {
                String::new()
            };
            let _ = writeln!(out, "  unused, {access}: {} ({}{more})", actions.len(), shown.join(", "));
        }
        for resource in &note.unused_resources {
            let _ = writeln!(out, "  unused resource: {resource}");
        }
    }
    out
}

fn by_access(actions: &[UnusedAction]) -> Vec<(&'static str, Vec<&UnusedAction>)> {
    let mut by: BTreeMap<std::cmp::Reverse<Option<Access>>, Vec<&UnusedAction>> = BTreeMap::new();
    for action in actions {
        by.entry(std::cmp::Reverse(action.access)).or_default().push(action);
    }
    by.into_iter().map(|(access, list)| (access.0.map_or("access level not known", Access::as_str), list)).collect()
}
