//! `deadline`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Deadline Cloud User Guide, "IAM roles", trust policies.
        passed_to(&[], &[], &["credentials.deadline", "deadline"]),
    ],
    ..ServiceRules::new("deadline")
};
