//! `securityhub`: operations whose actions depend on the request; whom its roles are for.

use crate::iam::catalog::Action;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(special),
    passed_to: &[
        // Security Hub API Reference, AwsSecurityFinding: findings are about roles.
        passed_to(&[], &[], NOT_PASSED),
    ],
    ..ServiceRules::new("securityhub")
};

/// Both hubs have actions in common.
fn special(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let action = match call.operation {
        "BatchUpdateFindingsV2" => "securityhub:BatchUpdateFindings",
        "GetFindingsV2" => "securityhub:GetFindings",
        "GetFindingStatisticsV2" => "securityhub:GetAdhocInsightResults",
        _ => return None,
    };
    Some(vec![of_new_hub(call.catalog.action(action)?, call.request)])
}

/// Both hubs have actions in common, each on its own. Source: Security Hub API Reference, GetFindingsV2; Service
/// Authorization Reference, Security Hub.
fn of_new_hub(action: &Action, request: &Request<'_>) -> Permission {
    let hub = format!("{}:hubv2/*", request.event.arn("securityhub"));
    permission(action, vec![hub], "new-hub", "Security Hub API Reference")
}
