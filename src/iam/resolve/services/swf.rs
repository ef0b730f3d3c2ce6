//! `swf`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // A new domain is tagged under both forms of its ARN. Source: SWF Developer Guide, "Amazon SWF IAM Policies".
    tagged_types: Some(|operation, _| {
        (operation == "RegisterDomain").then(|| BTreeSet::from(["domain", "domain-of-region"].map(str::to_owned)))
    }),
    ..ServiceRules::new("swf")
};
