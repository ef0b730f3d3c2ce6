//! Looking things up in request parameters, whose keys come in many spellings.

use serde_json::Value;

/// Parameters of a request, parsed once.
#[derive(Debug, Default)]
pub(super) struct Params {
    root: Option<Value>,
}

/// Objects and lists within each other that are searched.
const DEPTH_MAX: usize = 8;

/// Values that one name gives at the most: a record is at most 256 kB, but may repeat one name.
const VALUES_MAX: usize = 100;

impl Params {
    /// Parses JSON text; what is no object or list has no parameters.
    pub fn parse(text: Option<&str>) -> Params {
        let root = text.filter(|t| t.starts_with(['{', '['])).and_then(|text| serde_json::from_str(text).ok());
        Params { root }
    }

    /// Whether a parameter is there and holds something.
    pub fn has(&self, name: &str) -> bool {
        let Some(Value::Object(object)) = &self.root else { return false };
        object.iter().any(|(key, value)| same_name(key, name) && !is_nothing(value))
    }

    /// A top-level value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Some(Value::Object(object)) = &self.root else { return None };
        object.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value)
    }

    /// A top-level text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// The texts under a name, wherever it stands; those nearest to the top only.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let mut level: Vec<&Value> = self.root.iter().collect();
        for _ in 0..DEPTH_MAX {
            let mut found = Vec::new();
            let mut below = Vec::new();
            for value in level {
                match value {
                    Value::Object(object) => {
                        for (key, inner) in object {
                            if same_name(key, name) {
                                collect(inner, &mut found);
                            }
                            below.push(inner);
                        }
                    }
                    Value::Array(values) => below.extend(values),
                    _ => {}
                }
            }
            if !found.is_empty() {
                found.truncate(VALUES_MAX);
                return found;
            }
            level = below;
        }
        Vec::new()
    }

    /// Every text with the key that it stands under.
    pub fn walk<'a>(&'a self, each: &mut dyn FnMut(&'a str, &'a str)) {
        fn walk<'a>(key: &'a str, value: &'a Value, depth: usize, each: &mut dyn FnMut(&'a str, &'a str)) {
            match value {
                _ if depth > DEPTH_MAX => {}
                Value::String(text) => each(key, text),
                Value::Array(values) => values.iter().for_each(|value| walk(key, value, depth + 1, each)),
                Value::Object(object) => object.iter().for_each(|(key, value)| walk(key, value, depth + 1, each)),
                _ => {}
            }
        }
        if let Some(root) = &self.root {
            walk("", root, 0, each);
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Texts of a value: itself, or those of a list (`{"items":[{…: text}]}` of EC2 included).
fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if !text.is_empty() => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// Whether two names are the same but for case, `-` and `_`.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    if a.len() == b.len() {
        return a.eq_ignore_ascii_case(b);
    }
    let is_separator = |b: &u8| matches!(b, b'-' | b'_');
    if !a.bytes().chain(b.bytes()).any(|b| is_separator(&b)) {
        return false;
    }
    let letters =
        |text: &str| text.bytes().filter(|b| !is_separator(b)).map(|b| b.to_ascii_lowercase()).collect::<Vec<u8>>();
    letters(a) == letters(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_spelling_nearest_first() {
        let p = Params::parse(Some(
            r#"{"functionName":"f","instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]},"x":{"functionName":"g"},"e":""}"#,
        ));
        assert_eq!(p.texts("FunctionName"), ["f"]);
        assert_eq!(p.texts("function_name"), ["f"]);
        assert_eq!(p.texts("InstanceId"), ["i-1", "i-2"]);
        assert!(p.has("x") && !p.has("e") && !p.has("nothing"));
        assert!(Params::parse(Some("\"null\"")).texts("a").is_empty());
    }
}
