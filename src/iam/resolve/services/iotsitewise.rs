//! `iotsitewise`: operations whose actions depend on the request; whom its roles are for.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![shared(call)?])),
    passed_to: &[passed_to(&["CreatePortal", "UpdatePortal"], &[], &["monitor.iotsitewise"])],
    ..ServiceRules::new("iotsitewise")
};

/// The portal or project that is shared: `{"project":{"id":"…"}}`.
/// Source: IoT SiteWise API Reference, CreateAccessPolicy, "accessPolicyResource".
fn shared(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("iotsitewise", "CreateAccessPolicy")?;
    let resource = call.request.parameters.get("accessPolicyResource")?;
    let place = call.request.event.arn("iotsitewise");
    let one = |(kind, value): (&String, &serde_json::Value)| {
        let id = member_text(value, "id").filter(|id| !id.contains(['/', ':']))?;
        Some(format!("{place}:{}/{}", kind.to_ascii_lowercase(), escape(id)))
    };
    let mut resources: Vec<String> = resource.as_object()?.iter().filter_map(one).collect();
    resources.retain(|arn| call.catalog.does_take(action, arn));
    let source = "IoT SiteWise API Reference, CreateAccessPolicy";
    (!resources.is_empty()).then(|| permission(action, resources, "shared-resource", source))
}
