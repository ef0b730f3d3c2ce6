//! `sqs`: further actions of its calls.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| call.is("StartMessageMoveTask").then(|| moved(call)).flatten().into_iter().collect()),
    ..ServiceRules::new("sqs")
};

/// Messages that are moved are sent to where they go. Source: SQS Developer Guide, "Configuring queue permissions for
/// dead-letter queue redrive".
fn moved(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, .. } = *call;
    let action = catalog.action("sqs:SendMessage")?;
    let target = escape(request.parameters.text("destinationArn")?);
    let source = "SQS Developer Guide, permissions for dead-letter queue redrive";
    catalog.does_take(action, &target).then(|| permission(action, vec![target], "moved-messages", source))
}
