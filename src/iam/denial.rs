//! What the message of a denial states: the action that was asked for and the resource.
//!
//! Source: IAM User Guide, "Troubleshoot access denied error messages".

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::arn::{Arn, escape};
use super::catalog::Catalog;
use super::event::{Confidence, Event, Permission};
use super::resources::with_tail;

/// What a message says before the action.
const PERFORM: &str = "not authorized to perform";

/// The message of a denial that may name an action. GuardDuty and AppSync write it into the response, as `message`.
pub(super) fn message<'e>(event: &Event<'e>) -> Option<Cow<'e, str>> {
    if let Some(message) = event.error_message {
        return Some(Cow::Borrowed(message)).filter(|message| message.contains(PERFORM));
    }
    let response = event.response_elements.filter(|response| response.contains(PERFORM))?;
    match serde_json::from_str::<Value>(response).ok()?.get_mut("message")?.take() {
        Value::String(message) => Some(Cow::Owned(message)),
        _ => None,
    }
}

/// What a denial's message states.
pub(super) struct Stated {
    pub permission: Permission,
    /// Whether it leaves open on which resource, though the action takes some: `on resource: my-secret`, or none at all.
    pub is_open: bool,
}

/// The action and resource that a denial's message names.
/// SES quotes both.
pub(super) fn stated(catalog: &Catalog, message: &str) -> Option<Stated> {
    let named = |text: &str| -> Option<String> {
        let word = text.split_ascii_whitespace().next()?;
        Some(word.trim_end_matches(['.', ',']).trim_matches(['"', '\'', '`']).to_owned())
    };
    // "You are not authorized to perform this operation. User: … is not authorized to perform: ec2:RunInstances …"
    let mut said = message.match_indices(PERFORM).filter_map(|(at, said)| message.get(at + said.len()..));
    let (action, behind) = said.find_map(|behind| {
        let name = named(behind.trim_start_matches([':', ' ']))?;
        Some((catalog.action(&name)?, behind))
    })?;
    let on = [" on resource: ", " on resource "].iter().find_map(|on| behind.split_once(on));
    let resource = on.and_then(|(_, resource)| named(resource));
    let arn = resource.as_deref().filter(|r| Arn::parse(r).is_some()).map(|arn| {
        // The service itself writes `instance/*` for what is not there yet.
        match arn.strip_suffix("/*").or(arn.strip_suffix(":*")) {
            Some(front) => format!("{}{}", escape(front), arn.get(front.len()..).unwrap_or_default()),
            None => escape(arn),
        }
    });
    let arn = arn.map(|arn| of_log_group(&action.name, arn)).filter(|arn| catalog.does_take(action, arn));
    let is_open = arn.is_none() && resource.as_deref() != Some("*") && !action.resource_types.is_empty();
    let permission = Permission {
        action: Arc::clone(&action.name),
        resources: vec![arn.unwrap_or_else(|| "*".to_owned())],
        confidence: Confidence::Stated,
        rule: "denial-message",
        source: "the record's errorMessage".into(),
        passed_to_service: None,
    };
    Some(Stated { permission, is_open })
}

/// Log groups as policies write them. A message may say `…:log-group:g:log-stream:`, of no stream.
fn of_log_group(action: &str, arn: String) -> String {
    if !action.starts_with("logs:") {
        return arn;
    }
    let group = arn.strip_suffix(":log-stream:").unwrap_or(&arn);
    with_tail(action, group.to_owned())
}
