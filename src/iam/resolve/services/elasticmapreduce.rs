//! `elasticmapreduce`: whom its roles are for; where requests hold roles; what its ids begin with.

use crate::iam::resolve::service_rules::{Call, IdPrefix, NOT_PASSED, NamedRole, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // EMR Management Guide, "Runtime roles for Amazon EMR steps": a condition key of the call itself.
        passed_to(&["AddJobFlowSteps"], &["executionrolearn"], NOT_PASSED),
        passed_to(&["GetClusterSessionCredentials"], &[], NOT_PASSED),
        passed_to(&["GetOnClusterAppUIPresignedURL", "GetPersistentAppUIPresignedURL"], &[], NOT_PASSED),
        passed_to(&[], &["jobflowrole"], &["ec2"]),
        passed_to(&[], &["autoscalingrole"], &["application-autoscaling", "elasticmapreduce"]),
    ],
    named_roles: Some(studio_roles),
    id_prefixes: &[
        ("cluster", IdPrefix::Text("j-")),
        ("studio", IdPrefix::Text("es-")),
        ("editor", IdPrefix::Text("e-")),
    ],
    ..ServiceRules::new("elasticmapreduce")
};

/// Roles that may be given by their names.
/// Source: EMR API Reference, CreateStudio, StartNotebookExecution, "ServiceRole": the name or ARN; EMR Management
/// Guide, "Permissions required to create and manage an EMR Studio": iam:PassRole.
fn studio_roles(call: &Call<'_, '_>) -> Vec<NamedRole> {
    let keys: &[&str] = match call.operation {
        "CreateStudio" => &["serviceRole", "userRole"],
        "StartNotebookExecution" => &["serviceRole"],
        _ => &[],
    };
    call.roles_in(keys)
}
