//! `globalaccelerator`: log delivery.

use crate::iam::resolve::service_rules::{Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["UpdateAcceleratorAttributes", "UpdateCustomRoutingAcceleratorAttributes"],
        parameters: &["flowLogsS3Bucket"],
        of: Destination::ALL,
        actions: LogDelivery::CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]",
    }],
    ..ServiceRules::new("globalaccelerator")
};
