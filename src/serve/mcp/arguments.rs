//! What a tool is given, checked against what it takes.

use serde_json::{Map, Value};

/// Arguments of one call.
pub(super) struct Arguments<'a>(&'a Map<String, Value>);

impl<'a> Arguments<'a> {
    /// These, none of which is unknown to the tool's schema.
    ///
    /// # Errors
    /// In words: one that the tool does not take.
    pub fn new(given: &'a Map<String, Value>, schema: &Value) -> Result<Arguments<'a>, String> {
        let known = schema.get("properties").and_then(Value::as_object);
        let names: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        if let Some(unknown) = given.keys().find(|name| !names.contains(&name.as_str())) {
            let takes = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            return Err(format!("{unknown} is no argument of this tool: it takes {takes}"));
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let missing = required.filter_map(Value::as_str).find(|name| given.get(*name).is_none_or(Value::is_null));
        match missing {
            Some(name) => Err(format!("{name} is missing")),
            None => Ok(Arguments(given)),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| format!("{name} is a text")),
        }
    }

    /// A text, or a list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let wrong = || format!("{name} is a text or a list of texts");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text.clone()]),
            Some(Value::Array(texts)) => {
                texts.iter().map(|text| text.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A whole number from 1 on.
    pub fn count(&self, name: &str) -> Result<Option<u64>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().filter(|count| *count > 0) {
                Some(count) => Ok(Some(count)),
                None => Err(format!("{name} is a whole number from 1 on")),
            },
        }
    }

    /// True or false; false where nothing is said.
    pub fn flag(&self, name: &str) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| format!("{name} is true or false")),
        }
    }

    /// Names and their values: texts, and what is written as a text.
    pub fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, String> {
        let wrong = || format!("{name} is an object whose values are texts, numbers or truth values");
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let pair = |(name, value): (&String, &Value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => Ok((name.clone(), value.to_string())),
            _ => Err(wrong()),
        };
        value.as_object().ok_or_else(wrong)?.iter().map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_what_the_schema_says() {
        let schema = json!({ "properties": { "sql": {}, "max_rows": {}, "who": {} }, "required": ["sql"] });
        let given = |value: Value| value.as_object().cloned().unwrap_or_default();
        for (value, expected) in [
            (json!({ "sql": "x", "other": 1 }), "other is no argument of this tool: it takes sql, max_rows, who"),
            (json!({}), "sql is missing"),
            (json!({ "sql": null }), "sql is missing"),
        ] {
            assert_eq!(Arguments::new(&given(value), &schema).err().as_deref(), Some(expected));
        }
        let given = given(json!({ "sql": 1, "max_rows": 0, "who": ["a", "b"] }));
        let arguments = Arguments::new(&given, &schema).unwrap();
        assert_eq!(arguments.text("sql"), Err("sql is a text".to_owned()));
        assert!(arguments.count("max_rows").is_err());
        assert_eq!(arguments.texts("who"), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(arguments.flag("none"), Ok(false));
    }
}
