//! `mobiletargeting`: whom its roles are for; how policies write its ARNs.

use crate::iam::catalog::bare_name;
use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &[], &["pinpoint"])],
    policy_arns: Some(|action, arn, _| vec![of_channel(action, of_template(action, arn))]),
    ..ServiceRules::new("mobiletargeting")
};

/// A template's ARN ends with its type, which the operation's name says: `UpdateEmailTemplate`.
/// Source: Pinpoint API Reference, CreateEmailTemplate, "Arn"; Pinpoint Developer Guide, resource ARNs for policies.
fn of_template(action: &str, arn: String) -> String {
    let of = |verb| bare_name(action).strip_prefix(verb).and_then(|name: &str| name.strip_suffix("Template"));
    let kind = ["Create", "Delete", "Get", "Update"].into_iter().find_map(of).filter(|kind| !kind.is_empty());
    let front = arn.strip_suffix("/*").filter(|front| front.contains(":templates/"));
    match front.zip(kind) {
        Some((front, kind)) => format!("{front}/{}", kind.to_ascii_uppercase()),
        None => arn,
    }
}

/// A channel's ARN ends with its type, which the operation's name says: `channels/apns_voip_sandbox` of
/// `GetApnsVoipSandboxChannel`.
/// Source: Pinpoint Developer Guide, resource ARNs for policies; API Reference: the paths of the channels' resources.
fn of_channel(action: &str, arn: String) -> String {
    let of = |verb| bare_name(action).strip_prefix(verb).and_then(|name: &str| name.strip_suffix("Channel"));
    let kind = ["Delete", "Get", "Update"].into_iter().find_map(of).filter(|kind| !kind.is_empty());
    let Some((front, kind)) = arn.strip_suffix("/channels/*").zip(kind) else { return arn };
    let mut name = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    format!("{front}/channels/{name}")
}
