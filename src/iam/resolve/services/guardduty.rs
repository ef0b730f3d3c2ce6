//! `guardduty`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(
        &["CreateMalwareProtectionPlan", "UpdateMalwareProtectionPlan"],
        &[],
        &["malware-protection-plan.guardduty"],
    )],
    ..ServiceRules::new("guardduty")
};
