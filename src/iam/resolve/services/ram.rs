//! `ram`: permissions of AWS and of accounts.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Source: RAM User Guide, "Managing permissions": an ARN is of a customer managed permission, or of one of AWS.
    alternatives: &[("customer-managed-permission", "permission")],
    ..ServiceRules::new("ram")
};
