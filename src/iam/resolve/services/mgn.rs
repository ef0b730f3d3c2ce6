//! `mgn`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    tagged_types: Some(|operation, _| starts_job(operation).then(|| BTreeSet::from(["JobResource".to_owned()]))),
    ..ServiceRules::new("mgn")
};

/// Whether a call starts a job, which its tags are for.
/// Source: Application Migration Service API Reference, StartCutover, StartTest, TerminateTargetInstances, "tags".
fn starts_job(operation: &str) -> bool {
    matches!(operation, "StartCutover" | "StartTest" | "TerminateTargetInstances")
}
