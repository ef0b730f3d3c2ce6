//! `network-firewall`: log delivery; how policies write its ARNs.

use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["UpdateLoggingConfiguration"],
        parameters: &["bucketName", "logGroup", "deliveryStream"],
        of: Destination::ALL,
        actions: LogDelivery::ALL,
        source: "Network Firewall Developer Guide, Permissions to configure AWS Network Firewall logging",
    }],
    policy_arns: Some(|_, arn, request| of_rule_group(arn, request)),
    ..ServiceRules::new("network-firewall")
};

/// Rule groups of both kinds are named alike; `Type` tells the kind.
/// Source: Network Firewall API Reference, DescribeRuleGroup, "Type".
fn of_rule_group(resource: String, request: &Request<'_>) -> Vec<String> {
    let other = match request.parameters.text("type") {
        Some("STATEFUL") => ":stateless-rulegroup/",
        Some("STATELESS") => ":stateful-rulegroup/",
        _ => return vec![resource],
    };
    if resource.contains(other) { Vec::new() } else { vec![resource] }
}
