//! `omics`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    deep_tags: &["StartRunBatch"],
    tagged_types: Some(|operation, _| imported(operation).map(|kind| BTreeSet::from([kind.to_owned()]))),
    ..ServiceRules::new("omics")
};

/// What an import makes, which tags with each of its sources are for.
/// Source: HealthOmics API Reference, StartReadSetImportJob, StartReferenceImportJob, "sources";
/// CreateMultipartReadSetUpload, "tags": of the read set.
fn imported(operation: &str) -> Option<&'static str> {
    match operation {
        "CreateMultipartReadSetUpload" | "StartReadSetImportJob" => Some("readSet"),
        "StartReferenceImportJob" => Some("reference"),
        _ => None,
    }
}
