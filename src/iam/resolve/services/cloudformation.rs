//! `cloudformation`: further actions of its calls; whom its roles are for; stack sets by their ids, and their targets.

use std::collections::BTreeSet;

use crate::iam::arn::{escape, partition_of};
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
    policy_arns: Some(|action, arn, request| {
        let stack_set = stack_set_by_id(arn, request);
        let targets = targets(action, &stack_set, request);
        [stack_set].into_iter().chain(targets).collect()
    }),
    ..ServiceRules::new("cloudformation")
};

/// The template that CloudFormation fetches in the caller's name.
fn fetched_template(call: &Call<'_, '_>) -> Vec<Permission> {
    let object = call.request.parameters.text("templateURL").and_then(of_url);
    let source = "AWS Prescriptive Guidance, Sample identity-based policies for CloudFormation";
    object.and_then(|object| read(call, &object, source)).into_iter().collect()
}

/// What a stack set is deployed to: the operations fail where the targets, or the types in the template, are not
/// allowed. The guide's examples leave regions open.
/// Source: CloudFormation User Guide, "Restrict stack set operations based on Region and resource types".
fn targets(action: &str, stack_set: &str, request: &Request<'_>) -> Vec<String> {
    const ON_TARGETS: [&str; 4] = [
        "cloudformation:CreateStackInstances",
        "cloudformation:DeleteStackInstances",
        "cloudformation:UpdateStackInstances",
        "cloudformation:UpdateStackSet",
    ];
    let Some((_, id)) = stack_set.split_once(":stackset/").filter(|_| ON_TARGETS.contains(&action)) else {
        return Vec::new();
    };
    let partition = partition_of(request.event.aws_region);
    let front = format!("arn:{partition}:cloudformation:*:{}:stackset-target/{id}", request.event.account());
    let named =
        ["accounts", "organizationalUnitIds"].into_iter().flat_map(|key| request.parameters.texts_anywhere(key));
    let named: BTreeSet<String> = named.filter(|target| !target.contains(['/', ':'])).map(escape).collect();
    let mut arns: Vec<String> = named.iter().map(|target| format!("{front}/{target}")).collect();
    if arns.is_empty() {
        arns.push(format!("{front}/*"));
    }
    arns.push(format!("arn:{partition}:cloudformation:*:*:type/resource/*"));
    arns
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
