//! IAM's own format.

use serde_json::Value;

use crate::policy::limits::PERMISSION_SET_BYTES_MAX;
use crate::policy::{Kind, Made};

/// One document as IAM takes it; several as a list of `{"PolicyName", "PolicyDocument"}`. Ends with a newline.
///
/// A service control policy has no white space, for Organizations counts it, nor has the policy of a permission set that
/// would be too long with it (see `limits`).
pub fn render(made: &Made) -> String {
    let value = match made.documents.as_slice() {
        [only] => only.policy.to_value(),
        documents => documents
            .iter()
            .map(|document| {
                serde_json::json!({"PolicyName": document.name, "PolicyDocument": document.policy.to_value()})
            })
            .collect::<Value>(),
    };
    let pretty = format!("{value:#}\n");
    let is_too_long = made.kind == Kind::PermissionSet && pretty.len() > PERMISSION_SET_BYTES_MAX;
    if made.kind == Kind::Scp || is_too_long { format!("{value}\n") } else { pretty }
}
