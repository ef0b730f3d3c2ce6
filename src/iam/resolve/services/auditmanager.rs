//! `auditmanager`: what is particular to it.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Audit Manager API Reference, Role: owners of processes are principals.
        passed_to(&[], &[], NOT_PASSED),
    ],
    ..ServiceRules::new("auditmanager")
};
