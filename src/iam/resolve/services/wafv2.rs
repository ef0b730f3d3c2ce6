//! `waf-regional`, `wafv2`: what is particular to them.

use crate::iam::arn::{Arn, escape};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const WAF_REGIONAL: ServiceRules = ServiceRules {
    also_needed: Some(|call| protected_regional(call).into_iter().collect()),
    ..ServiceRules::new("waf-regional")
};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| protected(call).into_iter().collect()),
    log_deliveries: &[LogDelivery {
        operations: &["PutLoggingConfiguration"],
        parameters: &["logDestinationConfigs"],
        // Streams are written to by a service-linked role of WAF's own.
        of: &[Destination::Bucket, Destination::Group],
        actions: LogDelivery::CREATE,
        source: "WAF Developer Guide, Permissions to publish logs",
    }],
    ends_log_delivery: &["DeleteLoggingConfiguration"],
    ..ServiceRules::new("wafv2")
};

/// Of the services whose resources a web ACL protects: what putting it on, taking it off and looking it up needs.
/// Source: WAF Developer Guide, "How AWS WAF works with IAM", actions that require additional permissions settings.
const PROTECTED: &[(&str, [&str; 3])] = &[
    ("amplify", ["AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"]),
    ("apigateway", ["SetWebACL", "SetWebACL", ""]),
    ("apprunner", ["AssociateWebAcl", "DisassociateWebAcl", "DescribeWebAclForService"]),
    ("appsync", ["AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"]),
    ("bedrock-agentcore", ["GatewayAssociateWebACL", "GatewayDisassociateWebACL", "GatewayGetWebACLForResource"]),
    ("cognito-idp", ["AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"]),
    (
        "ec2",
        [
            "AssociateVerifiedAccessInstanceWebAcl",
            "DisassociateVerifiedAccessInstanceWebAcl",
            "GetVerifiedAccessInstanceWebAcl",
        ],
    ),
    ("elasticloadbalancing", ["CreateWebACLAssociation", "DeleteWebACLAssociation", "GetLoadBalancerWebACL"]),
];

fn protected(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let which = match operation {
        "AssociateWebACL" => 0,
        "DisassociateWebACL" => 1,
        "GetWebACLForResource" => 2,
        _ => return None,
    };
    let text = request.parameters.text("resourceArn")?;
    let arn = Arn::parse(text)?;
    let (prefix, actions) = PROTECTED.iter().find(|(prefix, _)| *prefix == arn.service)?;
    let action = catalog.action(&format!("{prefix}:{}", actions.get(which)?))?;
    let resource = Some(escape(text)).filter(|arn| catalog.does_take(action, arn));
    let resources = vec![resource.unwrap_or_else(|| "*".to_owned())];
    Some(permission(action, resources, "protected-resource", "WAF Developer Guide, How AWS WAF works with IAM"))
}

/// WAF Classic asks for what was there before load balancers had associations.
/// Source: Service Reference, operations of WAF Regional: `elasticloadbalancing:SetWebAcl`, `apigateway:SetWebACL`.
fn protected_regional(call: &Call<'_, '_>) -> Option<Permission> {
    let found = protected(call)?;
    if !found.action.starts_with("elasticloadbalancing:") {
        return Some(found);
    }
    // Who looks it up is asked for nothing of the load balancer.
    let action = call.catalog.action("elasticloadbalancing:SetWebAcl").filter(|_| !call.is("GetWebACLForResource"))?;
    let source = "Service Reference, operations of WAF Regional";
    Some(permission(action, call.resources(action), "protected-resource", source))
}
