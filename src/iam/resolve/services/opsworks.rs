//! `opsworks`, `opsworks-cm`: what is particular to them.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &["instanceprofilearn", "iamuserarn"], &["ec2"])],
    ..ServiceRules::new("opsworks")
};

pub(in crate::iam) const OPSWORKS_CM: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &["instanceprofilearn"], &["ec2"])],
    ..ServiceRules::new("opsworks-cm")
};
