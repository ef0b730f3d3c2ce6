//! `geo`: what keys allow.

use serde_json::Value;

use crate::iam::arn::escape;
use crate::iam::arn::wildcard::wildcard_match;
use crate::iam::catalog::Action;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { also_needed: Some(|call| delegated(call).unwrap_or_default()), ..ServiceRules::new("geo") };

/// Whoever makes a key has to be allowed what it allows.
/// Source: what was denied without, and not with `geo-maps:GetTile` beside `geo:CreateKey` (public notes of a service's
/// boundaries, September 2026); CloudFormation's AWS::Location::APIKey, permissions of its handlers.
fn delegated(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let restrictions =
        call.request.parameters.get("restrictions").filter(|_| call.is("CreateKey") || call.is("UpdateKey"))?;
    let (patterns, arns) = (texts(&restrictions, "allowActions"), texts(&restrictions, "allowResources"));
    let allowed = patterns.iter().flat_map(|pattern| actions(call, pattern));
    let on = |action: &Action| {
        let taken: Vec<String> = arns.iter().filter(|arn| call.catalog.does_take(action, arn)).cloned().collect();
        (!taken.is_empty())
            .then(|| permission(action, taken, "delegated-by-key", "Location API Reference, ApiKeyRestrictions"))
    };
    Some(allowed.filter_map(on).collect())
}

/// The actions that a pattern means: `geo-maps:*`.
fn actions<'c>(call: &Call<'c, '_>, pattern: &str) -> Vec<&'c Action> {
    let service = pattern.split_once(':').and_then(|(prefix, _)| call.catalog.service(prefix));
    let all = service.map(|service| service.actions()).unwrap_or_default();
    all.into_iter().filter(|action| wildcard_match(pattern, &action.name, true)).collect()
}

/// The texts of a list in an object, as patterns: their asterisks are meant.
fn texts(object: &Value, key: &str) -> Vec<String> {
    let members = object.as_object().into_iter().flatten();
    let listed = members.filter(|(own, _)| own.eq_ignore_ascii_case(key)).filter_map(|(_, value)| value.as_array());
    let texts = listed.flatten().filter_map(Value::as_str);
    // `${*}` is how an asterisk that is meant as a letter is written.
    texts.map(|text| text.split('*').map(escape).collect::<Vec<_>>().join("*")).collect()
}
