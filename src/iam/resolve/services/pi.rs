//! `pi`: how its names are read.

use crate::iam::arn::escape;
use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // `RDS` in requests is `rds` in ARNs.
    // Source: RDS User Guide, "Performance Insights policies": `arn:aws:pi:region:account:metrics/rds/*`.
    read: Some(|_, variable| {
        let lower = |text: &str| Reading::Exactly(escape(&text.to_ascii_lowercase()));
        (variable == "ServiceType").then(|| ValueReader::new(lower))
    }),
    ..ServiceRules::new("pi")
};
