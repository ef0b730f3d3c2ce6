//! `kinesis`: tags on what it makes.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { tag_actions: &[("CreateStream", "AddTagsToStream")], ..ServiceRules::new("kinesis") };
