//! `s3express`: operations whose actions depend on the request; whom its roles are for; how policies write its ARNs.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};
use crate::iam::resolve::services::s3;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| if s3::is_copy(call.operation) { s3::copy(call, "s3express") } else { None }),
    passed_to: &[passed_to(&[], &[], &["s3"])],
    policy_arns: Some(|_, arn, _| vec![of_directory_bucket(arn)]),
    ..ServiceRules::new("s3express")
};

/// Access points stand where requests name buckets; what their names end with tells them.
/// Source: S3 User Guide, "Access points for directory buckets naming rules": `--xa-s3`.
fn of_directory_bucket(resource: String) -> String {
    match resource.split_once(":bucket/").filter(|(_, name)| name.ends_with("--xa-s3")) {
        Some((head, name)) => format!("{head}:accesspoint/{name}"),
        None => resource,
    }
}
