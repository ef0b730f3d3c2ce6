//! `ecs`: whom its roles are for; where requests hold roles.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["taskrolearn", "executionrolearn", "taskrole", "executionrole"], &["ecs-tasks"]),
        passed_to(&[], &["instanceprofilearn"], &["ec2"]),
        passed_to(
            &["CreateDaemon", "UpdateDaemon", "RegisterDaemonTaskDefinition", "RegisterTaskDefinition"],
            &[],
            &["ecs-tasks"],
        ),
        passed_to(&["CreateTaskSet"], &[], &["ecs-tasks", "ecs"]),
        passed_to(&[], &[], &["ecs"]),
    ],
    // Source: ECS API Reference, CreateService, `role`: the name or ARN of the role that calls the load balancer.
    named_roles: Some(|call| if call.is("CreateService") { call.roles_in(&["role"]) } else { Vec::new() }),
    ..ServiceRules::new("ecs")
};
