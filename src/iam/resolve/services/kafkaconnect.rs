//! `kafkaconnect`: log delivery.

use crate::iam::resolve::service_rules::{Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["CreateConnector"],
        parameters: &["bucket", "logGroup", "deliveryStream"],
        of: Destination::ALL,
        actions: LogDelivery::CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]",
    }],
    ..ServiceRules::new("kafkaconnect")
};
