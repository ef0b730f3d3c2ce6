//! `redshift`, `redshift-data`, `redshift-serverless`: what is particular to them.

use crate::iam::arn::is_account_id;
use crate::iam::catalog::Action;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, KeyUse, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| {
        let action = call.only("redshift", "RestoreFromClusterSnapshot")?;
        Some(vec![restored(call, action)?])
    }),
    passed_to: &[
        passed_to(&["CreateScheduledAction", "ModifyScheduledAction"], &[], &["scheduler.redshift"]),
        passed_to(
            &["CreateRedshiftIdcApplication", "ModifyRedshiftIdcApplication"],
            &[],
            &["redshift", "redshift-serverless"],
        ),
    ],
    key_uses: &[KeyUse {
        operations: &["CreateIntegration"],
        actions: &["kms:CreateGrant", "kms:DescribeKey"],
        is_certain: true,
        source: "Service Authorization Reference, CreateIntegration, dependent actions",
    }],
    names_with_colons: WITH_COLONS,
    ..ServiceRules::new("redshift")
};

pub(in crate::iam) const REDSHIFT_DATA: ServiceRules =
    ServiceRules { is_of_any: true, ..ServiceRules::new("redshift-data") };

pub(in crate::iam) const REDSHIFT_SERVERLESS: ServiceRules = ServiceRules {
    passed_to: &[
        // Redshift Serverless API Reference, CreateScheduledAction, "roleArn": the principal is the scheduler.
        passed_to(&["CreateScheduledAction", "UpdateScheduledAction"], &[], &["scheduler.redshift"]),
        passed_to(&[], &[], &["redshift", "redshift-serverless"]),
    ],
    ..ServiceRules::new("redshift-serverless")
};

/// The cluster that is named is the one that is made, not the snapshot's.
/// Source: Redshift API Reference, RestoreFromClusterSnapshot, "SnapshotClusterIdentifier".
fn restored(call: &Call<'_, '_>, action: &Action) -> Option<Permission> {
    let request = call.request;
    let cluster = request.name_or_any("snapshotClusterIdentifier");
    let of_any = |arn: String| match arn.split_once(":snapshot:").map(|(head, rest)| (head, rest.split_once('/'))) {
        Some((head, Some((_, snapshot)))) if !request.parameters.has("snapshotArn") => {
            format!("{head}:snapshot:{cluster}/{snapshot}")
        }
        _ => arn,
    };
    // Another account may have shared the snapshot with the caller's.
    let owner = request.parameters.text("ownerAccount").filter(|owner| is_account_id(owner));
    let of_owner = |arn: String| match (owner, request.event.account_id) {
        (Some(owner), Some(own)) if arn.contains(":snapshot:") => {
            arn.replacen(&format!(":{own}:"), &format!(":{owner}:"), 1)
        }
        _ => arn,
    };
    let found = call.resources(action).into_iter().map(of_any).map(of_owner).collect();
    Some(permission(action, found, "restored-cluster", "Redshift API Reference, RestoreFromClusterSnapshot"))
}

/// Snapshots that the service makes by itself have a colon in their names: `rds:db-2026-05-04-05-00`,
/// `awsbackup:job-…`, `rs:cluster-2026-05-04`.
/// Source: RDS User Guide, "Viewing a backup"; Redshift Management Guide, "Amazon Redshift snapshots".
const WITH_COLONS: &[&str] = &["*/SnapshotName", "*/ClusterSnapshotName"];
