//! `organizations`: what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    id_prefixes: &[
        ("account", IdPrefix::Account),
        ("organizationalunit", IdPrefix::Text("ou-")),
        ("root", IdPrefix::Text("r-")),
        ("policy", IdPrefix::Text("p-")),
    ],
    ..ServiceRules::new("organizations")
};
