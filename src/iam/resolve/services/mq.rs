//! `mq`: whom its roles are for.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Amazon MQ API Reference, LdapServerMetadata: roles of the directory.
        passed_to(&[], &[], NOT_PASSED),
    ],
    ..ServiceRules::new("mq")
};
