//! `clouddirectory`: how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    policy_arns: Some(|_, arn, request| if is_other_schema(&arn, request) { Vec::new() } else { vec![arn] }),
    ..ServiceRules::new("clouddirectory")
};

/// A schema that is named by its ARN is of one type, whatever other types the action takes: there are schemas under
/// development, published ones and those of a directory, and they may share a name.
/// Source: Cloud Directory API Reference, GetFacet, DeleteSchema, "SchemaArn".
fn is_other_schema(arn: &str, request: &Request<'_>) -> bool {
    let is_schema = arn.contains(":schema/") || arn.contains("/schema/");
    is_schema && request.parameters.text("SchemaArn").is_some_and(|schema| escape(schema) != arn)
}
