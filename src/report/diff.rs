//! How two sides of use differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::rightsize::{Difference, PrincipalDifference};
use crate::util::shown;

/// Names of one list, for people.
const NAMES_MAX: usize = 12;

/// The value that is printed as JSON, nothing left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report<'a> {
    schema: &'static str,
    first: &'a str,
    second: &'a str,
    principals_that_are_the_same: usize,
    new_services: &'a BTreeSet<String>,
    gone_services: &'a BTreeSet<String>,
    new_accounts: &'a BTreeSet<String>,
    gone_accounts: &'a BTreeSet<String>,
    principals: Vec<Principal<'a>>,
    problems: &'a [String],
}

/// One principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Principal<'a> {
    who: &'a str,
    how: &'static str,
    new_actions: &'a BTreeMap<String, u64>,
    gone_actions: &'a BTreeMap<String, u64>,
    much_more: BTreeMap<&'a str, [u64; 2]>,
    new_resources: Vec<[&'a str; 2]>,
    gone_resources: Vec<[&'a str; 2]>,
    first_use_of_ways_to_more: &'a BTreeMap<String, &'static str>,
}

/// The value of a difference between sides of these names.
pub fn report<'a>(difference: &'a Difference, first: &'a str, second: &'a str) -> Report<'a> {
    Report {
        schema: "trailpare/diff/1",
        first,
        second,
        principals_that_are_the_same: difference.same,
        new_services: &difference.new_services,
        gone_services: &difference.gone_services,
        new_accounts: &difference.new_accounts,
        gone_accounts: &difference.gone_accounts,
        principals: difference.principals.iter().map(principal).collect(),
        problems: &difference.problems,
    }
}

fn principal(one: &PrincipalDifference) -> Principal<'_> {
    fn pairs(pairs: &BTreeSet<(String, String)>) -> Vec<[&str; 2]> {
        pairs.iter().map(|(action, resource)| [action.as_str(), resource.as_str()]).collect()
    }
    Principal {
        who: &one.who,
        how: one.how,
        new_actions: &one.new_actions,
        gone_actions: &one.gone_actions,
        much_more: one.more.iter().map(|(action, (before, after))| (action.as_str(), [*before, *after])).collect(),
        new_resources: pairs(&one.new_resources),
        gone_resources: pairs(&one.gone_resources),
        first_use_of_ways_to_more: &one.escalations,
    }
}

/// For people.
pub fn text(difference: &Difference, first: &str, second: &str) -> String {
    let mut out = format!("from {first} to {second}\n");
    let (changed, same) = (difference.principals.len(), difference.same);
    let _ = writeln!(out, "{changed} principals differ, {same} are the same");
    let lists = [
        ("new services", &difference.new_services),
        ("services no longer used", &difference.gone_services),
        ("new accounts", &difference.new_accounts),
        ("accounts in which nobody acts any more", &difference.gone_accounts),
    ];
    for (title, list) in lists {
        line(&mut out, "", title, list.iter().cloned());
    }
    for one in &difference.principals {
        let _ = writeln!(out, "\n{} ({})", shown::name(&one.who), one.how);
        let ways = one.escalations.iter().map(|(action, opens)| format!("{action} ({opens})"));
        line(&mut out, "  ", "first use of ways to more", ways);
        let uses = |actions: &BTreeMap<String, u64>| -> Vec<String> {
            let said =
                |(action, uses): (&String, &u64)| if *uses > 0 { format!("{action} ({uses})") } else { action.clone() };
            actions.iter().map(said).collect()
        };
        line(&mut out, "  ", "new actions", uses(&one.new_actions).into_iter());
        line(&mut out, "  ", "actions no longer used", uses(&one.gone_actions).into_iter());
        line(&mut out, "  ", "much more", one.more.iter().map(|(action, (a, b))| format!("{action} ({a} → {b})")));
        let pairs = |pairs: &BTreeSet<(String, String)>| -> Vec<String> {
            pairs.iter().map(|(action, resource)| format!("{action} on {resource}")).collect()
        };
        line(&mut out, "  ", "new resources", pairs(&one.new_resources).into_iter());
        line(&mut out, "  ", "resources no longer used", pairs(&one.gone_resources).into_iter());
    }
    out
}

fn line(out: &mut String, indent: &str, title: &str, names: impl ExactSizeIterator<Item = String>) {
    let count = names.len();
    if count == 0 {
        return;
    }
    let shown: Vec<String> = names.take(NAMES_MAX).map(|name| shown::name(&name).into_owned()).collect();
    let more = count - shown.len();
    let more = if more > 0 { format!(", … {more} more") } else { String::new() };
    let _ = writeln!(out, "{indent}{title}: {}{more}", shown.join(", "));
}
