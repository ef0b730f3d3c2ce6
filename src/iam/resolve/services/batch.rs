//! `batch`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["jobrolearn", "executionrolearn", "taskrolearn"], &["ecs-tasks"]),
        passed_to(&["RegisterJobDefinition", "SubmitJob"], &[], &["ecs-tasks"]),
        passed_to(&[], &["spotiamfleetrole"], &["spotfleet"]),
        passed_to(&[], &["instancerole", "instanceprofilearn"], &["ec2"]),
        passed_to(&[], &["infrastructurerolearn"], &["ecs", "batch"]),
        passed_to(&[], &[], &["batch"]),
    ],
    ..ServiceRules::new("batch")
};
