//! Values by their paths, `actor.user.uid`.

use serde_json::{Map, Value};

/// Names within each other in a path, at the most. What has more stays one name.
const NAMES_MAX: usize = 24;

/// The value at a path.
pub(super) fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// The text at a path. An empty one says nothing, and `''` is how the published mapping says so.
pub(super) fn text_at<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    at(value, path).and_then(Value::as_str).filter(|text| !matches!(*text, "" | "''"))
}

/// Sets the value at a path where none is. What stands in the way of it stays.
pub(super) fn set(members: &mut Map<String, Value>, path: &str, value: Value) {
    let depth = path.split('.').count();
    if depth > NAMES_MAX {
        members.entry(path).or_insert(value);
        return;
    }
    let mut members = members;
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        if names.peek().is_none() {
            let slot = members.entry(name).or_insert(Value::Null);
            if is_nothing(slot) {
                *slot = value;
            }
            return;
        }
        let slot = members.entry(name).or_insert(Value::Null);
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
        let Some(inner) = slot.as_object_mut() else { return };
        members = inner;
    }
}

/// Whether a value says nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_set_where_none_is() {
        let mut members = Map::new();
        for (path, value) in
            [("a.b.c", json!(1)), ("a.b.d", json!(2)), ("a.b.c", json!(3)), ("a.b", json!(4)), ("a.b.c.e", json!(5))]
        {
            set(&mut members, path, value);
        }
        let long = "x.".repeat(100_000);
        set(&mut members, &long, json!(6));
        assert_eq!(members.shift_remove(&long), Some(json!(6)));
        assert_eq!(Value::Object(members), json!({"a": {"b": {"c": 1, "d": 2}}}));
    }
}
