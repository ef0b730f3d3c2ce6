//! `iottwinmaker`: names with colons.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Users may give names with colons. Source: patterns of IoT TwinMaker API Reference, "componentTypeId".
    ends_with_colons: &["*"],
    ..ServiceRules::new("iottwinmaker")
};
