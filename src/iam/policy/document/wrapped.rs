//! Policy documents as they come out of AWS's tools and ours: alone, or within an answer.

use serde_json::Value;

use super::{Policy, PolicyError};

impl Policy {
    /// Reads every document of a text: a document alone, as [`Policy::parse`] takes it; a list of documents, or of
    /// `{"PolicyName", "PolicyDocument"}`; or the answer of `iam get-policy-version`, `iam get-role-policy` and its
    /// like, `sso-admin get-inline-policy-for-permission-set`, `organizations describe-policy` or
    /// `accessanalyzer get-generated-policy`.
    pub fn parse_all(text: &str) -> Result<Vec<Policy>, PolicyError> {
        match serde_json::from_str::<Value>(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            Ok(Value::Array(list)) if !list.is_empty() => {
                list.iter().map(|item| Policy::from_value(within(item).unwrap_or(item))).collect()
            }
            Ok(value) => match (generated(&value), within(&value)) {
                (Some(list), _) => list.iter().filter_map(|item| item.get("policy")).map(Policy::from_value).collect(),
                (None, Some(document)) => Ok(vec![Policy::from_value(document)?]),
                // Read from the text, so that a mistake's place is the text's.
                (None, None) => Ok(vec![Policy::parse(text)?]),
            },
            Err(_) => Ok(vec![Policy::parse(text)?]),
        }
    }
}

/// The document in an answer that holds one.
fn within(answer: &Value) -> Option<&Value> {
    let paths = ["/PolicyDocument", "/PolicyVersion/Document", "/InlinePolicy", "/Policy/Content"];
    paths.iter().find_map(|path| answer.pointer(path))
}

fn generated(answer: &Value) -> Option<&Vec<Value>> {
    answer.pointer("/generatedPolicyResult/generatedPolicies")?.as_array().filter(|list| !list.is_empty())
}
