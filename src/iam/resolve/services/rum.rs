//! `rum`: whom its roles are for.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // CloudWatch RUM API Reference, AppMonitorConfiguration, "GuestRoleArn": the role of an identity pool's guests;
        // AWS's list of authorised actions has no iam:PassRole.
        passed_to(&[], &["guestrolearn"], NOT_PASSED),
    ],
    ..ServiceRules::new("rum")
};
