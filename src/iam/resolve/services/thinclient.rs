//! `thinclient`: tags on what it makes.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { tag_actions: &[("UpdateEnvironment", "TagResource")], ..ServiceRules::new("thinclient") };
