//! `medialive`: inputs of partners; whom its roles are for; how policies write its ARNs.

use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, numbered_later, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // MediaLive User Guide, MediaLive Anywhere, "Instance role": its nodes are managed by Systems Manager, which it
        // trusts.
        passed_to(&[], &["instancerolearn"], &["medialive", "ssm"]),
    ],
    special: Some(partner_input),
    policy_arns: Some(|action, arn, _| vec![of_new_channel(action, arn)]),
    ..ServiceRules::new("medialive")
};

/// The input of a partner is a new one, beside the one that the request names; the tags are its.
/// Source: MediaLive API Reference, CreatePartnerInput.
fn partner_input(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let action = call.only("medialive", "CreatePartnerInput")?;
    let source = "MediaLive API Reference, CreatePartnerInput";
    let tag = call.catalog.action("medialive:CreateTags").filter(|_| call.request.parameters.has("tags"));
    let made = format!("{}:input:*", call.request.event.arn("medialive"));
    let tagged = tag.map(|tag| permission(tag, vec![made], "partner-input", source));
    Some([permission(action, call.resources(action), "partner-input", source)].into_iter().chain(tagged).collect())
}

/// A new channel is numbered; the `channelId` in its request is of MediaPackage, to which it will send.
/// Source: MediaLive API Reference, Channels, MediaPackageOutputDestinationSettings.
fn of_new_channel(action: &str, arn: String) -> String {
    if action == "medialive:CreateChannel" { numbered_later(arn, ":channel:") } else { arn }
}
