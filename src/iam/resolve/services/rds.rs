//! `rds`: further actions of its calls; whom its roles are for, and where requests hold them; KMS keys used for the
//! caller; names with colons.

use crate::iam::arn::{Arn, escape};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, KeyUse, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    further_actions: Some(|call| match call.operation {
        "CreateBlueGreenDeployment" => green(call).unwrap_or_default(),
        "CreateIntegration" => inbound(call).into_iter().collect(),
        "DeleteBlueGreenDeployment" | "SwitchoverBlueGreenDeployment" => switched(call),
        _ => Vec::new(),
    }),
    passed_to: &[
        passed_to(&[], &["monitoringrolearn"], &["monitoring.rds"]),
        passed_to(&[], &["iaminstanceprofile"], &["ec2"]),
        // RDS User Guide, "Kerberos authentication", trust policy.
        passed_to(&[], &["domainiamrolename"], &["rds", "directoryservice.rds"]),
        passed_to(&["StartExportTask"], &[], &["export.rds", "rds"]),
        passed_to(&["CreateDBProxyEndpoint"], &[], NOT_PASSED),
    ],
    // Source: RDS User Guide, native backup and restore of SQL Server, S3 integration of Oracle: `IAM_ROLE_ARN` among
    // an option's settings.
    named_roles: Some(|call| {
        let roles = call.request.parameters.role_arns().filter(|_| call.is("ModifyOptionGroup"));
        roles.map(|(_, role)| ("IAM_ROLE_ARN".to_owned(), role.to_owned())).collect()
    }),
    key_uses: &[
        KeyUse {
            operations: &["CreateIntegration"],
            actions: &["kms:CreateGrant", "kms:DescribeKey"],
            is_certain: true,
            source: "Service Authorization Reference, RDS, CreateIntegration, dependent actions",
        },
        KeyUse {
            operations: &["Create", "Copy", "Restore", "Start"],
            actions: &["kms:CreateGrant", "kms:DescribeKey"],
            is_certain: false,
            source: "RDS User Guide, Encrypting resources",
        },
    ],
    names_with_colons: WITH_COLONS,
    ..ServiceRules::new("rds")
};

/// Snapshots that the service makes by itself have a colon in their names: `rds:db-2026-05-04-05-00`,
/// `awsbackup:job-…`, `rs:cluster-2026-05-04`.
/// Source: RDS User Guide, "Viewing a backup"; Redshift Management Guide, "Amazon Redshift snapshots".
const WITH_COLONS: &[&str] = &["*/SnapshotName", "*/ClusterSnapshotName"];

const BLUE_GREEN: &str = "RDS User Guide, Aurora User Guide, Authorizing access to blue/green deployment operations";

fn of(call: &Call<'_, '_>, action: &str, mut resources: Vec<String>) -> Option<Permission> {
    resources.sort_unstable();
    let action = call.catalog.action(action)?;
    Some(permission(action, resources, "blue-green-deployment", BLUE_GREEN))
}

/// The data warehouse that an integration goes to takes it in the caller's name.
/// Source: RDS User Guide, "Getting started with zero-ETL integrations": a sample policy.
fn inbound(call: &Call<'_, '_>) -> Option<Permission> {
    let target = call.request.parameters.text("TargetArn")?;
    let is_redshift = Arn::parse(target).is_some_and(|arn| matches!(arn.service, "redshift" | "redshift-serverless"));
    let action = call.catalog.action("redshift:CreateInboundIntegration").filter(|_| is_redshift)?;
    let source = "RDS User Guide, Getting started with zero-ETL integrations";
    Some(permission(action, vec![escape(target)], "integration-target", source))
}

/// What becomes green is made, with its tags, in the caller's name: `orders-green-0abc12` of `orders`.
/// Source: [`BLUE_GREEN`]; RDS User Guide, "Creating a blue/green deployment", names.
fn green(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let source = call.request.parameters.text("Source")?;
    let (_, name) = source.rsplit_once(':').filter(|(_, name)| !name.is_empty())?;
    let place = call.request.event.arn("rds");
    let is = |kind: &str| Arn::parse(source).is_some_and(|arn| arn.resource.starts_with(kind));
    let new = |kind: &str| format!("{place}:{kind}:{}-green-*", escape(name));
    let open = |kinds: &[&str]| kinds.iter().map(|kind| format!("{place}:{kind}:*")).collect::<Vec<String>>();
    let all = if is("db:") {
        let replica = open(&["og", "pg", "subgrp"]).into_iter().chain([new("db"), escape(source)]);
        vec![
            of(call, "rds:AddTagsToResource", vec![new("db")]),
            of(call, "rds:CreateDBInstanceReadReplica", replica.collect()),
        ]
    } else if is("cluster:") {
        let cluster = open(&["cluster-pg", "og", "subgrp"]).into_iter().chain([new("cluster")]);
        let instances = format!("{place}:db:*-green-*");
        let of_cluster = open(&["pg", "subgrp"]).into_iter().chain([new("cluster"), instances.clone()]);
        let endpoints = format!("{place}:cluster-endpoint:*");
        vec![
            of(call, "rds:AddTagsToResource", vec![new("cluster"), instances, endpoints.clone()]),
            of(call, "rds:CreateDBCluster", cluster.collect()),
            of(call, "rds:CreateDBInstance", of_cluster.collect()),
            of(call, "rds:CreateDBClusterEndpoint", vec![new("cluster"), endpoints]),
        ]
    } else {
        Vec::new()
    };
    Some(all.into_iter().flatten().collect())
}

/// Blue and green, as the response names them, are changed by a switchover; green goes with the deployment if that is
/// asked for.
fn switched(call: &Call<'_, '_>) -> Vec<Permission> {
    let [sources, targets] = ["source", "target"].map(|key| call.request.answered(key));
    let ([source], [target]) = (sources.as_slice(), targets.as_slice()) else { return Vec::new() };
    let is = |kind: &str| [source, target].iter().all(|text| is_of(text, kind));
    let (both, green) = (vec![escape(source), escape(target)], vec![escape(target)]);
    let is_switch = call.is("SwitchoverBlueGreenDeployment");
    let is_deleted = call.request.parameters.get("DeleteTarget").is_some_and(|value| value == true);
    let all = match (is("db:"), is("cluster:")) {
        (true, _) if is_switch => {
            vec![of(call, "rds:ModifyDBInstance", both), of(call, "rds:PromoteReadReplica", green)]
        }
        (_, true) if is_switch => {
            vec![of(call, "rds:ModifyDBCluster", both), of(call, "rds:PromoteReadReplicaDBCluster", green)]
        }
        (true, _) if is_deleted => vec![of(call, "rds:DeleteDBInstance", green)],
        _ => Vec::new(),
    };
    all.into_iter().flatten().collect()
}

fn is_of(text: &str, kind: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.service == "rds" && arn.resource.starts_with(kind))
}
