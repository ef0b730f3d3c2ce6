//! `datapipeline`: whom its roles are for; where requests hold roles.

use serde_json::Value;

use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{NamedRole, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["resourcerole"], &["ec2"]),
        passed_to(&[], &[], &["datapipeline", "elasticmapreduce"]),
    ],
    named_roles: Some(|call| if call.is("PutPipelineDefinition") { pipeline_fields(call.request) } else { Vec::new() }),
    ..ServiceRules::new("datapipeline")
};

/// Source: Data Pipeline Developer Guide, "IAM roles for AWS Data Pipeline": the default object's fields.
fn pipeline_fields(request: &Request<'_>) -> Vec<NamedRole> {
    let Some(Value::Array(objects)) = request.parameters.get("pipelineObjects") else { return Vec::new() };
    let fields = objects.iter().filter_map(|object| object.get("fields")?.as_array()).flatten();
    let role = |field: &Value| {
        let key = member_text(field, "key").filter(|key| matches!(*key, "role" | "resourceRole"))?;
        let name = member_text(field, "stringValue").filter(|name| !name.contains('#'))?;
        Some((key.to_owned(), name.to_owned()))
    };
    fields.filter_map(role).collect()
}
