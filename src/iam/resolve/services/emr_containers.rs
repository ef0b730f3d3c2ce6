//! `emr-containers`: whom its roles are for.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&["CreateJobTemplate", "GetManagedEndpointSessionCredentials"], &[], NOT_PASSED)],
    ..ServiceRules::new("emr-containers")
};
