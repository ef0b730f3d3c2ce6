//! `application-signals`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Source: Application Signals API Reference, CreateServiceLevelObjective, "Tags": its type is called `slo`.
    tagged_types: Some(|operation, _| {
        (operation == "CreateServiceLevelObjective").then(|| BTreeSet::from(["slo".to_owned()]))
    }),
    ..ServiceRules::new("application-signals")
};
