//! How much is granted beyond what was used.
//!
//! A policy *grants* the pairs (a, p) for every action a of the catalogue that a statement's actions match and every
//! pattern p of its resources. A pair is *used* if a was used and p, word for word, is a resource in `usage` (a `*`
//! there counts as `*`). All others are excess, in kinds that add up: *in any account*: p is a resource that a was
//! used on, but for its account, which is `*`, as in the one policy of a permission set it must be; *characters*: p
//! holds `?` where a policy cannot hold the name's character; *widened*: a was used on something that p covers, but p
//! is wider; *spread*: a was used, but on nothing that p covers; *unused*: a was not used at all.
//!
//! The count of pairs says how many grants to look at. How much lies open is another question, and what it weighs is
//! told by each pair's [`Opening`]: `*` is never one.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog_view::CatalogView;
use super::classify::Grant;
use super::names::has_stand_ins;
use super::opening::{Breadth, Danger, Opening, OpeningLine};
use super::pattern::{covered, covers};
use super::statement::Draft;
use crate::iam::arn::Arn;
use crate::iam::evaluate::covers_action;

/// Pairs of action and resource pattern, counted as the module says, and what they open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// Pairs granted.
    pub granted: usize,
    /// Granted pairs that are used.
    pub used: usize,
    /// As used, but for the account, which is `*`.
    pub any_account: usize,
    /// As used, but for characters that a policy cannot hold.
    pub characters: usize,
    /// Wider than used.
    pub widened: usize,
    /// The action was used, but on nothing of this pattern.
    pub spread: usize,
    /// The action was not used.
    pub unused: usize,
    /// One for each pair beyond those used, the heaviest first.
    pub openings: Vec<Opening>,
}

impl Excess {
    /// Pairs granted beyond those used.
    pub fn total(&self) -> usize {
        self.any_account + self.characters + self.widened + self.spread + self.unused
    }

    /// What all of them open, weighted by breadth and access level.
    pub fn weight(&self) -> u128 {
        self.openings.iter().fold(0, |sum, opening| sum.saturating_add(opening.weight()))
    }

    /// What was opened, in words, the most dangerous first.
    pub fn words(&self) -> Vec<OpeningLine> {
        super::opening::words(&self.openings)
    }
}

/// The excess of `drafts` over `grants`.
pub(crate) fn excess<'a>(
    drafts: impl IntoIterator<Item = &'a Draft>,
    grants: impl IntoIterator<Item = &'a Grant>,
    knowledge: &CatalogView<'_>,
) -> Excess {
    let mut granted: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for draft in drafts {
        for action in draft.actions.iter().flat_map(|pattern| expand(pattern, knowledge)) {
            granted.entry(action).or_default().extend(draft.resources.iter().map(String::as_str));
        }
    }
    excess_of(&granted, grants, knowledge)
}

/// What `drafts` open beyond `grants`, weighted: the sum of [`Excess::weight`] without the words.
pub(crate) fn weight<'a>(
    drafts: &[Draft],
    grants: impl IntoIterator<Item = &'a Grant>,
    knowledge: &CatalogView<'_>,
) -> u128 {
    let used: BTreeSet<(&str, &str)> =
        grants.into_iter().map(|grant| (grant.action.as_str(), grant.resource.as_str())).collect();
    let mut seen: BTreeSet<(String, &str)> = BTreeSet::new();
    let mut breadths: BTreeMap<&str, Breadth> = BTreeMap::new();
    let mut sum: u128 = 0;
    for draft in drafts {
        for action in draft.actions.iter().flat_map(|pattern| expand(pattern, knowledge)) {
            let danger = Danger::of(&action, knowledge.access(&action));
            let beyond = draft.resources.iter().map(String::as_str);
            for resource in beyond.filter(|resource| !used.contains(&(action.as_str(), *resource))) {
                let breadth = *breadths.entry(resource).or_insert_with(|| Breadth::of(resource));
                if seen.insert((action.clone(), resource)) {
                    sum = sum.saturating_add(danger.weigh(breadth));
                }
            }
        }
    }
    sum
}

/// The excess of pairs of action and pattern over grants.
pub(crate) fn excess_of<'a>(
    granted: &BTreeMap<String, BTreeSet<&str>>,
    grants: impl IntoIterator<Item = &'a Grant>,
    knowledge: &CatalogView<'_>,
) -> Excess {
    let mut used: BTreeMap<&str, Used<'_>> = BTreeMap::new();
    for grant in grants {
        let used = used.entry(&grant.action).or_default();
        if used.all.insert(&grant.resource) && grant.resource.contains(['*', '?']) {
            used.wide.push(&grant.resource);
        }
    }
    let mut excess = Excess::default();
    for (action, resources) in granted {
        let used = used.get(action.as_str());
        for resource in resources {
            if let Some((breadth, named)) = count(&mut excess, used, resource) {
                let access = knowledge.access(action);
                let (action, pattern) = (action.clone(), (*resource).to_owned());
                excess.openings.push(Opening { action, pattern, breadth, access, named });
            }
        }
    }
    excess.openings.sort_by(|a, b| {
        b.weight().cmp(&a.weight()).then_with(|| (&a.action, &a.pattern).cmp(&(&b.action, &b.pattern)))
    });
    excess
}

/// The resources that an action was used on.
#[derive(Default)]
struct Used<'a> {
    all: BTreeSet<&'a str>,
    /// Those of them that are patterns.
    wide: Vec<&'a str>,
}

/// Counts a pair; of one that is excess, how broad it is and how many of the used resources it covers.
fn count(excess: &mut Excess, used: Option<&Used<'_>>, resource: &str) -> Option<(Breadth, usize)> {
    excess.granted += 1;
    let none = BTreeSet::new();
    let named = |used: &BTreeSet<&str>| covered(resource, used).count();
    let wide = used.map_or(&[][..], |used| &used.wide);
    let (kind, used) = match used.map(|used| &used.all) {
        None => (&mut excess.unused, &none),
        Some(used) if used.contains(resource) && !has_stand_ins(resource) => {
            excess.used += 1;
            return None;
        }
        Some(used) if used.contains(resource) => (&mut excess.characters, used),
        Some(used) if is_but_for_account(resource, used) => {
            excess.any_account += 1;
            return Some((Breadth::AnyAccount, 1));
        }
        // Narrower than what events left open: of a policy that is cut down, what it says itself.
        Some(_) if wide.iter().any(|outer| covers(outer, resource)) => {
            excess.used += 1;
            return None;
        }
        Some(used) if covered(resource, used).next().is_some() => (&mut excess.widened, used),
        Some(used) => (&mut excess.spread, used),
    };
    *kind += 1;
    Some((Breadth::of(resource), named(used)))
}

fn is_but_for_account(pattern: &str, used: &BTreeSet<&str>) -> bool {
    let Some(pattern) = Arn::parse(pattern).filter(|pattern| pattern.account == "*") else { return false };
    let is_it = |resource: &Arn<'_>| pattern == Arn { account: "*", ..*resource };
    used.iter().any(|used| used.ends_with(pattern.resource) && Arn::parse(used).is_some_and(|arn| is_it(&arn)))
}

/// The catalogue's actions that a pattern matches; the pattern itself where it is an action.
pub(crate) fn expand(pattern: &str, knowledge: &CatalogView<'_>) -> Vec<String> {
    if !pattern.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let service = pattern.split(':').next().unwrap_or_default();
    let names = knowledge.actions_of(service).into_iter().map(|name| format!("{service}:{name}"));
    names.filter(|action| covers_action(pattern, action)).collect()
}
