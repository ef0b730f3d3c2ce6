//! `vpc-lattice`: log delivery; what its ids begin with.

use crate::iam::resolve::service_rules::{Destination, IdPrefix, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["CreateAccessLogSubscription"],
        parameters: &["destinationArn"],
        of: Destination::ALL,
        actions: &["logs:CreateLogDelivery", "logs:GetLogDelivery"],
        source: "Service Authorization Reference, VPC Lattice, dependent actions",
    }],
    id_prefixes: &[("Service", IdPrefix::Text("svc-")), ("ServiceNetwork", IdPrefix::Text("sn-"))],
    ..ServiceRules::new("vpc-lattice")
};
