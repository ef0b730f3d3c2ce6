//! All files of one principal.

use super::document::document;
use super::page::page;
use crate::policy::{Provenance, RenderError, renderer};
use crate::rightsize::Assessment;
use crate::trust::RoleTrust;

/// A file below the folder of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below that folder, of names that lead nowhere else.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The files of one principal in its folder: `document.json`, `README.md`, and of a proposal `policy.json` (several are
/// numbered), `main.tf` and `template.yaml`; of a role that is not left as it is, `trust.json`.
///
/// # Errors
/// A format cannot hold the policy.
pub fn files(
    one: &Assessment<'_>,
    trust: Option<&RoleTrust>,
    folder: &str,
    provenance: &Provenance,
) -> Result<Vec<File>, RenderError> {
    let file = |name: &str, text: String| File { path: format!("{folder}/{name}"), text };
    let value = serde_json::to_string_pretty(&document(one, trust)).unwrap_or_default() + "\n";
    let mut files = vec![file("README.md", page(one, trust, provenance)), file("document.json", value)];
    if let Some(policy) = trust.and_then(RoleTrust::policy).filter(|_| !one.is_excluded()) {
        files.push(file("trust.json", policy.pretty() + "\n"));
    }
    let Some(proposal) = &one.proposal else { return Ok(files) };
    let source = proposal.proved.source(provenance);
    for (format, name) in [("terraform", "main.tf"), ("cloudformation", "template.yaml")] {
        if let Some(renderer) = renderer(format) {
            files.push(file(name, renderer.render(&source)?));
        }
    }
    let policies = renderer("json").map(|renderer| renderer.files(&source)).transpose()?.unwrap_or_default();
    let is_one = policies.len() == 1;
    for (number, text) in policies.into_iter().enumerate() {
        let name = if is_one { "policy.json".to_owned() } else { format!("policy-{}.json", number + 1) };
        files.push(file(&name, text));
    }
    Ok(files)
}

/// Whether a file in a principal's folder has a name that only we give.
pub fn is_ours(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_numbered = name.strip_prefix("policy-").and_then(|rest| rest.strip_suffix(".json")).is_some_and(is_number);
    is_numbered
        || matches!(name, "README.md" | "document.json" | "main.tf" | "template.yaml" | "policy.json" | "trust.json")
}
