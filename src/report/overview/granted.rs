//! What a role or user may do today, beside what it did.

use std::collections::BTreeMap;

use serde::Serialize;

use super::policy::Document;
use crate::policy::unused::{Entity, EntityUse};
use crate::time::format_time;

/// What a role or user may do today, as `unused` says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Granted {
    /// Actions that its policies grant.
    pub granted_actions: usize,
    /// Granted actions that were used.
    pub used_actions: usize,
    /// Granted actions that were not used, by access level.
    pub unused_by_access_level: BTreeMap<&'static str, usize>,
    /// Granted actions that were not used, by service.
    pub unused_by_service: BTreeMap<String, usize>,
    /// Services of which nothing was used.
    pub unused_services: usize,
    /// Unused actions that open a way to more, and what they open.
    pub unused_escalations: Vec<(String, &'static str)>,
    /// Policies under which nothing was used.
    pub unused_policies: Vec<String>,
    /// Policies that are attached and whose text nobody gave.
    pub missing_policies: Vec<String>,
    /// When IAM says that it was used, where that is later than the last event.
    pub iam_last_used_later: Option<String>,
    /// Its policies today.
    pub documents: Vec<Document>,
}

impl Granted {
    pub(super) fn of(entity: &Entity, used: &EntityUse) -> Granted {
        let mut unused_by_service: BTreeMap<String, usize> =
            used.unused_services.iter().map(|of| (of.service.clone(), of.actions)).collect();
        for unused in &used.unused_actions {
            let service = unused.action.split(':').next().unwrap_or_default();
            *unused_by_service.entry(service.to_owned()).or_default() += 1;
        }
        let documents = entity.identity.iter().map(|identity| Document {
            name: identity.name.clone(),
            text: identity.policy.pretty(),
            size: identity.policy.size(),
        });
        let escalations = used.escalations.iter();
        Granted {
            granted_actions: used.granted,
            used_actions: used.used,
            unused_by_access_level: used.unused_by_access.iter().map(|(of, n)| (of.as_str(), *n)).collect(),
            unused_by_service,
            unused_services: used.unused_services.len(),
            unused_escalations: escalations.map(|of| (of.action.clone(), of.escalation.unwrap_or_default())).collect(),
            unused_policies: used.unused_policies.clone(),
            missing_policies: used.missing_policies.clone(),
            iam_last_used_later: used.iam_last_used_us.map(format_time),
            documents: documents.collect(),
        }
    }
}
