//! `elasticfilesystem`: operations whose actions depend on the request; KMS keys used for the caller; what its ids
//! begin with.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, IdPrefix, KeyUse, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![replicated(call)?])),
    key_uses: &[KeyUse {
        operations: &["CreateFileSystem"],
        actions: &["kms:CreateGrant", "kms:DescribeKey"],
        is_certain: false,
        source: "EFS User Guide, Encrypting data at rest",
    }],
    id_prefixes: &[("file-system", IdPrefix::Text("fs-")), ("access-point", IdPrefix::Text("fsap-"))],
    ..ServiceRules::new("elasticfilesystem")
};

/// The file system that is replicated, by its id, whatever the ARN of the other one is.
/// Source: EFS API Reference, CreateReplicationConfiguration, "SourceFileSystemId".
fn replicated(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("elasticfilesystem", "CreateReplicationConfiguration")?;
    let source = call.request.parameters.plain_name("sourceFileSystemId")?;
    let arn = format!("{}:file-system/{}", call.request.event.arn("elasticfilesystem"), escape(source));
    Some(permission(action, vec![arn], "replicated", "EFS API Reference, CreateReplicationConfiguration"))
}
