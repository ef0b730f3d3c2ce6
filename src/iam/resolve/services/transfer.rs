//! `transfer`: how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { policy_arns: Some(|_, arn, request| of_both_sides(arn, request)), ..ServiceRules::new("transfer") };

/// Connectors are between two profiles. Source: Transfer Family API Reference, As2ConnectorConfig; Service
/// Authorization Reference, CreateConnector.
fn of_both_sides(arn: String, request: &Request<'_>) -> Vec<String> {
    let ids = ["LocalProfileId", "PartnerProfileId"].map(|name| request.parameters.texts(name));
    let ids: Vec<&str> = ids.into_iter().flatten().filter(|id| !id.contains(['/', ':'])).collect();
    match arn.split_once(":profile/").filter(|_| !ids.is_empty()) {
        Some((front, _)) => ids.iter().map(|id| format!("{front}:profile/{}", escape(id))).collect(),
        None => vec![arn],
    }
}
