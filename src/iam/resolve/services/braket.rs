//! `braket`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

/// Source: Service Authorization Reference, Amazon Braket, operations: `iam:PassedToService` of CreateJob.
pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&["CreateJob"], &[], &["braket", "sagemaker"])],
    ..ServiceRules::new("braket")
};
