//! One principal: what it used, when, and what it needs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::granted::Granted;
use super::policy::Policy;
use super::services::{Counts, ServiceUse, Services};
use crate::iam::Catalog;
use crate::report::Day;
use crate::time::format_time;
use crate::usage::UsageRow;

/// One principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Principal {
    /// Its ARN.
    pub arn: String,
    /// Its name: what stands behind the last `/`.
    pub name: String,
    /// CloudTrail's `userIdentity.type`; of one without any event `Role` or `IAMUser`.
    pub principal_type: String,
    /// The account in which it lives; empty of a service that was seen in several.
    pub account_id: String,
    /// Identity Center's permission set.
    pub permission_set: Option<String>,
    /// Session names; for Identity Center roles, people.
    pub sessions: usize,
    /// Its uses.
    pub counts: Counts,
    /// Time of the first use (UTC).
    pub first_time: Option<String>,
    /// Time of the last use (UTC).
    pub last_time: Option<String>,
    /// Day → uses.
    pub days: BTreeMap<Day, u64>,
    /// By name.
    pub services: Vec<ServiceUse>,
    /// What it may do today, where that is known.
    pub granted: Option<Granted>,
    /// The policy that was proved for it.
    pub policy: Policy,
}

impl Principal {
    /// Everything but what it may do and what it needs.
    pub(super) fn of(rows: &[UsageRow], days: BTreeMap<Day, u64>, catalog: &Catalog) -> Option<Principal> {
        let first = rows.first()?;
        let (mut counts, mut services) = (Counts::default(), Services::default());
        for row in rows {
            counts.count(row);
            services.count(row);
        }
        let sessions: BTreeSet<&str> = rows.iter().filter_map(|row| row.session_name.as_deref()).collect();
        let is_single = rows.iter().all(|row| row.account_id == first.account_id);
        let account_id = is_single.then_some(first.account_id.as_str());
        Some(Principal {
            arn: first.principal_arn.to_string(),
            name: name(&first.principal_arn).to_owned(),
            principal_type: first.principal_type.to_string(),
            account_id: account_id.unwrap_or_default().to_owned(),
            permission_set: rows.iter().find_map(|row| row.permission_set.as_ref()).map(ToString::to_string),
            sessions: sessions.len(),
            counts,
            first_time: rows.iter().map(|row| row.first_time_us).min().map(format_time),
            last_time: rows.iter().map(|row| row.last_time_us).max().map(format_time),
            days,
            services: services.finish(catalog),
            granted: None,
            policy: Policy::None { reason: String::new() },
        })
    }

    /// One that did nothing.
    pub(super) fn idle(arn: &str, principal_type: &str, account_id: &str, granted: Granted) -> Principal {
        Principal {
            arn: arn.to_owned(),
            name: name(arn).to_owned(),
            principal_type: principal_type.to_owned(),
            account_id: account_id.to_owned(),
            permission_set: None,
            sessions: 0,
            counts: Counts::default(),
            first_time: None,
            last_time: None,
            days: BTreeMap::new(),
            services: Vec::new(),
            granted: Some(granted),
            policy: Policy::None { reason: "no event in the window".to_owned() },
        }
    }

    /// Distinct actions that were used and allowed.
    pub fn actions(&self) -> usize {
        let actions = self.services.iter().flat_map(|service| &service.actions);
        actions.filter(|action| action.counts.allowed > 0).count()
    }
}

fn name(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
