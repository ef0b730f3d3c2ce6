//! `rds`: whom its roles are for; KMS keys used for the caller; names with colons.

use crate::iam::resolve::service_rules::{KeyUse, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["monitoringrolearn"], &["monitoring.rds"]),
        passed_to(&[], &["iaminstanceprofile"], &["ec2"]),
        // RDS User Guide, "Kerberos authentication", trust policy.
        passed_to(&[], &["domainiamrolename"], &["rds", "directoryservice.rds"]),
        passed_to(&["StartExportTask"], &[], &["export.rds", "rds"]),
        passed_to(&["CreateDBProxyEndpoint"], &[], NOT_PASSED),
    ],
    key_uses: &[KeyUse {
        operations: &["Create", "Copy", "Restore", "Start"],
        actions: &["kms:CreateGrant", "kms:DescribeKey"],
        is_certain: false,
        source: "RDS User Guide, Encrypting resources",
    }],
    names_with_colons: WITH_COLONS,
    ..ServiceRules::new("rds")
};

/// Snapshots that the service makes by itself have a colon in their names: `rds:db-2026-05-04-05-00`,
/// `awsbackup:job-…`, `rs:cluster-2026-05-04`.
/// Source: RDS User Guide, "Viewing a backup"; Redshift Management Guide, "Amazon Redshift snapshots".
const WITH_COLONS: &[&str] = &["*/SnapshotName", "*/ClusterSnapshotName"];
