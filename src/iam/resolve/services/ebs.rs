//! `ebs`: further actions of its calls.

use crate::iam::arn::partition_of;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| call.is("StartSnapshot").then(|| tagged(call)).flatten().into_iter().collect()),
    ..ServiceRules::new("ebs")
};

/// Tags on a snapshot are put on by EC2, which numbers it.
fn tagged(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, .. } = *call;
    let action = catalog.action("ec2:CreateTags").filter(|_| request.parameters.has("Tags"))?;
    let event = request.event;
    let snapshot = format!("arn:{}:ec2:{}::snapshot/*", partition_of(event.aws_region), event.region());
    let source = "Service Authorization Reference, Amazon Elastic Block Store, dependent actions of StartSnapshot";
    Some(permission(action, vec![snapshot], "tags-on-create", source))
}
