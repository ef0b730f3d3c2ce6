//! How much is granted beyond what was used.
//!
//! What is counted are pairs of an action and a resource pattern. A policy *grants* the pairs (a, p) for every action a
//! of the catalogue that a statement's actions match and every pattern p of its resources. A pair is *used* if a was used
//! and p, word for word, is a resource in `usage` (a `*` there counts as `*`). All others are excess, in four kinds that
//! add up: *in any account*: p is a resource that a was used on, but for its account, which is `*`, as in the one policy of
//! a permission set it must be; *widened*: a was used on something that p covers, but p is wider; *spread*: a was used,
//! but on nothing that p covers; *unused*: a was not used at all. One excess pair may stand for many resources (`bucket/*`), so the figure says
//! how many grants to look at, not how many resources lie open.

use std::collections::{BTreeMap, BTreeSet};

use super::knowledge::Knowledge;
use super::pattern::covers;
use super::sift::Grant;
use super::statement::Draft;
use crate::iam::arn::Arn;
use crate::iam::evaluate::covers_action;

/// Pairs of action and resource pattern, counted as the module says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// Pairs granted.
    pub granted: usize,
    /// Granted pairs that are used.
    pub used: usize,
    /// As used, but for the account, which is `*`.
    pub any_account: usize,
    /// Wider than used.
    pub widened: usize,
    /// The action was used, but on nothing of this pattern.
    pub spread: usize,
    /// The action was not used.
    pub unused: usize,
}

impl Excess {
    /// Pairs granted beyond those used.
    pub fn total(&self) -> usize {
        self.any_account + self.widened + self.spread + self.unused
    }
}

/// The excess of `drafts` over `grants`.
pub(crate) fn excess<'a>(
    drafts: impl IntoIterator<Item = &'a Draft>,
    grants: &[Grant],
    knowledge: &Knowledge<'_>,
) -> Excess {
    let mut used: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for grant in grants {
        used.entry(&grant.action).or_default().insert(&grant.resource);
    }
    let mut granted: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for draft in drafts {
        for action in draft.actions.iter().flat_map(|pattern| expand(pattern, knowledge)) {
            granted.entry(action).or_default().extend(draft.resources.iter().map(String::as_str));
        }
    }
    let mut excess = Excess::default();
    for (action, resources) in granted {
        let used = used.get(action.as_str());
        resources.into_iter().for_each(|resource| count(&mut excess, used, resource));
    }
    excess
}

fn count(excess: &mut Excess, used: Option<&BTreeSet<&str>>, resource: &str) {
    excess.granted += 1;
    match used {
        None => excess.unused += 1,
        Some(used) if used.contains(resource) => excess.used += 1,
        Some(used) if is_but_for_account(resource, used) => excess.any_account += 1,
        Some(used) if used.iter().any(|inner| covers(resource, inner)) => excess.widened += 1,
        Some(_) => excess.spread += 1,
    }
}

fn is_but_for_account(pattern: &str, used: &BTreeSet<&str>) -> bool {
    let Some(pattern) = Arn::parse(pattern).filter(|pattern| pattern.account == "*") else { return false };
    let is_it = |resource: &Arn<'_>| pattern == Arn { account: "*", ..*resource };
    used.iter().any(|used| used.ends_with(pattern.resource) && Arn::parse(used).is_some_and(|arn| is_it(&arn)))
}

/// The catalogue's actions that a pattern matches; the pattern itself where it is an action.
pub(crate) fn expand(pattern: &str, knowledge: &Knowledge<'_>) -> Vec<String> {
    if !pattern.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let service = pattern.split(':').next().unwrap_or_default();
    let names = knowledge.actions_of(service).into_iter().map(|name| format!("{service}:{name}"));
    names.filter(|action| covers_action(pattern, action)).collect()
}
