//! `s3files`: whom its roles are for; what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // S3 User Guide, "S3 Files", "Prerequisites": the role trusts EFS.
        passed_to(&[], &[], &["elasticfilesystem"]),
    ],
    id_prefixes: &[("access-point", IdPrefix::Text("fsap-")), ("file-system", IdPrefix::Text("fs-"))],
    ..ServiceRules::new("s3files")
};
