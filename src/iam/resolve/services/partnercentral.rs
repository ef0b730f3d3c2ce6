//! `partnercentral`: how policies write its ARNs.

use crate::iam::resolve::service_rules::{ServiceRules, numbered_later};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    policy_arns: Some(|action, arn, _| vec![of_new_opportunity(action, arn)]),
    ..ServiceRules::new("partnercentral")
};

/// A new opportunity is numbered; the one that its request names is another one.
/// Source: Partner Central API Reference, CreateOpportunity, Project, "RelatedOpportunityIdentifier".
fn of_new_opportunity(action: &str, arn: String) -> String {
    if action == "partnercentral:CreateOpportunity" { numbered_later(arn, "/opportunity/") } else { arn }
}
