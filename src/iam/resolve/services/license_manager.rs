//! `license-manager`: whom its roles are for.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { passed_to: &[passed_to(&["CreateToken"], &[], NOT_PASSED)], ..ServiceRules::new("license-manager") };
