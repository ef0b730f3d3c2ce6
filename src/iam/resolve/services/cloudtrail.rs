//! `cloudtrail`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // CloudTrail User Guide, "Required permissions for federation", trust policy.
        passed_to(&["EnableFederation"], &[], &["cloudtrail", "lakeformation"]),
        passed_to(&[], &[], &["cloudtrail"]),
    ],
    ..ServiceRules::new("cloudtrail")
};
