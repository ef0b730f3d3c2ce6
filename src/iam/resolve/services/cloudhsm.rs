//! `cloudhsm`: what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    id_prefixes: &[("cluster", IdPrefix::Text("cluster-")), ("backup", IdPrefix::Text("backup-"))],
    ..ServiceRules::new("cloudhsm")
};
