//! `resiliencehub`: what is particular to it.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &["crossaccountrolearns", "crossaccountrolearn"], NOT_PASSED)],
    ..ServiceRules::new("resiliencehub")
};
