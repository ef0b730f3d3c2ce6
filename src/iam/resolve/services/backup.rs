//! `backup`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

/// Source: Service Authorization Reference, AWS Backup, operations: `iam:PassedToService` of CreateRestoreTestingSelection.
pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(
        &["CreateRestoreTestingSelection", "UpdateRestoreTestingSelection"],
        &[],
        &["restore-testing.backup"],
    )],
    ..ServiceRules::new("backup")
};
