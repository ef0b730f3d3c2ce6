//! `ssm-incidents`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Incident Manager User Guide, "Working with response plans", trust policy of runbooks' roles.
        passed_to(&[], &[], &["ssm-incidents"]),
    ],
    ..ServiceRules::new("ssm-incidents")
};
