//! `airflow`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        // MWAA User Guide, "Amazon MWAA execution role", trust policy.
        passed_to(&[], &[], &["airflow", "airflow-env"]),
    ],
    ..ServiceRules::new("airflow")
};
