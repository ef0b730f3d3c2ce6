//! `imagebuilder`: what is particular to it.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &["instanceprofilename"], &["ec2"]), passed_to(&[], &["rolename"], NOT_PASSED)],
    tag_actions: &[("UpdateImagePipeline", "TagResource")],
    ..ServiceRules::new("imagebuilder")
};
