//! Paths into JSON such as `$.items[0].id`, `$.items[*]["a b"]`, and what lies there.

use serde_json::Value;

/// A step into a document.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    /// Every member of a list or an object.
    Each,
}

/// A path that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct JsonPath {
    steps: Vec<Step>,
}

impl JsonPath {
    /// Reads `$.a.b[0]["c d"][*]`; nothing where the text is no such path.
    pub fn parse(path: &str) -> Option<JsonPath> {
        // Words of the SQL standard's paths, in which we make no difference.
        let path = path.trim();
        let path = path.strip_prefix("lax ").or_else(|| path.strip_prefix("strict ")).unwrap_or(path).trim_start();
        let mut rest = path.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                if let Some(quoted) = after.strip_prefix('"') {
                    let (key, behind) = quoted.split_once('"')?;
                    steps.push(Step::Key(key.to_owned()));
                    rest = behind;
                    continue;
                }
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (key, behind) = after.split_at(end);
                steps.push(match key {
                    "" => return None,
                    "*" => Step::Each,
                    key => Step::Key(key.to_owned()),
                });
                rest = behind;
            } else {
                let after = rest.strip_prefix('[')?;
                let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
                match quote {
                    Some(quote) => {
                        let (key, behind) = after.get(1..)?.split_once(quote)?;
                        steps.push(Step::Key(key.to_owned()));
                        rest = behind.strip_prefix(']')?;
                    }
                    None => {
                        let (index, behind) = after.split_once(']')?;
                        steps.push(match index.trim() {
                            "*" => Step::Each,
                            index => Step::Index(index.parse().ok()?),
                        });
                        rest = behind;
                    }
                }
            }
        }
        Some(JsonPath { steps })
    }

    /// Whether it may lead to several places.
    fn is_manifold(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// What lies at the path, in order.
    fn find<'v>(&self, document: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![document];
        for step in &self.steps {
            found = found
                .into_iter()
                .flat_map(|value| -> Vec<&'v Value> {
                    match (step, value) {
                        (Step::Key(key), _) => value.get(key.as_str()).into_iter().collect(),
                        (Step::Index(index), _) => value.get(index).into_iter().collect(),
                        (Step::Each, Value::Array(elements)) => elements.iter().collect(),
                        (Step::Each, Value::Object(members)) => members.values().collect(),
                        (Step::Each, _) => Vec::new(),
                    }
                })
                .collect();
        }
        found
    }

    /// What lies at the path, as JSON; of a path with `*` the list of all that lies there.
    pub fn extract(&self, document: &Value) -> Option<Value> {
        let found = self.find(document);
        match (self.is_manifold(), found.as_slice()) {
            (_, []) => None,
            (false, [value, ..]) => Some((*value).clone()),
            (true, values) => Some(values.iter().map(|value| (*value).clone()).collect()),
        }
    }

    /// What lies at the path, where that is one string, number or boolean.
    pub fn extract_scalar(&self, document: &Value) -> Option<String> {
        match self.find(document).as_slice() {
            [value] => scalar(value),
            _ => None,
        }
    }

    /// Whether something lies at the path.
    pub fn exists(&self, document: &Value) -> bool {
        !self.find(document).is_empty()
    }
}

/// The text of a string, a number or a boolean.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The text of a value: that of a scalar, else its JSON; nothing for `null`.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
        value => scalar(value),
    }
}

/// The member of this name, as text.
pub(super) fn member(json: &str, key: &str) -> Option<String> {
    let document = crate::util::json::value(json).ok()?;
    text(document.get(key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"a":{"b":[{"c d":"x"},2.50,true,null]},"items":[{"k":1},{"k":"2"},{}],"n":null}"#;

    fn document() -> Value {
        serde_json::from_str(JSON).unwrap()
    }

    fn extract(path: &str) -> Option<String> {
        JsonPath::parse(path)?.extract(&document()).map(|value| value.to_string())
    }

    fn extract_scalar(path: &str) -> Option<String> {
        JsonPath::parse(path)?.extract_scalar(&document())
    }

    #[test]
    fn paths() {
        assert_eq!(extract_scalar("$.a.b[0][\"c d\"]").as_deref(), Some("x"));
        assert_eq!(extract_scalar("$['a']['b'][1]").as_deref(), Some("2.50"));
        assert_eq!(extract_scalar("lax $.a.b[2]").as_deref(), Some("true"));
        assert_eq!(extract_scalar("$.\"a\".b[2]").as_deref(), Some("true"));
        for nothing in ["$.a", "$.a.b[3]", "$.a.b[9]", "$.z"] {
            assert_eq!(extract_scalar(nothing), None, "{nothing}");
        }
        for no_path in ["a", "$.", "$[", "$.a.", "$[x]", "", "$[-1]", "$a"] {
            assert_eq!(JsonPath::parse(no_path), None, "{no_path}");
        }
        assert_eq!(extract("$.a.b[3]").as_deref(), Some("null"));
    }

    #[test]
    fn every_member_of_a_list() {
        assert_eq!(extract("$.items[*].k").as_deref(), Some(r#"[1,"2"]"#));
        assert_eq!(extract("$.items[*].z"), None);
        assert_eq!(extract("$.*[1]").as_deref(), Some(r#"[{"k":"2"}]"#));
        assert_eq!(extract_scalar("$.items[*].k"), None, "several");
        assert_eq!(extract_scalar("$.a.b[*]['c d']").as_deref(), Some("x"), "one of several");
    }

    #[test]
    fn members() {
        assert_eq!(member(JSON, "items").as_deref(), Some(r#"[{"k":1},{"k":"2"},{}]"#));
        assert_eq!(member(JSON, "n"), None);
        assert_eq!(member(r#"{"s":"t"}"#, "s").as_deref(), Some("t"));
    }
}
