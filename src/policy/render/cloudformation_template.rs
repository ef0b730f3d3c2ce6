//! CloudFormation templates: what both formats, YAML and JSON, write.
//!
//! CloudFormation puts something else in place of `{{resolve:…}}` in any string (CloudFormation User Guide, "Using dynamic
//! references"), and nothing escapes it. A name that holds it gets `?{resolve:` in its place: one character wider,
//! instead of a parameter or secret that somebody named in a log. `${…}` means nothing outside of `Fn::Sub`, which is not
//! used.

use serde_json::{Map, Value, json};

use super::renderer::{RenderError, identifier};
use crate::iam::document::Policy;
use crate::policy::{Attach, Kind, Made};

pub(super) fn template(made: &Made) -> Result<Value, RenderError> {
    let mut resources = Map::new();
    for document in &made.documents {
        let id = identifier(&document.name, None);
        let id = if is_ambiguous(&id) { format!("{id}Policy") } else { id };
        let mut content = document.policy.to_value();
        unreferenced(&mut content);
        resources.insert(id, resource(made, &document.name, content)?);
    }
    let mut template = Map::new();
    template.insert("AWSTemplateFormatVersion".to_owned(), json!("2010-09-09"));
    let parameters = parameters(made);
    if !parameters.is_empty() {
        template.insert("Parameters".to_owned(), Value::Object(parameters));
    }
    template.insert("Resources".to_owned(), Value::Object(resources));
    Ok(Value::Object(template))
}

/// A template with the trust policy of a role, to be put into the one that has the role: CloudFormation has no resource
/// for a trust policy alone.
pub(super) fn trust(name: &str, path: &str, policy: &Policy) -> Value {
    let mut document = policy.to_value();
    unreferenced(&mut document);
    let id = identifier(name, None);
    let id = if is_ambiguous(&id) { format!("{id}Role") } else { id };
    let properties = json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": document});
    let mut resources = Map::new();
    resources.insert(id, json!({"Type": "AWS::IAM::Role", "Properties": properties}));
    json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
}

fn unreferenced(value: &mut Value) {
    match value {
        Value::String(text) if text.contains("{{resolve:") => *text = text.replace("{{resolve:", "?{resolve:"),
        Value::Array(items) => items.iter_mut().for_each(unreferenced),
        Value::Object(members) => members.values_mut().for_each(unreferenced),
        _ => {}
    }
}

/// Longest name of a permission set (IAM Identity Center API Reference, `CreatePermissionSet`).
const PERMISSION_SET_NAME_MAX: usize = 32;

fn parameters(made: &Made) -> Map<String, Value> {
    let names: &[(&str, &str)] = match (made.kind, made.attach) {
        (Kind::Identity, Attach::InlineRole) => &[("RoleName", "Name of the role")],
        (Kind::Identity, Attach::InlineUser) => &[("UserName", "Name of the user")],
        (Kind::Identity, Attach::InlineGroup) => &[("GroupName", "Name of the group")],
        (Kind::PermissionSet, _) => &[
            ("InstanceArn", "ARN of the Identity Center instance"),
            ("PermissionSetName", "A new name, or that of a permission set that is imported into the stack"),
        ],
        _ => &[],
    };
    let parameter = |(name, description): &(&str, &str)| {
        let mut parameter = json!({"Type": "String", "Description": description});
        if let (&"PermissionSetName", Some(document)) = (name, made.documents.first()) {
            let default: String = document.name.chars().take(PERMISSION_SET_NAME_MAX).collect();
            if let Some(fields) = parameter.as_object_mut() {
                fields.insert("Default".to_owned(), json!(default.trim_matches('-')));
            }
        }
        ((*name).to_owned(), parameter)
    };
    names.iter().map(parameter).collect()
}

fn resource(made: &Made, name: &str, document: Value) -> Result<Value, RenderError> {
    let inline = |kind: &str, owner: &str| {
        json!({
            "Type": kind,
            "Properties": {"PolicyName": name, owner: {"Ref": owner}, "PolicyDocument": document.clone()},
        })
    };
    Ok(match (made.kind, made.attach) {
        (Kind::Identity, Attach::InlineRole) => inline("AWS::IAM::RolePolicy", "RoleName"),
        (Kind::Identity, Attach::InlineUser) => inline("AWS::IAM::UserPolicy", "UserName"),
        (Kind::Identity, Attach::InlineGroup) => inline("AWS::IAM::GroupPolicy", "GroupName"),
        (Kind::Identity | Kind::Boundary, _) => json!({
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"ManagedPolicyName": name, "PolicyDocument": document},
        }),
        (Kind::Scp, _) => json!({
            "Type": "AWS::Organizations::Policy",
            "Properties": {"Name": name, "Type": "SERVICE_CONTROL_POLICY", "Content": document},
        }),
        (Kind::PermissionSet, _) => json!({
            "Type": "AWS::SSO::PermissionSet",
            "Properties": {
                "InstanceArn": {"Ref": "InstanceArn"}, "Name": {"Ref": "PermissionSetName"}, "InlinePolicy": document,
            },
        }),
        (Kind::Session, _) => {
            let problem = "CloudFormation has no session policies: they are passed with sts:AssumeRole";
            return Err(RenderError::new(problem, "json"));
        }
    })
}

/// The YAML 1.1 types "bool", "null" and whatever begins like a number or a date.
pub(super) fn is_ambiguous(scalar: &str) -> bool {
    let is_word = |word: &&str| scalar.eq_ignore_ascii_case(word);
    let is_plain = !scalar.contains(['\'', '"']);
    is_plain && (WORDS.iter().any(is_word) || scalar.starts_with(|c: char| c.is_ascii_digit() || "+.-".contains(c)))
}

const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
