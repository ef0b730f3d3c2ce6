//! `apprunner`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["accessrolearn"], &["build.apprunner"]),
        passed_to(&[], &["instancerolearn"], &["tasks.apprunner"]),
    ],
    ..ServiceRules::new("apprunner")
};
