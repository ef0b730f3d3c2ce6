//! `medialive`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // MediaLive User Guide, MediaLive Anywhere, "Instance role": its nodes are managed by Systems Manager, which it
        // trusts.
        passed_to(&[], &["instancerolearn"], &["medialive", "ssm"]),
    ],
    ..ServiceRules::new("medialive")
};
