//! Amazon EC2.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::iam::arn::arn_format::ArnFormat;
use crate::iam::arn::{escape, is_like_arn};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::resources::fill::fill;
use crate::iam::resolve::service_rules::{
    Answer, Call, Destination, KeyUse, LogDelivery, NOT_PASSED, Reading, ServiceRules, ValueReader, answer, passed_to,
};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(special),
    passed_to: &[
        // EC2 API Reference: the role of a certificate, and the role that is in another account.
        passed_to(&["AssociateEnclaveCertificateIamRole"], &[], NOT_PASSED),
        passed_to(&[], &["delivercrossaccountrole"], NOT_PASSED),
        passed_to(&["CreateFlowLogs"], &[], &["vpc-flow-logs"]),
        passed_to(&[], &["iamfleetrole"], &["spotfleet", "ec2"]),
        passed_to(&[], &[], &["ec2"]),
    ],
    keeps_roles: &["CreateLaunchTemplate", "CreateLaunchTemplateVersion"],
    answered_profile: Some(("RunInstances", "iamInstanceProfile.arn")),
    key_uses: &[KeyUse {
        operations: &["Create", "Copy", "Run", "Import"],
        actions: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
        is_certain: false,
        source: "EBS User Guide, Requirements for EBS encryption",
    }],
    log_deliveries: &[
        LogDelivery {
            operations: &["CreateFlowLogs"],
            parameters: &["LogDestination"],
            of: &[Destination::Bucket, Destination::Stream],
            actions: LogDelivery::CREATE,
            source: "VPC User Guide, Permissions for IAM principals that publish flow logs to Amazon S3",
        },
        LogDelivery {
            operations: &["ModifyVerifiedAccessInstanceLoggingConfiguration"],
            parameters: &["BucketName", "LogGroup", "DeliveryStream"],
            of: Destination::ALL,
            actions: LogDelivery::ALL,
            source: "Verified Access User Guide, Logging permissions",
        },
    ],
    ends_log_delivery: &["DeleteFlowLogs"],
    tagged_types: Some(tagged_types),
    read: Some(read),
    called_by_name: &[("LaunchTemplateId", "LaunchTemplateName")],
    has_names_as_ids: false,
    answers: ANSWERS,
    ..ServiceRules::new("ec2")
};

/// Tasks that export images and instances are named under one parameter.
/// Source: EC2 API Reference, CancelExportTask, ExportImage, CreateInstanceExportTask: `export-ami-`, `export-i-`.
fn read(kind: &str, _: &str) -> Option<ValueReader> {
    match kind {
        "export-image-task" => Some(ValueReader::new(|id| begun(id, "export-ami-"))),
        "export-instance-task" => Some(ValueReader::new(|id| begun(id, "export-i-"))),
        _ => None,
    }
}

fn begun<'t>(id: &'t str, front: &str) -> Reading<'t> {
    if id.starts_with(front) { Reading::Name(id) } else { Reading::Other }
}

/// Launches, and tags on what is given by ids alone.
fn special(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    match call.operation {
        "RunInstances" => run_instances(call),
        "CreateTags" | "DeleteTags" => tags(call),
        "CreateNetworkInsightsPath" => analysed_path(call),
        _ => None,
    }
}

/// Beside what the table marks as required, every launch makes volumes.
/// Source: EC2 User Guide, "Example policies to control access to the EC2 API", "Launch instances (RunInstances)".
fn run_instances(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let action = catalog.action("ec2:RunInstances")?;
    let mut resources = call.resources(action);
    // `groupName` is a security group's, but for that of the placement. Source: EC2 API Reference, RunInstances.
    let placement = request.parameters.get("placement");
    let is_placed = |key: &str| placement.as_ref().and_then(|p| p.get(key)).is_some_and(|name| name.is_string());
    if !is_placed("groupName") && !is_placed("groupId") {
        resources.retain(|r| !r.contains(":placement-group/"));
    }
    if !resources.iter().any(|r| r.contains(":volume/")) {
        resources.push(format!("{}:volume/*", request.event.arn("ec2")));
        resources.sort();
    }
    Some(vec![permission(action, resources, "run-instances", "EC2 User Guide, Launch instances")])
}

/// What is tagged is given by ids alone. Source: EC2 User Guide, "Resource IDs".
fn tags(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let action = call.own_action("ec2")?;
    let resources = by_ids(catalog, action, request, &request.parameters.texts("ResourceId"))?;
    Some(vec![permission(action, resources, "numbered", "EC2 User Guide, Resource IDs")])
}

/// A path is from one thing to another, of many types both, by ids or ARNs.
/// Source: EC2 API Reference, CreateNetworkInsightsPath, "Source", "Destination".
fn analysed_path(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let action = call.own_action("ec2")?;
    let mut resources = call.resources(action);
    for end in ["Source", "Destination"] {
        let ids: Vec<&str> = request.parameters.texts(end).into_iter().filter(|id| !is_like_arn(id)).collect();
        resources.extend(by_ids(catalog, action, request, &ids).unwrap_or_default());
    }
    resources.sort_unstable();
    resources.dedup();
    Some(vec![permission(action, resources, "analysed-path", "EC2 API Reference, CreateNetworkInsightsPath")])
}

/// What responses name by ids. Sources: EC2 User Guide, "Launch templates", control access: the resources of a template are asked for too;
/// EC2 API Reference, the elements of these responses.
const ANSWERS: &[Answer] = &[
    answer(&["RunInstances"], "imageId", "image"),
    answer(&["RunInstances"], "keyName", "key-pair"),
    answer(&["RunInstances"], "subnetId", "subnet"),
    answer(&["RunInstances"], "groupId", "security-group"),
    answer(&["AcceptVpcPeeringConnection"], "accepterVpcInfo.vpcId", "vpc"),
    answer(
        &[
            "AssociateIamInstanceProfile",
            "DetachVolume",
            "DisassociateIamInstanceProfile",
            "ReplaceIamInstanceProfileAssociation",
        ],
        "instanceId",
        "instance",
    ),
    answer(&["DeleteSecurityGroup"], "groupId", "security-group"),
    answer(
        &["AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress"],
        "securityGroupRuleSet.groupId",
        "security-group",
    ),
    answer(
        &["RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress"],
        "revokedSecurityGroupRuleSet.groupId",
        "security-group",
    ),
];

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

/// The resources of these ids; `None` where there are none, or one of which nothing is known.
fn by_ids(catalog: &Catalog, action: &Action, request: &Request<'_>, ids: &[&str]) -> Option<Vec<String>> {
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
    let arns: Option<Vec<String>> = ids.iter().map(arn).collect();
    let mut arns = arns.filter(|arns| !arns.is_empty())?;
    arns.sort_unstable();
    arns.dedup();
    Some(arns)
}

/// Where EC2's requests say tags by the types of what they are for.
const SPECIFICATIONS: [&str; 3] = ["tagSpecificationSet", "tagSpecifications", "tagSpecification"];

/// Likewise in what EC2 wraps some requests in.
fn wrapped(operation: &str, request: &Request<'_>) -> Vec<Value> {
    let Some(Value::Object(inner)) = request.parameters.get(&format!("{operation}Request")) else { return Vec::new() };
    let is_full = |value: &Value| !value.is_null() && value != "";
    let specifications = inner.into_iter().filter(|(key, value)| key.starts_with("TagSpecification") && is_full(value));
    specifications.map(|(_, value)| value).collect()
}

/// The types that a call's own tags are for: those in a launch template are for what will be launched by it.
fn tagged_types(operation: &str, request: &Request<'_>) -> Option<BTreeSet<String>> {
    fn types(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| types(value, found)),
            Value::Object(object) => object.iter().for_each(|(key, value)| match value {
                Value::String(text) if key.eq_ignore_ascii_case("resourceType") => drop(found.insert(text.clone())),
                value => types(value, found),
            }),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let plain = SPECIFICATIONS.iter().filter_map(|name| request.parameters.get(name));
    plain.chain(wrapped(operation, request)).for_each(|value| types(&value, &mut found));
    Some(found)
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
