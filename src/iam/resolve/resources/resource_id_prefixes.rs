//! What services number says by its first letters what it is: `i-0123` is an instance, `ou-ab12-34cd` an
//! organizational unit.
//!
//! Source: EC2 User Guide, "Resource IDs"; Service Authorization Reference, resource types of EC2.

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::{escape, is_account_id};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::request::Request;
use crate::iam::resolve::resources::fill::fill;

/// First letters of ids and the resource type.
const KINDS: &[(&str, &str)] = &[
    ("acl", "network-acl"),
    ("ami", "image"),
    ("cgw", "customer-gateway"),
    ("cr", "capacity-reservation"),
    ("dopt", "dhcp-options"),
    ("eigw", "egress-only-internet-gateway"),
    ("eipalloc", "elastic-ip"),
    ("eni", "network-interface"),
    ("fl", "vpc-flow-log"),
    ("fleet", "fleet"),
    ("h", "dedicated-host"),
    ("i", "instance"),
    ("igw", "internet-gateway"),
    ("key", "key-pair"),
    ("lt", "launch-template"),
    ("nat", "natgateway"),
    ("pcx", "vpc-peering-connection"),
    ("pg", "placement-group"),
    ("pl", "prefix-list"),
    ("rtb", "route-table"),
    ("sg", "security-group"),
    ("sgr", "security-group-rule"),
    ("sir", "spot-instances-request"),
    ("snap", "snapshot"),
    ("subnet", "subnet"),
    ("tgw", "transit-gateway"),
    ("tgw-attach", "transit-gateway-attachment"),
    ("tgw-rtb", "transit-gateway-route-table"),
    ("vgw", "vpn-gateway"),
    ("vol", "volume"),
    ("vpc", "vpc"),
    ("vpce", "vpc-endpoint"),
    ("vpce-svc", "vpc-endpoint-service"),
    ("vpn", "vpn-connection"),
];

/// What ids of a type begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::iam) enum Letters {
    Are(&'static str),
    /// Twelve digits.
    Account,
}

impl Letters {
    /// Of a service's type, where requests name things of any type by their ids.
    /// Source: Organizations API Reference, Parent, "Id", and Account, "Id"; EFS, EMR, WorkSpaces, CloudHSM and Service
    /// Catalog API References, TagResource, AddTags, CreateTags and AssociateTagOptionWithResource, "ResourceId"; VPC
    /// Lattice API Reference, PutAuthPolicy, "resourceIdentifier".
    pub fn of(prefix: &str, kind: &str) -> Option<Letters> {
        Some(Letters::Are(match (prefix, kind) {
            ("organizations", "account") => return Some(Letters::Account),
            ("organizations", "organizationalunit") => "ou-",
            ("organizations", "root") => "r-",
            ("organizations", "policy") => "p-",
            ("elasticfilesystem", "file-system") => "fs-",
            ("elasticfilesystem", "access-point") => "fsap-",
            ("elasticmapreduce", "cluster") => "j-",
            ("elasticmapreduce", "studio") => "es-",
            ("elasticmapreduce", "editor") => "e-",
            ("workspaces", "workspaceid") => "ws-",
            ("workspaces", "directoryid") => "d-",
            ("workspaces", "workspacebundle") => "wsb-",
            ("workspaces", "workspaceimage") => "wsi-",
            ("workspaces", "workspaceipgroup") => "wsipg-",
            ("cloudhsm", "cluster") => "cluster-",
            ("cloudhsm", "backup") => "backup-",
            ("servicecatalog", "Portfolio") => "port-",
            ("servicecatalog", "Product") => "prod-",
            ("vpc-lattice", "Service") => "svc-",
            ("vpc-lattice", "ServiceNetwork") => "sn-",
            _ => return None,
        }))
    }

    /// Whether an id does.
    pub fn begin(self, id: &str) -> bool {
        match self {
            Letters::Are(letters) => id.starts_with(letters),
            Letters::Account => is_account_id(id),
        }
    }
}

/// The resources whose ids a request gives as `resourceId`; `None` where it gives none, or one of which nothing is known.
pub(in crate::iam) fn resources(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Option<Vec<String>> {
    let types = catalog.service("ec2")?.resource_types();
    let arn = |id: &&str| {
        let (front, number) = id.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_alphanumeric());
        let (_, name) = KINDS.iter().find(|(letters, _)| *letters == front).filter(|_| is_number)?;
        let kind = types.iter().find(|kind| kind.name == *name)?;
        let id = escape(id);
        let arn = fill(&ArnFormat::new(&kind.arn), request.event, |_| Some(&id));
        catalog.does_take(action, &arn).then_some(arn)
    };
    let arns: Option<Vec<String>> = request.parameters.texts("ResourceId").iter().map(arn).collect();
    let mut arns = arns.filter(|arns| !arns.is_empty())?;
    arns.sort_unstable();
    arns.dedup();
    Some(arns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_one_of_ec2() {
        let types = Catalog::embedded().service("ec2").unwrap().resource_types();
        for (letters, name) in KINDS {
            assert!(
                types.iter().any(|kind| kind.name == *name && ArnFormat::new(&kind.arn).variables.len() == 1),
                "{letters} {name}"
            );
        }
    }
}
