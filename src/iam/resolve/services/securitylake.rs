//! `securitylake`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Security Lake User Guide, "IAM roles": managers of the lake's tables, of replication, and of crawlers.
        passed_to(&[], &["metastoremanagerrolearn"], &["lambda", "securitylake"]),
        passed_to(&["CreateDataLake", "UpdateDataLake"], &[], &["s3", "securitylake"]),
        passed_to(&["CreateCustomLogSource"], &[], &["glue", "securitylake"]),
        // Managed policy AmazonSecurityLakeAdministrator: roles of notifications are passed to EventBridge too.
        passed_to(&["CreateSubscriberNotification", "UpdateSubscriberNotification"], &[], &["events", "securitylake"]),
    ],
    ..ServiceRules::new("securitylake")
};
