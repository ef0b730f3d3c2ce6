//! `chime`: what is particular to it.

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
    tag_actions: &[("CreateMeeting", "TagMeeting")],
    ..ServiceRules::new("chime")
};
