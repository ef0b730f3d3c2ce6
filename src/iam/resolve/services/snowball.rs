//! `snowball`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // AWS Snowball Edge Developer Guide, "Creating an IAM role for Snowball Edge": it trusts Import/Export.
        passed_to(&[], &[], &["importexport"]),
    ],
    ..ServiceRules::new("snowball")
};
