//! `elasticmapreduce`: whom its roles are for; what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // EMR Management Guide, "Runtime roles for Amazon EMR steps": a condition key of the call itself.
        passed_to(&["AddJobFlowSteps"], &["executionrolearn"], NOT_PASSED),
        passed_to(&["GetClusterSessionCredentials"], &[], NOT_PASSED),
        passed_to(&["GetOnClusterAppUIPresignedURL", "GetPersistentAppUIPresignedURL"], &[], NOT_PASSED),
        passed_to(&[], &["jobflowrole"], &["ec2"]),
        passed_to(&[], &["autoscalingrole"], &["application-autoscaling", "elasticmapreduce"]),
    ],
    id_prefixes: &[
        ("cluster", IdPrefix::Text("j-")),
        ("studio", IdPrefix::Text("es-")),
        ("editor", IdPrefix::Text("e-")),
    ],
    ..ServiceRules::new("elasticmapreduce")
};
