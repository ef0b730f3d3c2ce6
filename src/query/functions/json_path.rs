//! Paths into JSON such as `$.items[0].id`, `$.items[*]["a b"]`, and what lies there.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::util::json;

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
    /// A text has to be read as a whole: the path leads to several places, to the text itself, or by a name that
    /// numbers have in `serde_json`.
    needs_all: bool,
}

impl JsonPath {
    /// What `find` makes of a text and a path. Of a path to one place the rest of the text is checked and not kept:
    /// making a tree of it takes several times as long. Text that is no JSON holds nothing.
    pub fn over<T>(&self, text: &str, find: impl Fn(&JsonPath, &Value) -> Option<T>) -> Option<T> {
        if self.needs_all || json::may_hold_private_key(text.as_bytes()) {
            return find(self, &json::value(text).ok()?);
        }
        let mut document = serde_json::Deserializer::from_str(text);
        let found = Down { steps: &self.steps }.deserialize(&mut document).ok()?;
        document.end().ok()?;
        match found {
            Some(value) => find(&JsonPath::of(Vec::new()), &value),
            // No place of nothing.
            None => find(self, &Value::Null),
        }
    }

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
        Some(JsonPath::of(steps))
    }

    fn of(steps: Vec<Step>) -> JsonPath {
        let needs_all = |step: &Step| match step {
            Step::Key(key) => json::may_hold_private_key(key.as_bytes()),
            Step::Index(_) => false,
            Step::Each => true,
        };
        let needs_all = steps.is_empty() || steps.iter().any(needs_all);
        JsonPath { steps, needs_all }
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

/// Goes down to the one place that steps lead to.
#[derive(Clone, Copy)]
struct Down<'p> {
    steps: &'p [Step],
}

impl<'de> DeserializeSeed<'de> for Down<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<Option<Value>, D::Error> {
        match self.steps {
            [] => Value::deserialize(document).map(Some),
            _ => document.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Down<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<Value>, A::Error> {
        let mut found = None;
        let (wanted, steps) = match self.steps {
            [Step::Key(key), steps @ ..] => (Some(key.as_str()), steps),
            steps => (None, steps),
        };
        while let Some(is_wanted) = members.next_key_seed(IsKey(wanted))? {
            match is_wanted {
                // Of two equal keys the last counts.
                true => found = members.next_value_seed(Down { steps })?,
                false => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<Value>, A::Error> {
        let mut found = None;
        if let [Step::Index(wanted), steps @ ..] = self.steps {
            for _ in 0..*wanted {
                if elements.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(None);
                }
            }
            found = elements.next_element_seed(Down { steps })?.flatten();
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Option<Value>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<Value>, E> {
        Ok(None)
    }
}

/// Tells whether a member has this name.
struct IsKey<'k>(Option<&'k str>);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<bool, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(self.0 == Some(name))
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

    /// The way down finds what is found in the whole document.
    #[test]
    fn one_place_is_found_without_the_rest() {
        let texts = [
            JSON,
            r#"{"a":1,"a":{"b":[0,{"c d":"y"}]},"\u0061":{"b":[{"c d":"z"}]}}"#,
            r#"[[1,[2,{"a":null}]],{"items":[1]},"a",1e400,-0.0]"#,
            r#""a""#,
            "12345678901234567890123",
            "null",
            r#"{"$serde_json::private::Number":"1","a":{"$serde_json::private::Number":"x"}}"#,
            r#"{"a":1} x"#,
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            "",
        ];
        let paths = [
            "$",
            "$.a",
            "$.a.b",
            "$.a.b[0]",
            "$.a.b[0]['c d']",
            "$.a.b[1]",
            "$.a.b[9]",
            "$[0]",
            "$[0][1][1].a",
            "$[3]",
            "$[4]",
            "$.items[1].k",
            "$.items[*].k",
            "$['$serde_json::private::Number']",
            "$.a['$serde_json::private::Number']",
        ];
        for text in texts {
            for path in paths {
                let path = JsonPath::parse(path).unwrap();
                let whole = json::value(text).ok().and_then(|document| path.extract(&document));
                assert_eq!(path.over(text, JsonPath::extract), whole, "{path:?} of {text}");
                let exists = |path: &JsonPath, document: &Value| Some(path.exists(document));
                let of_whole = json::value(text).ok().and_then(|document| exists(&path, &document));
                assert_eq!(path.over(text, exists), of_whole, "{path:?} of {text}");
            }
        }
    }

    #[test]
    fn members() {
        assert_eq!(member(JSON, "items").as_deref(), Some(r#"[{"k":1},{"k":"2"},{}]"#));
        assert_eq!(member(JSON, "n"), None);
        assert_eq!(member(r#"{"s":"t"}"#, "s").as_deref(), Some("t"));
    }
}
