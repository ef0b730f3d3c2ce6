//! `ecs`: whom its roles are for; where requests hold roles.

use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{NamedRole, ServiceRules, passed_to};

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
    named_roles: Some(|call| if call.is("CreateService") { balancer_role(call.request) } else { Vec::new() }),
    ..ServiceRules::new("ecs")
};

/// Source: ECS API Reference, CreateService, `role`: the name or ARN of the role that calls the load balancer.
fn balancer_role(request: &Request<'_>) -> Vec<NamedRole> {
    request.parameters.text("role").map(|role| ("role".to_owned(), role.to_owned())).into_iter().collect()
}
