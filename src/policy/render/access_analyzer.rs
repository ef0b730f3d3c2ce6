//! The shape of IAM Access Analyzer's `GetGeneratedPolicy` response, for tools that read it.
//!
//! IAM Access Analyzer API Reference, `GetGeneratedPolicy`. Where it speaks of a job, the store's snapshot is meant;
//! there is no trail, so `trailProperties` is empty; times are those of the usage, so that the same snapshot gives the
//! same text.

use serde_json::{Value, json};

use super::renderer::{RenderError, Renderer, Source};
use crate::time::format_time;

#[derive(Debug)]
pub(super) struct AccessAnalyzer;

impl Renderer for AccessAnalyzer {
    fn name(&self) -> &'static str {
        "access-analyzer"
    }

    fn about(&self) -> &'static str {
        "The shape of Access Analyzer's GetGeneratedPolicy"
    }

    fn extension(&self) -> &'static str {
        "json"
    }

    /// One object.
    fn render(&self, source: &Source<'_>) -> Result<String, RenderError> {
        let Source { made, provenance, .. } = source;
        let (first, last) =
            made.times_us.map_or((None, None), |(first, last)| (Some(format_time(first)), Some(format_time(last))));
        let policies: Vec<Value> =
            made.documents.iter().map(|document| json!({"policy": document.policy.compact()})).collect();
        let principal = made.principals.iter().cloned().collect::<Vec<_>>().join(" ");
        let value = json!({
            "jobDetails": {
                "jobId": format!("snapshot-{}", provenance.snapshot_id.unwrap_or_default()),
                "status": "SUCCEEDED",
                "startedOn": last,
                "completedOn": last,
            },
            "generatedPolicyResult": {
                "properties": {
                    "isComplete": made.unverified.is_empty() && made.incomplete.is_empty(),
                    "principalArn": principal,
                    "cloudTrailProperties": {"trailProperties": [], "startTime": first, "endTime": last},
                },
                "generatedPolicies": policies,
            },
        });
        Ok(format!("{value:#}\n"))
    }
}
