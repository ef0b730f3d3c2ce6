//! `elasticache`: log delivery; how policies write its ARNs.

use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["CreateCacheCluster", "CreateReplicationGroup", "ModifyCacheCluster", "ModifyReplicationGroup"],
        parameters: &["logGroup", "deliveryStream"],
        of: Destination::ALL,
        actions: LogDelivery::ALL,
        source: "ElastiCache User Guide, Permissions to configure logging",
    }],
    policy_arns: Some(|action, arn, request| vec![global(action, arn, request)]),
    ..ServiceRules::new("elasticache")
};

/// ElastiCache puts letters of its own before the suffix that a new global datastore is given.
/// Source: ElastiCache API Reference, CreateGlobalReplicationGroup, "GlobalReplicationGroupIdSuffix".
fn global(action: &str, arn: String, request: &Request<'_>) -> String {
    let is_new = action == "elasticache:CreateGlobalReplicationGroup";
    match arn.split_once(":globalreplicationgroup:").filter(|_| is_new && request.parameters.has(SUFFIX)) {
        Some((head, suffix)) if suffix != "*" => format!("{head}:globalreplicationgroup:*{suffix}"),
        _ => arn,
    }
}

const SUFFIX: &str = "globalReplicationGroupIdSuffix";
