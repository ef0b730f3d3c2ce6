//! `es`: what is particular to it.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&[], &["masterbackendrole", "roleskey", "backendrole"], NOT_PASSED),
        passed_to(
            &["AddDirectQueryDataSource", "UpdateDirectQueryDataSource", "AddDataSource", "UpdateDataSource"],
            &[],
            &["directquery.opensearchservice", "opensearchservice", "es"],
        ),
        passed_to(
            &["CreateApplication", "UpdateApplication"],
            &[],
            &["application.opensearchservice", "opensearchservice"],
        ),
        passed_to(&[], &[], &["es", "opensearchservice"]),
    ],
    ..ServiceRules::new("es")
};
