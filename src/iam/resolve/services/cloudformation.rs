//! `cloudformation`: further actions of its calls; whom its roles are for; stack sets by their ids.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::s3_reads::{of_url, read};
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(fetched_template),
    passed_to: &[
        passed_to(&["RegisterType", "ActivateType"], &[], &["resources.cloudformation"]),
        // CloudFormation User Guide, "Grant self-managed permissions": the administration role takes it on.
        passed_to(&[], &["executionrolename"], NOT_PASSED),
    ],
    policy_arns: Some(|_, arn, request| vec![stack_set_by_id(arn, request)]),
    ..ServiceRules::new("cloudformation")
};

/// The template that CloudFormation fetches in the caller's name.
fn fetched_template(call: &Call<'_, '_>) -> Vec<Permission> {
    let object = call.request.parameters.text("templateURL").and_then(of_url);
    let source = "AWS Prescriptive Guidance, Sample identity-based policies for CloudFormation";
    object.and_then(|object| read(call, &object, source)).into_iter().collect()
}

/// A stack set's id is its name and a number, as in its ARN: `baseline:0a1b…`.
/// Source: CloudFormation API Reference, StackSet, "StackSetId"; DeleteStackSet, "StackSetName": the name or unique ID.
fn stack_set_by_id(arn: String, request: &Request<'_>) -> String {
    let Some(head) = arn.strip_suffix(":stackset/*:*") else { return arn };
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let id = request.parameters.text("stackSetName").and_then(|id| id.split_once(':'));
    match id.filter(|(name, number)| is_part(name) && is_part(number)) {
        Some((name, number)) => format!("{head}:stackset/{}:{}", escape(name), escape(number)),
        None => arn,
    }
}
