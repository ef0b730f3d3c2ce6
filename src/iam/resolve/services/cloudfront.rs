//! `cloudfront`: functions of Lambda@Edge.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { also_needed: Some(edge_functions), ..ServiceRules::new("cloudfront") };

const SOURCE: &str = "CloudFront Developer Guide, Set up IAM permissions and roles for Lambda@Edge";

/// A distribution's functions are read and copied to the edge in the caller's name. The guide wants the asterisk behind
/// EnableReplication.
fn edge_functions(call: &Call<'_, '_>) -> Vec<Permission> {
    let operations = ["CreateDistribution", "CreateDistributionWithTags", "UpdateDistribution"];
    if !operations.contains(&call.operation) {
        return Vec::new();
    }
    let arns = call.request.parameters.texts_anywhere("lambdaFunctionARN");
    let mut functions: Vec<String> = arns.into_iter().filter(|arn| arn.contains(":lambda:")).map(escape).collect();
    functions.sort_unstable();
    functions.dedup();
    let read = call.catalog.action("lambda:GetFunction").filter(|_| !functions.is_empty());
    let read = read.map(|action| permission(action, functions, "edge-function", SOURCE));
    let replicate = read.clone().map(|read| Permission { action: "lambda:EnableReplication*".into(), ..read });
    read.into_iter().chain(replicate).collect()
}
