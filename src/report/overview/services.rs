//! Uses by service and action.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::iam::{Catalog, Outcome};
use crate::policy::privilege_escalation::escalation;
use crate::time::format_time;
use crate::usage::UsageRow;

/// How many uses, by outcome; those that need no permission stand apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Allowed.
    pub allowed: u64,
    /// Denied.
    pub denied: u64,
    /// Failed before anybody decided.
    pub undecided: u64,
    /// In need of no permission.
    pub without_permission: u64,
}

impl Counts {
    pub(super) fn count(&mut self, row: &UsageRow) {
        let place = match row.outcome {
            _ if row.action.is_none() => &mut self.without_permission,
            Outcome::Allowed => &mut self.allowed,
            Outcome::Denied => &mut self.denied,
            Outcome::Undecided => &mut self.undecided,
        };
        *place = place.saturating_add(row.event_count);
    }

    pub(super) fn add(&mut self, other: &Counts) {
        self.allowed = self.allowed.saturating_add(other.allowed);
        self.denied = self.denied.saturating_add(other.denied);
        self.undecided = self.undecided.saturating_add(other.undecided);
        self.without_permission = self.without_permission.saturating_add(other.without_permission);
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        [self.allowed, self.denied, self.undecided, self.without_permission].into_iter().fold(0, u64::saturating_add)
    }
}

/// The uses of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceUse {
    /// Its prefix in actions: `s3`.
    pub service: String,
    /// Its uses.
    pub counts: Counts,
    /// By name.
    pub actions: Vec<ActionUse>,
}

/// The uses of one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActionUse {
    /// `s3:GetObject`.
    pub action: String,
    /// As the Service Authorization Reference has it; `None` where the catalogue does not have the action.
    pub access_level: Option<&'static str>,
    /// What it opens to its holder, if it is known to be a way to more.
    pub escalation: Option<&'static str>,
    /// Its uses.
    pub counts: Counts,
    /// Distinct resources; those that are counted and not named make it a least number.
    pub resources: usize,
    /// Time of the first use (UTC).
    pub first_time: String,
    /// Time of the last use (UTC).
    pub last_time: String,
    /// An event to look at.
    pub example_event_id: String,
}

/// Adds up uses by action.
#[derive(Default)]
pub(super) struct Services(BTreeMap<String, Sum>);

struct Sum {
    counts: Counts,
    resources: BTreeSet<String>,
    first_us: i64,
    last_us: i64,
    example: String,
}

impl Services {
    pub(super) fn count(&mut self, row: &UsageRow) {
        let Some(action) = &row.action else { return };
        let sum = self.0.entry(action.to_string()).or_insert_with(|| Sum {
            counts: Counts::default(),
            resources: BTreeSet::new(),
            first_us: i64::MAX,
            last_us: i64::MIN,
            example: String::new(),
        });
        sum.counts.count(row);
        sum.resources.insert(row.resource.to_string());
        sum.last_us = sum.last_us.max(row.last_time_us);
        if row.first_time_us < sum.first_us {
            sum.first_us = row.first_time_us;
            sum.example = row.example_event_id.to_string();
        }
    }

    pub(super) fn finish(self, catalog: &Catalog) -> Vec<ServiceUse> {
        let mut services: Vec<ServiceUse> = Vec::new();
        for (action, sum) in self.0 {
            let service = action.split(':').next().unwrap_or_default().to_owned();
            let of_action = ActionUse {
                access_level: catalog.action(&action).map(|known| known.access_level.as_str()),
                escalation: escalation(&action),
                counts: sum.counts,
                resources: sum.resources.len(),
                first_time: format_time(sum.first_us),
                last_time: format_time(sum.last_us),
                example_event_id: sum.example,
                action,
            };
            match services.last_mut().filter(|last| last.service == service) {
                Some(last) => {
                    last.counts.add(&of_action.counts);
                    last.actions.push(of_action);
                }
                None => services.push(ServiceUse { service, counts: of_action.counts, actions: vec![of_action] }),
            }
        }
        services
    }
}
