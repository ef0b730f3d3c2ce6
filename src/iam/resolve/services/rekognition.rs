//! `rekognition`: how its names are read.

use crate::iam::arn::escape;
use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    read: Some(|_, variable| (variable == "DatasetType").then(|| ValueReader::new(dataset_type))),
    ..ServiceRules::new("rekognition")
};

/// Requests say `TRAIN` where ARNs say `train`. Source: Rekognition Custom Labels Guide, ARNs of datasets.
fn dataset_type(text: &str) -> Reading<'_> {
    Reading::Exactly(escape(&text.to_ascii_lowercase()))
}
