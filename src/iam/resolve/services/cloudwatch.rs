//! `cloudwatch`: whom its roles are for; names with colons.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&["PutMetricStream"], &[], &["streams.metrics.cloudwatch"])],
    // Source: CloudWatch API Reference, PutMetricAlarm: no pattern but length.
    ends_with_colons: &["AlarmName"],
    ..ServiceRules::new("cloudwatch")
};
