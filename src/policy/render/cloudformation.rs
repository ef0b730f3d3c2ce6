//! CloudFormation templates, YAML and JSON.

use serde_json::{Map, Value, json};

use super::identifier;
use crate::policy::{Attach, Kind, Made};

/// The template could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CloudFormationError {
    /// CloudFormation has no such thing.
    #[error("CloudFormation has no session policies: they are passed with sts:AssumeRole\nhint: use --format json")]
    Session,
    /// The YAML library.
    #[error("cannot write the template as YAML: {0}\nhint: use --format cloudformation-json")]
    Yaml(#[from] serde_yaml_ng::Error),
}

/// The template as YAML.
pub fn yaml(made: &Made) -> Result<String, CloudFormationError> {
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(&template(made)?.to_string())?;
    Ok(serde_yaml_ng::to_string(&value)?)
}

/// The template as JSON.
pub fn json(made: &Made) -> Result<String, CloudFormationError> {
    Ok(format!("{:#}\n", template(made)?))
}

fn template(made: &Made) -> Result<Value, CloudFormationError> {
    let mut resources = Map::new();
    for document in &made.documents {
        let id = identifier(&document.name, None);
        resources.insert(id, resource(made, &document.name, document.policy.to_value())?);
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

fn parameters(made: &Made) -> Map<String, Value> {
    let names: &[(&str, &str)] = match (made.kind, made.attach) {
        (Kind::Identity, Attach::InlineRole) => &[("RoleName", "Name of the role")],
        (Kind::Identity, Attach::InlineUser) => &[("UserName", "Name of the user")],
        (Kind::Identity, Attach::InlineGroup) => &[("GroupName", "Name of the group")],
        (Kind::PermissionSet, _) => &[("InstanceArn", "ARN of the Identity Center instance")],
        _ => &[],
    };
    let parameter = |(name, description): &(&str, &str)| {
        ((*name).to_owned(), json!({"Type": "String", "Description": description}))
    };
    names.iter().map(parameter).collect()
}

fn resource(made: &Made, name: &str, document: Value) -> Result<Value, CloudFormationError> {
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
            "Properties": {"InstanceArn": {"Ref": "InstanceArn"}, "Name": name, "InlinePolicy": document},
        }),
        (Kind::Session, _) => return Err(CloudFormationError::Session),
    })
}
