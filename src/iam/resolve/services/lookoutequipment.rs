//! `lookoutequipment`: tags on what is imported.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // The tags are those of the model that is made, not of its source or its dataset.
    // Source: Lookout for Equipment API Reference, ImportModelVersion, "Tags".
    tagged_types: Some(|operation, _| {
        (operation == "ImportModelVersion").then(|| BTreeSet::from(["model".to_owned()]))
    }),
    ..ServiceRules::new("lookoutequipment")
};
