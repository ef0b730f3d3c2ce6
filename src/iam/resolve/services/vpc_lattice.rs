//! `vpc-lattice`: what its calls make; log delivery; what its ids begin with.

use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Destination, IdPrefix, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![resource_configuration(call)?])),
    log_deliveries: &[
        LogDelivery {
            operations: &["CreateAccessLogSubscription"],
            parameters: &["destinationArn"],
            of: Destination::ALL,
            actions: &["logs:CreateLogDelivery", "logs:GetLogDelivery"],
            source: "Service Authorization Reference, VPC Lattice, dependent actions",
        },
        LogDelivery {
            operations: &["UpdateAccessLogSubscription"],
            parameters: &["destinationArn"],
            of: Destination::ALL,
            actions: &["logs:GetLogDelivery", "logs:UpdateLogDelivery"],
            source: "Service Authorization Reference, VPC Lattice, dependent actions",
        },
    ],
    id_prefixes: &[("Service", IdPrefix::Text("svc-")), ("ServiceNetwork", IdPrefix::Text("sn-"))],
    ..ServiceRules::new("vpc-lattice")
};

/// The table requires none of the types of CreateResourceConfiguration, one of which is what it makes.
/// Source: Service Authorization Reference, VPC Lattice.
fn resource_configuration(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("vpc-lattice", "CreateResourceConfiguration")?;
    let made = format!("{}:resourceconfiguration/*", call.request.event.arn("vpc-lattice"));
    let mut resources = call.resources(action);
    resources.retain(|resource| resource != "*" && !resource.contains(":resourceconfiguration/"));
    resources.push(made);
    Some(permission(action, resources, "resource-configuration", "Service Authorization Reference, VPC Lattice"))
}
