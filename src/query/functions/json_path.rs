//! `json_extract`, `json_extract_scalar`, `element_at` over JSON text: what lies at a path such as `$.items[0].id`.

use serde_json::Value;

/// A step into a document.
#[derive(Debug, PartialEq, Eq)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// What lies at the path, as JSON text.
pub(super) fn extract(json: &str, path: &str) -> Option<String> {
    Some(find(&serde_json::from_str(json).ok()?, path)?.to_string())
}

/// What lies at the path, where it is a string, a number or a boolean.
pub(super) fn extract_scalar(json: &str, path: &str) -> Option<String> {
    scalar(find(&serde_json::from_str(json).ok()?, path)?)
}

/// The member of this name: its text where it is a scalar, else its JSON.
pub(super) fn member(json: &str, key: &str) -> Option<String> {
    let document: Value = serde_json::from_str(json).ok()?;
    match document.get(key)? {
        Value::Null => None,
        nested @ (Value::Array(_) | Value::Object(_)) => Some(nested.to_string()),
        value => scalar(value),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn find<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    steps(path)?.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// The steps of `$.a.b[0]["c d"]`; nothing where the text is no such path.
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, behind) = after.split_at(end);
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key));
            rest = behind;
        } else {
            let after = rest.strip_prefix('[')?;
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            match quote {
                Some(quote) => {
                    let (key, behind) = after.get(1..)?.split_once(quote)?;
                    steps.push(Step::Key(key));
                    rest = behind.strip_prefix(']')?;
                }
                None => {
                    let (index, behind) = after.split_once(']')?;
                    steps.push(Step::Index(index.parse().ok()?));
                    rest = behind;
                }
            }
        }
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"a":{"b":[{"c d":"x"},2.50,true,null]},"items":[1],"n":null}"#;

    #[test]
    fn paths() {
        assert_eq!(extract_scalar(JSON, "$.a.b[0][\"c d\"]").as_deref(), Some("x"));
        assert_eq!(extract_scalar(JSON, "$['a']['b'][1]").as_deref(), Some("2.50"));
        assert_eq!(extract_scalar(JSON, "$.a.b[2]").as_deref(), Some("true"));
        for nothing in ["$.a", "$.a.b[3]", "$.a.b[9]", "$.z", "a", "$.", "$[", "$.a.", "$[x]", ""] {
            assert_eq!(extract_scalar(JSON, nothing), None, "{nothing}");
        }
        assert_eq!(extract(JSON, "$.items").as_deref(), Some("[1]"));
        assert_eq!(extract("not json", "$"), None);
    }

    #[test]
    fn members() {
        assert_eq!(member(JSON, "items").as_deref(), Some("[1]"));
        assert_eq!(member(JSON, "n"), None);
        assert_eq!(member(r#"{"s":"t"}"#, "s").as_deref(), Some("t"));
    }
}
