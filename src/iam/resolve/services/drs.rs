//! `drs`: what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, ServiceRules};

/// Source: Elastic Disaster Recovery API Reference, PutLaunchAction, "resourceId": a source server's or a launch
/// configuration template's id, as SourceServer and LaunchConfigurationTemplate have them.
pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    id_prefixes: &[
        ("SourceServerResource", IdPrefix::Text("s-")),
        ("LaunchConfigurationTemplateResource", IdPrefix::Text("lct-")),
    ],
    ..ServiceRules::new("drs")
};
