//! IAM's own format.

use serde_json::{Value, json};

use super::renderer::{RenderError, Renderer, Source};
use crate::policy::limits::PERMISSION_SET_BYTES_MAX;
use crate::policy::{Kind, Made, NamedPolicy};

#[derive(Debug)]
pub(super) struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "IAM's own"
    }

    fn extension(&self) -> &'static str {
        "json"
    }

    /// One document as IAM takes it where there can be but one, else a list of `{"PolicyName", "PolicyDocument"}`, however
    /// many they are.
    ///
    /// A service control policy has no white space, for Organizations counts it, nor has the policy of a permission set
    /// that would be too long with it (see `limits`).
    fn render(&self, source: &Source<'_>) -> Result<String, RenderError> {
        let made = source.made;
        Ok(match made.documents.as_slice() {
            [only] if made.policies_max == 1 => text(made, &only.policy.to_value()),
            documents => {
                let named = |document: &NamedPolicy| json!({"PolicyName": document.name, "PolicyDocument": document.policy.to_value()});
                text(made, &documents.iter().map(named).collect())
            }
        })
    }

    /// Each document as IAM takes it, so that who reads the files need not know how many there are.
    fn files(&self, source: &Source<'_>) -> Result<Vec<String>, RenderError> {
        let documents = source.made.documents.iter();
        Ok(documents.map(|document| text(source.made, &document.policy.to_value())).collect())
    }
}

fn text(made: &Made, value: &Value) -> String {
    let pretty = format!("{value:#}\n");
    let is_too_long = made.kind == Kind::PermissionSet && pretty.len() > PERMISSION_SET_BYTES_MAX;
    if made.kind == Kind::Scp || is_too_long { format!("{value}\n") } else { pretty }
}
