//! Policies that were made from usage, with everything that is to be said beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::choice::Choice;
use super::classify::{Shown, Suggestion};
use super::evidence::Evidence;
use super::excess::Excess;
use super::layout::{Layout, Widened};
use super::limits::Limits;
use super::options::{Attach, Kind, Options};
use crate::iam::document::Policy;
use crate::usage::{Text, UsageRow};

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
    /// Actions that nobody used and that stand there because siblings were asked for.
    pub siblings: Vec<String>,
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

/// What a policy that exists grants, counted like what is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// Statements that allow or deny.
    pub statements: usize,
    /// What it grants beyond what the rows used.
    pub excess: Excess,
    /// Granted actions with which more can be gained, and what they open.
    pub escalations: BTreeMap<String, &'static str>,
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
    pub(super) fn of_existing(documents: Vec<NamedPolicy>, rows: &[UsageRow], options: &Options) -> Made {
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
            siblings: Vec::new(),
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

pub(super) fn times(rows: &[UsageRow]) -> Option<(i64, i64)> {
    let first = rows.iter().map(|row| row.first_time_us).min();
    first.zip(rows.iter().map(|row| row.last_time_us).max())
}

pub(super) fn events(rows: &[UsageRow]) -> u64 {
    rows.iter().fold(0, |sum, row| sum.saturating_add(row.event_count))
}
