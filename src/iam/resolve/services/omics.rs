//! `omics`: what is particular to it.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { deep_tags: &["StartRunBatch"], ..ServiceRules::new("omics") };
