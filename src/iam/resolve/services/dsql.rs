//! `dsql`: clusters of several regions.

use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // The clusters that a new one is a peer of are peers alone; that one is added to them, and they to it.
    // Source: Aurora DSQL API Reference, CreateCluster, required permissions.
    policy_arns: Some(|action, arn, request| {
        let is_new = request.parameters.has("multiRegionProperties") && !request.parameters.has("identifier");
        let local = format!("{}:cluster/*", request.event.arn("dsql"));
        match action {
            "dsql:CreateCluster" | "dsql:PutMultiRegionProperties" | "dsql:PutWitnessRegion" if is_new => vec![local],
            _ => vec![arn],
        }
    }),
    also_needed: Some(|call| added(call).into_iter().collect()),
    ..ServiceRules::new("dsql")
};

/// Source: Aurora DSQL API Reference, CreateCluster, required permissions: AddPeerCluster on the local cluster too.
fn added(call: &Call<'_, '_>) -> Option<Permission> {
    if !call.is("CreateCluster") || call.request.parameters.texts_anywhere("clusters").is_empty() {
        return None;
    }
    let action = call.catalog.action("dsql:AddPeerCluster")?;
    let local = format!("{}:cluster/*", call.request.event.arn("dsql"));
    Some(permission(action, vec![local], "peer-clusters", "Aurora DSQL API Reference, CreateCluster"))
}
