//! `secretsmanager`: further actions of its calls; KMS keys used for the caller; how policies write its ARNs; how its
//! names are read.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, KeyUse, Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| call.is("RotateSecret").then(|| rotated(call)).flatten().into_iter().collect()),
    key_uses: &[KeyUse {
        operations: &["CreateSecret", "PutSecretValue", "UpdateSecret"],
        actions: &["kms:GenerateDataKey", "kms:Decrypt"],
        is_certain: true,
        source: "Secrets Manager API Reference, CreateSecret, Required permissions",
    }],
    policy_arns: Some(|_, arn, _| of_secret(arn)),
    read: Some(read),
    ..ServiceRules::new("secretsmanager")
};

/// A secret may be named by its ARN without the six letters behind its name; a word or number of six may be either.
/// Source: Secrets Manager API Reference, GetSecretValue, "SecretId"; User Guide, "Permissions policy examples".
fn of_secret(secret: String) -> Vec<String> {
    let Some((_, name)) = secret.split_once(":secret:").filter(|(_, name)| !name.ends_with(['*', '?'])) else {
        return vec![secret];
    };
    let end = name.rsplit_once('-').map(|(_, end)| end).filter(|end| end.len() == 6);
    let partial = format!("{secret}-??????");
    match end.filter(|end| end.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(end) if !end.bytes().any(|b| b.is_ascii_uppercase()) => vec![secret, partial],
        Some(_) => vec![secret],
        None => vec![partial],
    }
}

/// The function that rotates a secret is called at once. Source: Secrets Manager API Reference, RotateSecret, "Required
/// permissions".
fn rotated(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, .. } = *call;
    let action = catalog.action("lambda:InvokeFunction")?;
    let function = escape(request.parameters.text("rotationLambdaARN")?);
    let source = "Secrets Manager API Reference, RotateSecret";
    catalog.does_take(action, &function).then(|| permission(action, vec![function], "rotation-function", source))
}

/// A secret's ARN has six letters behind its name, which policies write as question marks.
/// Source: Secrets Manager User Guide, "Permissions policy examples".
fn read(_: &str, variable: &str) -> Option<ValueReader> {
    (variable == "SecretId").then(|| ValueReader::new(|text| Reading::NameThen(text, "-??????")))
}
