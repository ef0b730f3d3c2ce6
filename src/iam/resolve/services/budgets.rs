//! `budgets`: whom its roles are for.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Budgets API Reference, IamActionDefinition: what a policy is put on.
        passed_to(&[], &["roles", "groups", "users", "policyarn"], NOT_PASSED),
    ],
    ..ServiceRules::new("budgets")
};
