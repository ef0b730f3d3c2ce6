//! What a call needs on resources of other services that its request names: those services authorise it too, and log
//! nothing of it.

use crate::iam::event::Permission;
use crate::iam::resolve::also_needed::log_delivery;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

/// The actions on resources that the request names.
pub(in crate::iam) fn needed(call: &Call<'_, '_>, rules: &ServiceRules) -> Vec<Permission> {
    let mut needed = rules.also_needed.map(|further| further(call)).unwrap_or_default();
    needed.extend(log_delivery::needed(call, rules));
    needed
}

/// The actions that it may have needed.
pub(in crate::iam) fn suggested(call: &Call<'_, '_>, rules: &ServiceRules, needed: &[Permission]) -> Vec<Permission> {
    let suggested = log_delivery::suggested(call, rules).into_iter();
    suggested.filter(|s| !needed.iter().any(|p| p.action == s.action)).collect()
}
