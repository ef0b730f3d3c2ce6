//! `s3tables`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&["PutTableBucketReplication", "PutTableReplication"], &[], &["replication.s3tables"]),
        passed_to(&["StartTableMigration", "SyncTableMigration"], &[], &["migration.s3tables"]),
    ],
    ..ServiceRules::new("s3tables")
};
