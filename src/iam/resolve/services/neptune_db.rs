//! `neptune-db`: whom its roles are for.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Neptune User Guide, "Prerequisites: IAM role and Amazon S3 access": roles that the cluster has already.
        passed_to(&[], &[], NOT_PASSED),
    ],
    ..ServiceRules::new("neptune-db")
};
