//! `qbusiness`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // Amazon Q Business User Guide, "IAM role for an Amazon Q Business web experience": it trusts
        // application.qbusiness.
        passed_to(&["CreateWebExperience", "UpdateWebExperience"], &[], &["application.qbusiness", "qbusiness"]),
    ],
    ..ServiceRules::new("qbusiness")
};
