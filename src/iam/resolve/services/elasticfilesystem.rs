//! `elasticfilesystem`: what is particular to it.

use crate::iam::resolve::service_rules::{IdPrefix, KeyUse, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    key_uses: &[KeyUse {
        operations: &["CreateFileSystem"],
        actions: &["kms:CreateGrant", "kms:DescribeKey"],
        is_certain: false,
        source: "EFS User Guide, Encrypting data at rest",
    }],
    id_prefixes: &[("file-system", IdPrefix::Text("fs-")), ("access-point", IdPrefix::Text("fsap-"))],
    ..ServiceRules::new("elasticfilesystem")
};
