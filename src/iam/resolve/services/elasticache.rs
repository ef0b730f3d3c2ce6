//! `elasticache`: what is particular to it.

use crate::iam::resolve::service_rules::{Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    log_deliveries: &[LogDelivery {
        operations: &["CreateCacheCluster", "CreateReplicationGroup", "ModifyCacheCluster", "ModifyReplicationGroup"],
        parameters: &["logGroup", "deliveryStream"],
        of: Destination::ALL,
        actions: LogDelivery::ALL,
        source: "ElastiCache User Guide, Permissions to configure logging",
    }],
    ..ServiceRules::new("elasticache")
};
