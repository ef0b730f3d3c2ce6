//! `lex`: operations whose actions depend on the request; whom its roles are for; tags on what it makes; how policies
//! write its ARNs.

use crate::iam::catalog::Action;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![bot(call.only("lex", "CreateBot")?, call.request)])),
    passed_to: &[
        // Lex V2 Developer Guide, "Creating a custom policy"; Lex V1 Developer Guide, "Service-linked roles".
        passed_to(&["PutBotAlias", "PutIntent"], &[], &["lex"]),
        passed_to(&[], &[], &["lexv2"]),
    ],
    deep_tags: &["StartImport"],
    policy_arns: Some(|_, arn, request| of_bot(arn, request)),
    ..ServiceRules::new("lex")
};

/// Version 1 of Lex, whose bots are called by their names, puts them. Source: Service Authorization Reference, Lex V2.
fn bot(action: &Action, request: &Request<'_>) -> Permission {
    let here = request.event.arn("lex");
    let made = vec![format!("{here}:bot-alias/*/*"), format!("{here}:bot/*")];
    permission(action, made, "numbered-bot", "Service Authorization Reference, Amazon Lex V2")
}

/// Both versions of Lex have actions of one name; what version 2 is asked for has ids, and no names.
/// Source: Service Authorization Reference, Amazon Lex V2: `bot/${BotId}`; Amazon Lex: `bot:${BotName}`; Lex V2 API
/// Reference, StartImport, "resourceSpecification": a bot that is imported is called by its name.
fn of_bot(resource: String, request: &Request<'_>) -> Vec<String> {
    let is_of_v1 = [":bot:", ":bot-channel:", ":intent:", ":slottype:"].iter().any(|kind| resource.contains(kind));
    if is_of_v1 && !request.parameters.texts("botId").is_empty() {
        return Vec::new();
    }
    match resource.split_once(":bot:").filter(|_| request.parameters.has("resourceSpecification")) {
        Some((front, _)) => vec![format!("{front}:bot/*")],
        None => vec![resource],
    }
}
