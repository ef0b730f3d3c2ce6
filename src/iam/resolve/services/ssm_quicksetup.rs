//! `ssm-quicksetup`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Systems Manager User Guide, "Quick Setup": stack sets deploy with it, and it trusts CloudFormation.
        passed_to(&[], &["localdeploymentadministrationrolearn"], &["cloudformation", "ssm-quicksetup"]),
    ],
    ..ServiceRules::new("ssm-quicksetup")
};
