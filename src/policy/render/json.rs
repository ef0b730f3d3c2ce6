//! IAM's own format.

use serde_json::{Value, json};

use crate::policy::limits::PERMISSION_SET_BYTES_MAX;
use crate::policy::{Kind, Made, NamedPolicy};

/// One document as IAM takes it where there can be but one, else a list of `{"PolicyName", "PolicyDocument"}`, however
/// many they are. Ends with a newline.
///
/// A service control policy has no white space, for Organizations counts it, nor has the policy of a permission set
/// that would be too long with it (see `limits`).
pub fn render(made: &Made) -> String {
    match made.documents.as_slice() {
        [only] if made.policies_max == 1 => text(made, &only.policy.to_value()),
        documents => {
            let named = |document: &NamedPolicy| json!({"PolicyName": document.name, "PolicyDocument": document.policy.to_value()});
            text(made, &documents.iter().map(named).collect())
        }
    }
}

/// Each document as IAM takes it, with its name.
pub fn each(made: &Made) -> Vec<(&str, String)> {
    made.documents.iter().map(|document| (document.name.as_str(), text(made, &document.policy.to_value()))).collect()
}

fn text(made: &Made, value: &Value) -> String {
    let pretty = format!("{value:#}\n");
    let is_too_long = made.kind == Kind::PermissionSet && pretty.len() > PERMISSION_SET_BYTES_MAX;
    if made.kind == Kind::Scp || is_too_long { format!("{value}\n") } else { pretty }
}
