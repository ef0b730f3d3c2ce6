//! `mediapackage-vod`: whom its roles are for.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Source: MediaPackage User Guide, "Modify the trust relationship": `mediapackage.amazonaws.com`, for both.
    passed_to: &[passed_to(&[], &[], &["mediapackage", "mediapackage-vod"])],
    ..ServiceRules::new("mediapackage-vod")
};
