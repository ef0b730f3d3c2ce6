//! `comprehend`: operations whose actions depend on the request.

use crate::iam::arn::{Arn, escape};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { special: Some(|call| Some(vec![endpoint(call)?])), ..ServiceRules::new("comprehend") };

/// Of a classifier or of a recognizer, as its model says. Source: Comprehend API Reference, CreateEndpoint, "ModelArn".
fn endpoint(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("comprehend", "CreateEndpoint")?;
    let model = call.request.parameters.text("modelArn")?;
    let kind = Arn::parse(model)?.resource.split('/').next()?;
    let name = call.request.name_or_any("endpointName");
    let place = call.request.event.arn("comprehend");
    let mut resources = vec![escape(model), format!("{place}:{kind}-endpoint/{name}")];
    resources.retain(|arn| call.catalog.does_take(action, arn));
    resources.extend(call.request.parameters.text("flywheelArn").map(escape));
    (resources.len() > 1)
        .then(|| permission(action, resources, "endpoint-of", "Comprehend API Reference, CreateEndpoint"))
}
