//! Two sides of use compared: windows, states, stores, or a store and a folder of policies.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::deployed::DeployedPolicies;
use super::groups::{Groups, Reading};
use super::subject::RowKey;
use crate::iam::Catalog;
use crate::iam::evaluate::PolicySet;
use crate::policy::privilege_escalation;
use crate::policy::unused::granted_actions;
use crate::store::Snapshot;
use crate::usage::{Outcome, ReadError, RolePaths, Space, TimeRange, UsageRow};

/// One side.
#[derive(Clone, Copy, Debug)]
pub enum Side<'a> {
    /// What was used, in a window of a state of a store.
    Use(&'a Snapshot, &'a TimeRange),
    /// What policies grant: actions alone.
    Policies(&'a DeployedPolicies),
}

/// How the second side differs from the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// By principal, those that differ.
    pub principals: Vec<PrincipalDifference>,
    /// Principals that are the same.
    pub same: usize,
    /// Services that nobody used on the first side.
    pub new_services: BTreeSet<String>,
    /// Services that nobody uses on the second.
    pub gone_services: BTreeSet<String>,
    /// Accounts whose principals did nothing on the first side.
    pub new_accounts: BTreeSet<String>,
    /// Accounts whose principals do nothing on the second.
    pub gone_accounts: BTreeSet<String>,
    /// What could not be compared, and why.
    pub problems: Vec<String>,
}

/// How one principal differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrincipalDifference {
    /// Who, in words.
    pub who: String,
    /// `new`, `gone`, `changed`.
    pub how: &'static str,
    /// Actions of the second side alone, with their uses.
    pub new_actions: BTreeMap<String, u64>,
    /// Actions of the first side alone.
    pub gone_actions: BTreeMap<String, u64>,
    /// Actions used much more often: uses on both sides.
    pub more: BTreeMap<String, (u64, u64)>,
    /// Pairs of action and resource of the second side alone, of actions of both.
    pub new_resources: BTreeSet<(String, String)>,
    /// Pairs of the first side alone, of actions of both.
    pub gone_resources: BTreeSet<(String, String)>,
    /// Actions among the new ones that lead to more, and what they open.
    pub escalations: BTreeMap<String, &'static str>,
}

/// Uses that make an action much more used: so many times as many, and so many more.
const MORE_TIMES: u64 = 3;
const MORE_USES: u64 = 20;

/// What one principal did, or may do.
#[derive(Default)]
struct Sum {
    who: String,
    account: Option<String>,
    actions: BTreeMap<String, u64>,
    /// Of policies, none: they grant actions.
    resources: Option<BTreeSet<(String, String)>>,
}

type Sums<'a> = Box<dyn Iterator<Item = Result<(String, Result<Sum, String>), ReadError>> + 'a>;

/// Compares two sides.
///
/// # Errors
/// A store.
pub fn diff(first: Side<'_>, second: Side<'_>, catalog: &Catalog, space: &Space) -> Result<Difference, ReadError> {
    let space = space.share(2);
    let (mut first, mut second) = (sums(first, catalog, &space)?.peekable(), sums(second, catalog, &space)?.peekable());
    let (mut difference, mut seen) = (Difference::default(), [Seen::default(), Seen::default()]);
    loop {
        let order = match (first.peek(), second.peek()) {
            (None, None) => break,
            (Some(Err(_)), _) | (Some(_), None) => Ordering::Less,
            (_, Some(Err(_))) | (None, Some(_)) => Ordering::Greater,
            (Some(Ok((a, _))), Some(Ok((b, _)))) => a.cmp(b),
        };
        let mut take = |is_first: bool| -> Result<Option<Sum>, ReadError> {
            let next = if is_first { first.next() } else { second.next() };
            match next.transpose()? {
                Some((_, Ok(sum))) => Ok(Some(sum)),
                Some((who, Err(why))) => {
                    difference.problems.push(format!("{who}: {why}"));
                    Ok(None)
                }
                None => Ok(None),
            }
        };
        let pair = match order {
            Ordering::Less => (take(true)?, None),
            Ordering::Greater => (None, take(false)?),
            Ordering::Equal => (take(true)?, take(false)?),
        };
        let [seen_first, seen_second] = &mut seen;
        pair.0.iter().for_each(|sum| seen_first.note(sum));
        pair.1.iter().for_each(|sum| seen_second.note(sum));
        match compare(pair) {
            Some(principal) => difference.principals.push(principal),
            None => difference.same += 1,
        }
    }
    let [first, second] = seen;
    let beyond = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
    difference.new_services = beyond(&second.services, &first.services);
    difference.gone_services = beyond(&first.services, &second.services);
    difference.new_accounts = beyond(&second.accounts, &first.accounts);
    difference.gone_accounts = beyond(&first.accounts, &second.accounts);
    Ok(difference)
}

/// Services and accounts of one side.
#[derive(Default)]
struct Seen {
    services: BTreeSet<String>,
    accounts: BTreeSet<String>,
}

impl Seen {
    fn note(&mut self, sum: &Sum) {
        for action in sum.actions.keys() {
            let service = action.split(':').next().unwrap_or_default();
            if !self.services.contains(service) {
                self.services.insert(service.to_owned());
            }
        }
        self.accounts.extend(sum.account.iter().filter(|_| !sum.actions.is_empty()).cloned());
    }
}

/// The principals of a side, in the order of their keys.
fn sums<'a>(side: Side<'a>, catalog: &'a Catalog, space: &Space) -> Result<Sums<'a>, ReadError> {
    match side {
        Side::Use(snapshot, range) => {
            let role_paths = &RolePaths::read(snapshot)?;
            let groups = Groups::in_order_of_keys(Reading { snapshot, range, catalog, space, role_paths })?;
            Ok(Box::new(groups.filter_map(|(key, rows)| match rows {
                Ok(rows) if matches!(rows.first().map(RowKey::of), Some(RowKey::Other(_)) | None) => None,
                Ok(rows) => Some(Ok((key, Ok(used(&rows))))),
                Err(error @ ReadError::TooMany { .. }) => Some(Ok((key, Err(error.to_string())))),
                Err(error) => Some(Err(error)),
            })))
        }
        Side::Policies(deployed) => {
            Ok(Box::new(deployed.by_key.iter().filter(|(_, one)| !one.policies.is_empty()).map(|(key, one)| {
                let granted = granted_actions(&PolicySet::of_identity(one.policies.clone()), catalog);
                let actions = granted.into_iter().map(|action| (action.to_owned(), 0)).collect();
                let (who, account) = (one.subject.title(), one.subject.account.clone());
                Ok((key.clone(), Ok(Sum { who, account, actions, resources: None })))
            })))
        }
    }
}

fn used(rows: &[UsageRow]) -> Sum {
    let mut sum = Sum { resources: Some(BTreeSet::new()), ..Sum::default() };
    if let Some(first) = rows.first() {
        let subject = match &first.permission_set {
            Some(set) => Some(super::subject::Subject::new(super::subject::SubjectKind::PermissionSet, set)),
            None => super::subject::Subject::of_arn(&first.principal_arn),
        };
        sum.who = subject.map(|subject| subject.title()).unwrap_or_default();
        sum.account = Some(first.account_id.to_string()).filter(|_| first.permission_set.is_none());
    }
    for row in rows.iter().filter(|row| row.outcome == Outcome::Allowed && row.confidence != "unverified") {
        let Some(action) = &row.action else { continue };
        let uses = sum.actions.entry(action.to_string()).or_default();
        *uses = uses.saturating_add(row.event_count);
        if let Some(resources) = &mut sum.resources {
            resources.insert((action.to_string(), row.resource.to_string()));
        }
    }
    sum
}

fn compare(pair: (Option<Sum>, Option<Sum>)) -> Option<PrincipalDifference> {
    let how = match &pair {
        (None, Some(_)) => "new",
        (Some(_), None) => "gone",
        _ => "changed",
    };
    let (first, second) = (pair.0.unwrap_or_default(), pair.1.unwrap_or_default());
    let who = if second.who.is_empty() { first.who } else { second.who };
    let beyond = |a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
        a.iter().filter(|(action, _)| !b.contains_key(*action)).map(|(action, uses)| (action.clone(), *uses)).collect()
    };
    let new_actions = beyond(&second.actions, &first.actions);
    let more = second.actions.iter().filter_map(|(action, after)| {
        let before = *first.actions.get(action)?;
        let is_more =
            before > 0 && *after >= before.saturating_mul(MORE_TIMES) && *after >= before.saturating_add(MORE_USES);
        is_more.then(|| (action.clone(), (before, *after)))
    });
    let is_shared =
        |pair: &&(String, String)| first.actions.contains_key(&pair.0) && second.actions.contains_key(&pair.0);
    let (new_resources, gone_resources) = match (&first.resources, &second.resources) {
        (Some(before), Some(after)) => (
            after.difference(before).filter(is_shared).cloned().collect(),
            before.difference(after).filter(is_shared).cloned().collect(),
        ),
        _ => (BTreeSet::new(), BTreeSet::new()),
    };
    let escalations =
        new_actions.keys().filter_map(|a| Some((a.clone(), privilege_escalation::escalation(a)?))).collect();
    let difference = PrincipalDifference {
        who,
        how,
        more: more.collect(),
        gone_actions: beyond(&first.actions, &second.actions),
        new_actions,
        new_resources,
        gone_resources,
        escalations,
    };
    let is_same = how == "changed"
        && difference.new_actions.is_empty()
        && difference.gone_actions.is_empty()
        && difference.more.is_empty()
        && difference.new_resources.is_empty()
        && difference.gone_resources.is_empty();
    (!is_same).then_some(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(actions: &[(&str, u64)], resources: &[(&str, &str)]) -> Sum {
        Sum {
            who: "role x".to_owned(),
            account: Some("1".to_owned()),
            actions: actions.iter().map(|(action, uses)| ((*action).to_owned(), *uses)).collect(),
            resources: Some(resources.iter().map(|(a, r)| ((*a).to_owned(), (*r).to_owned())).collect()),
        }
    }

    #[test]
    fn what_is_new_gone_and_more() {
        let before =
            sum(&[("s3:GetObject", 10), ("ec2:RunInstances", 1), ("sqs:SendMessage", 5)], &[("s3:GetObject", "a")]);
        let after = sum(
            &[("s3:GetObject", 40), ("iam:PassRole", 2), ("sqs:SendMessage", 15)],
            &[("s3:GetObject", "b"), ("iam:PassRole", "r")],
        );
        let found = compare((Some(before), Some(after))).unwrap();
        assert_eq!((found.how, found.new_actions.len()), ("changed", 1));
        assert_eq!(found.gone_actions.keys().collect::<Vec<_>>(), ["ec2:RunInstances"]);
        assert_eq!(found.more, BTreeMap::from([("s3:GetObject".to_owned(), (10, 40))]));
        assert_eq!(found.new_resources.len() + found.gone_resources.len(), 2, "{found:?}");
        assert_eq!(found.escalations.len(), 1);
        let same = || sum(&[("s3:GetObject", 10)], &[("s3:GetObject", "a")]);
        assert_eq!(compare((Some(same()), Some(same()))), None);
        assert_eq!(compare((None, Some(same()))).unwrap().how, "new");
        assert_eq!(compare((Some(same()), None)).unwrap().how, "gone");
    }
}
