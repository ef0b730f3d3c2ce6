//! `batch`: whom its roles are for; where requests hold roles.

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
    // Source: Batch API Reference, UpdateComputeEnvironment, ComputeResourceUpdate, "instanceRole".
    named_roles: Some(|call| {
        let roles = call.request.parameters.texts("instanceRole").into_iter();
        let is_it = call.is("UpdateComputeEnvironment");
        roles.filter(|_| is_it).map(|role| ("instanceRole".to_owned(), role.to_owned())).collect()
    }),
    ..ServiceRules::new("batch")
};
