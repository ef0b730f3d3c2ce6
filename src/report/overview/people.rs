//! Sums over principals: Identity Center's permission sets and people.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::services::Counts;
use crate::report::Day;
use crate::time::format_time;
use crate::usage::{Text, UsageRow};

/// A permission set in all accounts that have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PermissionSet {
    /// Its name.
    pub name: String,
    /// Roles that it is provisioned as.
    pub principals: usize,
    /// Accounts in which it was used.
    pub accounts: usize,
    /// People who used it.
    pub people: usize,
    /// Distinct actions that were used and allowed.
    pub actions: usize,
    /// Its uses.
    pub counts: Counts,
    /// Time of the last use (UTC).
    pub last_time: String,
}

/// A person: a session name of Identity Center's roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The session name.
    pub name: String,
    /// Permission sets that were used.
    pub permission_sets: Vec<String>,
    /// Accounts in which they were used.
    pub accounts: usize,
    /// Distinct actions that were used and allowed.
    pub actions: usize,
    /// The uses.
    pub counts: Counts,
    /// Services, by name, with their uses.
    pub services: BTreeMap<String, u64>,
    /// Time of the first use (UTC).
    pub first_time: String,
    /// Time of the last use (UTC).
    pub last_time: String,
    /// Day → uses.
    pub days: BTreeMap<Day, u64>,
}

struct Sum {
    principals: BTreeSet<String>,
    accounts: BTreeSet<String>,
    sets: BTreeSet<String>,
    people: BTreeSet<String>,
    actions: BTreeSet<String>,
    services: BTreeMap<String, u64>,
    counts: Counts,
    first_us: i64,
    last_us: i64,
}

impl Sum {
    fn new() -> Sum {
        Sum {
            principals: BTreeSet::new(),
            accounts: BTreeSet::new(),
            sets: BTreeSet::new(),
            people: BTreeSet::new(),
            actions: BTreeSet::new(),
            services: BTreeMap::new(),
            counts: Counts::default(),
            first_us: i64::MAX,
            last_us: i64::MIN,
        }
    }

    fn count(&mut self, row: &UsageRow, set: &str) {
        self.principals.insert(row.principal_arn.to_string());
        self.accounts.insert(row.account_id.to_string());
        self.sets.insert(set.to_owned());
        self.people.extend(row.session_name.iter().map(ToString::to_string));
        self.counts.count(row);
        self.first_us = self.first_us.min(row.first_time_us);
        self.last_us = self.last_us.max(row.last_time_us);
        let Some(action) = &row.action else { return };
        if row.outcome == crate::iam::Outcome::Allowed {
            self.actions.insert(action.to_string());
        }
        let service = action.split(':').next().unwrap_or_default();
        *self.services.entry(service.to_owned()).or_default() += row.event_count;
    }
}

/// Who lives in an account, and how much they used.
#[derive(Default)]
pub(super) struct OfAccount {
    pub(super) principals: BTreeSet<String>,
    pub(super) counts: Counts,
}

/// Adds up the uses of accounts, permission sets and people.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) accounts: BTreeMap<String, OfAccount>,
    sets: BTreeMap<String, Sum>,
    people: BTreeMap<String, Sum>,
}

impl Sums {
    pub(super) fn count(&mut self, row: &UsageRow) {
        let account = self.accounts.entry(row.account_id.to_string()).or_default();
        if !account.principals.contains(row.principal_arn.as_str()) {
            account.principals.insert(row.principal_arn.to_string());
        }
        account.counts.count(row);
        let Some(set) = &row.permission_set else { return };
        self.sets.entry(set.to_string()).or_insert_with(Sum::new).count(row, set);
        if let Some(person) = &row.session_name {
            self.people.entry(person.to_string()).or_insert_with(Sum::new).count(row, set);
        }
    }

    pub(super) fn finish(self, daily: &BTreeMap<Text, BTreeMap<i32, u64>>) -> (Vec<PermissionSet>, Vec<Person>) {
        let sets = self.sets.into_iter().map(|(name, sum)| PermissionSet {
            name,
            principals: sum.principals.len(),
            accounts: sum.accounts.len(),
            people: sum.people.len(),
            actions: sum.actions.len(),
            counts: sum.counts,
            last_time: format_time(sum.last_us),
        });
        let days = |name: &str| daily.get(name).into_iter().flatten().map(|(day, uses)| (Day(*day), *uses)).collect();
        let people = self.people.into_iter().map(|(name, sum)| Person {
            days: days(&name),
            name,
            permission_sets: sum.sets.into_iter().collect(),
            accounts: sum.accounts.len(),
            actions: sum.actions.len(),
            counts: sum.counts,
            services: sum.services,
            first_time: format_time(sum.first_us),
            last_time: format_time(sum.last_us),
        });
        (sets.collect(), people.collect())
    }
}
