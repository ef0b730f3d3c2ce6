//! `chime`: whom its roles are for; tags on what it makes; types of which a call is on one.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(
            &["CreateMediaInsightsPipelineConfiguration", "UpdateMediaInsightsPipelineConfiguration"],
            &[],
            &["mediapipelines.chime"],
        ),
        passed_to(&[], &[], &["mediapipelines.chime", "chime"]),
    ],
    // Who calls acts as a user or as a bot. Source: Chime SDK messaging API Reference, "x-amz-chime-bearer": the ARN of the
    // AppInstanceUser or AppInstanceBot that makes the API call.
    alternatives: &[("app-instance-user", "app-instance-bot")],
    tag_actions: &[("CreateMeeting", "TagMeeting")],
    ..ServiceRules::new("chime")
};
