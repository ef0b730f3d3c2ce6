//! `storagegateway`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // The pool that the request names is there before; tapes are called after what the service counts.
    // Source: Storage Gateway API Reference, CreateTapes, "Tags".
    tagged_types: Some(|operation, _| (operation == "CreateTapes").then(|| BTreeSet::from(["tape".to_owned()]))),
    ..ServiceRules::new("storagegateway")
};
