//! `workspaces`: what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    id_prefixes: &[
        ("workspaceid", IdPrefix::Text("ws-")),
        ("directoryid", IdPrefix::Text("d-")),
        ("workspacebundle", IdPrefix::Text("wsb-")),
        ("workspaceimage", IdPrefix::Text("wsi-")),
        ("workspaceipgroup", IdPrefix::Text("wsipg-")),
    ],
    ..ServiceRules::new("workspaces")
};
