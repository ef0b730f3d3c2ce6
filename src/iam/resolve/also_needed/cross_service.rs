//! What a call needs on a resource of another service that its request names: that service is asked too, and logs nothing
//! of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::iam::arn::{Arn, escape};
use crate::iam::catalog::{AccessLevel, Action, Catalog, Service, bare_name};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::also_needed::dynamodb_restore;
use crate::iam::resolve::also_needed::log_delivery;
use crate::iam::resolve::also_needed::s3_reads;
use crate::iam::resolve::operation_match::permission;

/// The actions of other services, by the ARNs in the request.
pub(in crate::iam) fn needed(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> Vec<Permission> {
    let mut needed = match (service.prefix(), operation) {
        ("tag", "TagResources" | "UntagResources") => tagged(catalog, operation == "UntagResources", request),
        ("wafv2" | "waf-regional", _) => protected(catalog, operation, request).into_iter().collect(),
        ("sqs", "StartMessageMoveTask") => moved(catalog, request).into_iter().collect(),
        ("secretsmanager", "RotateSecret") => rotated(catalog, request).into_iter().collect(),
        _ => Vec::new(),
    };
    needed.extend(log_delivery::needed(catalog, service, operation, request));
    needed.extend(s3_reads::needed(catalog, service, operation, request));
    needed.extend(dynamodb_restore::needed(catalog, service, operation, request));
    needed
}

/// What it may have needed of other services and isn't needed for sure.
pub(in crate::iam) fn suggested(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
    needed: &[Permission],
) -> Vec<Permission> {
    let suggested = log_delivery::suggested(catalog, service, operation, request).into_iter();
    suggested.filter(|s| !needed.iter().any(|p| p.action == s.action)).collect()
}

/// Of the services whose resources a web ACL protects: what putting it on, taking it off and looking it up needs.
/// Source: WAF Developer Guide, "How AWS WAF works with IAM", actions that require additional permissions settings.
const PROTECTED: &[(&str, [&str; 3])] = &[
    ("amplify", ["AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"]),
    ("apigateway", ["SetWebACL", "SetWebACL", ""]),
    ("apprunner", ["AssociateWebAcl", "DisassociateWebAcl", "DescribeWebAclForService"]),
    ("appsync", ["AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"]),
    ("bedrock-agentcore", ["GatewayAssociateWebACL", "GatewayDisassociateWebACL", "GatewayGetWebACLForResource"]),
    ("cognito-idp", ["AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"]),
    (
        "ec2",
        [
            "AssociateVerifiedAccessInstanceWebAcl",
            "DisassociateVerifiedAccessInstanceWebAcl",
            "GetVerifiedAccessInstanceWebAcl",
        ],
    ),
    ("elasticloadbalancing", ["CreateWebACLAssociation", "DeleteWebACLAssociation", "GetLoadBalancerWebACL"]),
];

fn protected(catalog: &Catalog, operation: &str, request: &Request<'_>) -> Option<Permission> {
    let which = match operation {
        "AssociateWebACL" => 0,
        "DisassociateWebACL" => 1,
        "GetWebACLForResource" => 2,
        _ => return None,
    };
    let text = request.parameters.text("resourceArn")?;
    let arn = Arn::parse(text)?;
    let (prefix, actions) = PROTECTED.iter().find(|(prefix, _)| *prefix == arn.service)?;
    let action = catalog.action(&format!("{prefix}:{}", actions.get(which)?))?;
    let resource = Some(escape(text)).filter(|arn| catalog.does_take(action, arn));
    let resources = vec![resource.unwrap_or_else(|| "*".to_owned())];
    Some(permission(action, resources, "protected-resource", "WAF Developer Guide, How AWS WAF works with IAM"))
}

/// Messages that are moved are sent to where they go. Source: SQS Developer Guide, "Configuring queue permissions for
/// dead-letter queue redrive".
fn moved(catalog: &Catalog, request: &Request<'_>) -> Option<Permission> {
    let action = catalog.action("sqs:SendMessage")?;
    let target = escape(request.parameters.text("destinationArn")?);
    let source = "SQS Developer Guide, permissions for dead-letter queue redrive";
    catalog.does_take(action, &target).then(|| permission(action, vec![target], "moved-messages", source))
}

/// The function that rotates a secret is called at once. Source: Secrets Manager API Reference, RotateSecret, "Required
/// permissions".
fn rotated(catalog: &Catalog, request: &Request<'_>) -> Option<Permission> {
    let action = catalog.action("lambda:InvokeFunction")?;
    let function = escape(request.parameters.text("rotationLambdaARN")?);
    let source = "Secrets Manager API Reference, RotateSecret";
    catalog.does_take(action, &function).then(|| permission(action, vec![function], "rotation-function", source))
}

/// ARNs of one request that are looked at.
const ARNS_MAX: usize = 100;

/// The tagging actions of the services whose resources are tagged.
/// Source: Resource Groups Tagging API Reference, TagResources, UntagResources, "Minimum permissions".
fn tagged(catalog: &Catalog, is_removal: bool, request: &Request<'_>) -> Vec<Permission> {
    let mut found: BTreeMap<&str, (&Action, BTreeSet<String>)> = BTreeMap::new();
    for text in request.parameters.texts("resourceARNList").into_iter().take(ARNS_MAX) {
        let Some(service) = Arn::parse(text).and_then(|arn| catalog.service(arn.service)) else { continue };
        let arn = escape(text);
        for action in tagging_actions(catalog, service, is_removal, &arn) {
            found.entry(&action.name).or_insert((action, BTreeSet::new())).1.insert(arn.clone());
        }
    }
    let because = "Resource Groups Tagging API Reference, minimum permissions";
    let found = found.into_values();
    found.map(|(action, arns)| permission(action, arns.into_iter().collect(), "tagged-resource", because)).collect()
}

/// A service's actions that put tags on a resource or take them off; the newer general one where there are several.
fn tagging_actions<'c>(catalog: &Catalog, service: &'c Service, is_removal: bool, arn: &str) -> Vec<&'c Action> {
    if service.prefix() == "s3" && !arn.contains('/') {
        // S3 knows no adding: it reads a bucket's tags and writes them.
        return ["GetBucketTagging", "PutBucketTagging"].iter().filter_map(|name| service.action(name)).collect();
    }
    let general = if is_removal { "UntagResource" } else { "TagResource" };
    let verbs = if is_removal { ["Untag", "RemoveTag", "DeleteTag"] } else { ["Tag", "AddTag", "CreateTag"] };
    let is_meant = |action: &&Action| {
        let name = bare_name(&action.name);
        action.access_level > AccessLevel::Read && verbs.iter().any(|verb| name.starts_with(verb))
    };
    let takes = |action: &&Action| catalog.does_take(action, arn);
    let mut meant: Vec<&Action> = service.actions().into_iter().filter(is_meant).filter(takes).collect();
    meant.sort_by_key(|action| (bare_name(&action.name) != general, action.name.len()));
    meant.truncate(1);
    meant
}
