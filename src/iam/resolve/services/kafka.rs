//! `kafka`: log delivery; whose clusters connections are to.

use crate::iam::arn::{Arn, is_account_id};
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{Destination, LogDelivery, Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["CreateCluster", "CreateClusterV2", "UpdateMonitoring"],
        parameters: &["bucket", "logGroup", "deliveryStream"],
        of: Destination::ALL,
        actions: LogDelivery::CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]",
    }],
    policy_arns: Some(|action, arn, request| vec![of_caller(action, arn, request)]),
    read: Some(|_, variable| {
        (variable == "ClusterOwnerAccount").then_some(ValueReader { text: |_| Reading::Other, arn: owner })
    }),
    ..ServiceRules::new("kafka")
};

/// The account of a cluster, which ARNs of connections to it hold. Source: Service Authorization Reference, MSK.
fn owner(cluster: &str) -> Option<String> {
    Arn::parse(cluster).map(|arn| arn.account).filter(|account| is_account_id(account)).map(str::to_owned)
}

/// A connection is made in the account of its VPC, the caller's, wherever the cluster is.
/// Source: MSK Developer Guide, "Multi-VPC private connectivity", cross-account access.
fn of_caller(action: &str, arn: String, request: &Request<'_>) -> String {
    match arn.split_once(":vpc-connection/").filter(|_| action == "kafka:CreateVpcConnection") {
        Some((_, tail)) => format!("{}:vpc-connection/{tail}", request.event.arn("kafka")),
        None => arn,
    }
}
