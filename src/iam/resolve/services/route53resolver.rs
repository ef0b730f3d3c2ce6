//! `route53resolver`: logs that it has delivered.

use crate::iam::resolve::service_rules::{Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["CreateResolverQueryLogConfig"],
        parameters: &["destinationArn"],
        of: Destination::ALL,
        actions: LogDelivery::CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]: Resolver query logs",
    }],
    ..ServiceRules::new("route53resolver")
};
