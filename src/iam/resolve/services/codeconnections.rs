//! `codeconnections`, `codestar-connections`: what is particular to them.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // CodePipeline and Git sync guides, trust policies of the new name and the old one.
        passed_to(&[], &[], &["cloudformation.sync.codeconnections", "codeconnections"]),
    ],
    ..ServiceRules::new("codeconnections")
};

pub(in crate::iam) const CODESTAR_CONNECTIONS: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &[], &["cloudformation.sync.codestar-connections", "codestar-connections"])],
    ..ServiceRules::new("codestar-connections")
};
