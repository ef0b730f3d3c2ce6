//! `tnb`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Source: Telco Network Builder API Reference, InstantiateSolNetworkInstance, TerminateSolNetworkInstance,
    // UpdateSolNetworkInstance, "tags": they are put on the operation that is made, not on the network instance.
    tagged_types: Some(|operation, _| {
        OPERATING.contains(&operation).then(|| BTreeSet::from(["network-operation".to_owned()]))
    }),
    ..ServiceRules::new("tnb")
};

const OPERATING: [&str; 3] =
    ["InstantiateSolNetworkInstance", "TerminateSolNetworkInstance", "UpdateSolNetworkInstance"];
