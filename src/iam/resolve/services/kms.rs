//! AWS KMS: re-encryption, ARNs of keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::iam::arn::{Arn, escape};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| match call.operation {
        "ReEncrypt" => re_encrypt(call),
        "UpdatePrimaryRegion" => new_primary(call),
        _ => None,
    }),
    ..ServiceRules::new("kms")
};

/// From one key to the other. Source: KMS API Reference, ReEncrypt, "Required permissions".
fn re_encrypt(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let key = |name: &str, action: &Action| match request.parameters.text(name) {
        Some(arn) if catalog.does_take(action, &escape(arn)) && Arn::parse(arn).is_some() => vec![escape(arn)],
        Some(id) if !id.contains([':', '/']) => vec![format!("{}:key/{}", request.event.arn("kms"), escape(id))],
        alias => {
            // An alias is no part of a key's ARN, but tells where the key is.
            let head = alias.and_then(|arn| arn.split_once(":alias/")).map(|(head, _)| escape(head));
            let there = head.map(|head| format!("{head}:key/*")).filter(|arn| catalog.does_take(action, arn));
            there.map_or_else(|| call.resources(action), |arn| vec![arn])
        }
    };
    let (from, to) = (catalog.action("kms:ReEncryptFrom")?, catalog.action("kms:ReEncryptTo")?);
    let source = "KMS API Reference, ReEncrypt";
    Some(vec![
        permission(from, key("sourceKeyId", from), "kms-re-encrypt", source),
        permission(to, key("destinationKeyId", to), "kms-re-encrypt", source),
    ])
}

/// The primary key and the replica that becomes it, which has the same id in its region.
/// Source: KMS API Reference, UpdatePrimaryRegion, "Required permissions".
fn new_primary(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let action = call.own_action("kms")?;
    let region = call.request.name_or_any("primaryRegion");
    let mut keys: BTreeSet<String> = call.resources(action).into_iter().collect();
    let there = |arn: &String| {
        let (head, account) = arn.split_once(":kms:").and_then(|(head, rest)| Some((head, rest.split_once(':')?.1)))?;
        Some(format!("{head}:kms:{region}:{account}"))
    };
    let replicas: Vec<String> = keys.iter().filter_map(there).collect();
    keys.extend(replicas);
    let source = "KMS API Reference, UpdatePrimaryRegion";
    Some(vec![permission(action, keys.into_iter().collect(), "kms-primary-region", source)])
}

/// A key's ARN by its ARN or id; by an alias any key of the account, since policies name keys and not aliases.
pub(in crate::iam) fn key_arn(text: &str, request: &Request<'_>) -> String {
    let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match Arn::parse(text) {
        Some(arn) if arn.service == "kms" && arn.resource.strip_prefix("key/").is_some_and(is_id) => escape(text),
        None if is_id(text) => plain_key_arn(text, request),
        _ => plain_key_arn("*", request),
    }
}

pub(in crate::iam) fn plain_key_arn(id: &str, request: &Request<'_>) -> String {
    format!("{}:key/{id}", request.event.arn("kms"))
}

/// Uses of keys, for each of these actions.
pub(in crate::iam) fn uses(
    catalog: &Catalog,
    actions: &[&str],
    keys: &BTreeSet<String>,
    source: &str,
) -> Vec<Permission> {
    let known = actions.iter().filter_map(|name| catalog.action(name));
    let one = known.map(|action| Permission {
        action: Arc::clone(&action.name),
        resources: keys.iter().cloned().collect(),
        confidence: Confidence::Documented,
        rule: "named-key",
        source: source.into(),
        passed_to_service: None,
    });
    one.collect()
}
