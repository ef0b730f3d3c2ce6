//! `observabilityadmin`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // CloudWatch Logs User Guide, integration with S3 tables: the role trusts CloudWatch Logs.
        passed_to(&["CreateS3TableIntegration"], &[], &["logs", "observabilityadmin"]),
    ],
    ..ServiceRules::new("observabilityadmin")
};
