//! `medialive`: whom its roles are for; how policies write its ARNs.

use crate::iam::resolve::service_rules::{ServiceRules, numbered_later, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // MediaLive User Guide, MediaLive Anywhere, "Instance role": its nodes are managed by Systems Manager, which it
        // trusts.
        passed_to(&[], &["instancerolearn"], &["medialive", "ssm"]),
    ],
    policy_arns: Some(|action, arn, _| vec![of_new_channel(action, arn)]),
    ..ServiceRules::new("medialive")
};

/// A new channel is numbered; the `channelId` in its request is of MediaPackage, to which it will send.
/// Source: MediaLive API Reference, Channels, MediaPackageOutputDestinationSettings.
fn of_new_channel(action: &str, arn: String) -> String {
    if action == "medialive:CreateChannel" { numbered_later(arn, ":channel:") } else { arn }
}
