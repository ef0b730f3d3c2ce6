//! `elasticloadbalancing`: operations whose actions depend on the request.

use crate::iam::arn::escape;
use crate::iam::catalog::Action;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| {
        let action = call.only("elasticloadbalancing", "CreateLoadBalancer")?;
        Some(vec![balancer(action, call.request)?])
    }),
    ..ServiceRules::new("elasticloadbalancing")
};

/// Classic load balancers have a `loadBalancerName`; of those of version 2 the ARN says the type, and ends with a
/// number.
/// Source: Elastic Load Balancing API Reference version 2015-12-01, CreateLoadBalancer, "Type"; Service Authorization
/// Reference, Elastic Load Balancing V2.
fn balancer(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let name = escape(request.parameters.plain_name("name")?);
    let kind = match request.parameters.text("type") {
        Some("network") => "net",
        Some("gateway") => "gwy",
        _ => "app",
    };
    let arn = format!("{}:loadbalancer/{kind}/{name}/*", request.event.arn("elasticloadbalancing"));
    Some(permission(action, vec![arn], "load-balancer", "Elastic Load Balancing API Reference, CreateLoadBalancer"))
}
