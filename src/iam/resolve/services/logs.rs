//! Amazon CloudWatch Logs: roles in its policies; the tail of log groups.

use serde_json::Value;

use crate::iam::arn::{Arn, escape};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NamedRole, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| call.is("PutDeliverySource").then(|| allowed(call)).flatten().into_iter().collect()),
    named_roles: Some(|call| of_account_policy(call).into_iter().collect()),
    passed_to: &[passed_to(&["CreateImportTask"], &[], &["cloudtrail", "logs"])],
    policy_arns: Some(|action, arn, _| vec![with_tail(action, arn)]),
    ..ServiceRules::new("logs")
};

/// Actions on log groups that are asked for without `:*` behind.
/// Source: CloudWatch Logs API Reference, LogGroup, "logGroupArn": "TagResource, UntagResource, and
/// ListTagsForResource".
const WITHOUT_TAIL: &[&str] = &["logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"];

/// Log groups are written with `:*` behind, but for those actions.
/// Source: CloudWatch Logs User Guide, "ARNs": the form for actions on them.
fn with_tail(action: &str, resource: String) -> String {
    let is_group = resource.contains(":log-group:") && !resource.contains(":log-stream:");
    if !is_group {
        return resource;
    }
    // Where requests write it too, it is no part of the name. A group that is asked for as `*` has no other name.
    let named = resource.strip_suffix(":${*}").filter(|named| named.contains(":log-group:")).unwrap_or(&resource);
    if WITHOUT_TAIL.contains(&action) || named.ends_with('*') {
        return named.to_owned();
    }
    format!("{named}:*")
}

/// An ARN as written for another action, for one of those that want no tail.
pub(in crate::iam) fn without_tail(action: &str, arn: String) -> String {
    match arn.strip_suffix(":*") {
        Some(group) if WITHOUT_TAIL.contains(&action) && group.contains(":log-group:") => group.to_owned(),
        _ => arn,
    }
}

/// A subscription filter for a whole account hands a role over, in the text of its policy.
/// Source: CloudWatch Logs API Reference, PutAccountPolicy, "policyDocument": `RoleArn`; Service Authorization
/// Reference, operations of CloudWatch Logs: iam:PassRole.
fn of_account_policy(call: &Call<'_, '_>) -> Option<NamedRole> {
    let text = call.request.parameters.text("policyDocument").filter(|_| call.is("PutAccountPolicy"))?;
    let policy: Value = serde_json::from_str(text).ok()?;
    Some(("RoleArn".to_owned(), member_text(&policy, "RoleArn")?.to_owned()))
}

/// Newer services are asked whether their resource's logs may be delivered.
/// Source: CloudWatch Logs API Reference, ConfigurationTemplate, `allowedActionForAllowVendedLogsDeliveryForResource`.
fn allowed(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, .. } = *call;
    let text = request.parameters.text("resourceArn")?;
    let action = catalog.action(&format!("{}:AllowVendedLogDeliveryForResource", Arn::parse(text)?.service))?;
    let resource = Some(escape(text)).filter(|arn| catalog.does_take(action, arn));
    let source = "CloudWatch Logs API Reference, ConfigurationTemplate";
    Some(permission(action, vec![resource.unwrap_or_else(|| "*".to_owned())], "log-source", source))
}

#[cfg(test)]
mod tests {
    use super::with_tail;

    #[test]
    fn the_tail_is_written_once_and_no_name_becomes_all() {
        let of = |name: &str| with_tail("logs:DeleteLogGroup", format!("arn:aws:logs:r:1:log-group:{name}"));
        assert_eq!(of("g"), "arn:aws:logs:r:1:log-group:g:*");
        assert_eq!(of("g:${*}"), "arn:aws:logs:r:1:log-group:g:*");
        // Of a call that asked for `*`: no group has that name.
        assert_eq!(of("${*}"), "arn:aws:logs:r:1:log-group:${*}:*");
        assert_eq!(of("*"), "arn:aws:logs:r:1:log-group:*");
    }
}
