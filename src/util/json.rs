//! JSON values whose keys may be anything.
//!
//! `serde_json` 1.0 with `arbitrary_precision` and `raw_value` takes an object whose first key is one of two texts of
//! its own for a number, or for JSON within a text (`serde_json::value::Value`, its visitor's `KeyClassifier`). Such a
//! key in a log would fail its record, or change what it says. Here it is a key.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::util::scan::{DEPTH_MAX, TOO_DEEP};

/// What both of the keys that `serde_json` means something by begin with.
const FRONT: &[u8] = b"$serde_json::private::";

/// All letters of the two.
const LETTERS: &[u8] = b"$serde_json::private::NumberRawValue";

/// A text's JSON value; of two equal keys the last counts.
///
/// # Errors
///
/// The text is no JSON, or is nested deeper than 127.
pub(crate) fn value(text: &str) -> serde_json::Result<Value> {
    if may_hold_private_key(text.as_bytes()) { by_parts(text) } else { serde_json::from_str(text) }
}

/// As [`value`], of bytes.
///
/// # Errors
///
/// As [`value`], or the bytes are no UTF-8.
pub(crate) fn value_of(bytes: &[u8]) -> serde_json::Result<Value> {
    match std::str::from_utf8(bytes) {
        Ok(text) => value(text),
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// A text's JSON object; `None` where it is none.
pub(crate) fn object(text: &str) -> Option<Map<String, Value>> {
    match value(text) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// Whether a key may be one of the two, be it written with escapes. Services escape none of their letters.
pub(crate) fn may_hold_private_key(bytes: &[u8]) -> bool {
    let is_letter = |hex: &[u8]| {
        let byte = std::str::from_utf8(hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        byte.is_some_and(|byte| LETTERS.contains(&byte))
    };
    memmem::find(bytes, FRONT).is_some()
        || memmem::find_iter(bytes, b"\\u00").any(|at| bytes.get(at + 4..at + 6).is_some_and(is_letter))
}

/// A value built from its parts, whose keys mean nothing.
fn by_parts(text: &str) -> serde_json::Result<Value> {
    // All of it at once, for the place of a fault.
    let raw: &RawValue = serde_json::from_str(text)?;
    of_raw(raw, 0)
}

/// `depth`: objects and lists around it.
fn of_raw(raw: &RawValue, depth: u32) -> serde_json::Result<Value> {
    let inner = |raw: &RawValue| of_raw(raw, depth + 1);
    match raw.get().as_bytes().first() {
        Some(b'{' | b'[') if depth == DEPTH_MAX => Err(serde::de::Error::custom(TOO_DEEP)),
        Some(b'{') => {
            let Members(members) = serde_json::from_str(raw.get())?;
            let members = members.into_iter().map(|(key, raw)| Ok((key.into_owned(), inner(raw)?)));
            members.collect::<serde_json::Result<Map<String, Value>>>().map(Value::Object)
        }
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(raw.get())?;
            elements.into_iter().map(inner).collect::<serde_json::Result<Vec<Value>>>().map(Value::Array)
        }
        _ => serde_json::from_str(raw.get()),
    }
}

/// An object's members, as they are written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<Cow<'de, str>, &RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_key_means_anything_but_itself() {
        for key in ["$serde_json::private::Number", "$serde_json::private::RawValue"] {
            for inner in ["\"1\"", "\"AES256\"", "\"{\\\"a\\\":1}\"", "2", "null", "[1.50, {\"b\": 1e400}]"] {
                let plain = format!("{{\"{key}\": {inner}}}");
                let escaped: String = key.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
                let one_escaped = key.replacen('$', "\\u0024", 1);
                for written in [plain.clone(), plain.replace(key, &escaped), plain.replace(key, &one_escaped)] {
                    let read = value(&format!("[{written}, 1]")).unwrap();
                    let expected: Value = serde_json::from_str(inner).unwrap();
                    assert_eq!(read[0].as_object().map(Map::len), Some(1), "{written}");
                    assert_eq!(read[0][key], expected, "{written}");
                    assert_eq!(object(&written).unwrap()[key], expected, "{written}");
                    assert_eq!(value_of(written.as_bytes()).unwrap(), read[0]);
                    // It says the same when it is written and read again.
                    assert_eq!(value(&serde_json::to_string(&read).unwrap()).unwrap(), read);
                }
            }
        }
    }

    #[test]
    fn everything_else_is_as_serde_json_reads_it() {
        let texts = [
            r#"{"a":1,"a":{"\u0061\u0024":[]},"b":"\u0065"}"#,
            r#"[1.0,-0,1e5,123456789012345678901234567890,"\ud83d\ude00\u0073",null,true]"#,
            r#""\u0073""#,
            " { } ",
        ];
        for text in texts {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(value(text).unwrap(), expected, "{text}");
            assert_eq!(by_parts(text).unwrap(), expected, "{text}");
        }
        for text in ["", "{", r#"{"\u0073":}"#, r#"["\ud800\u0073"]"#, r#"{"\u0073":1} 2"#] {
            assert!(value(text).is_err(), "{text}");
        }
        let deep = |depth: usize| format!("{}\"\\u0073\"{}", "[".repeat(depth), "]".repeat(depth));
        assert!(value(&deep(127)).is_ok() && value(&deep(128)).is_err() && value(&deep(100_000)).is_err());
        assert_eq!(object("[]"), None);
        assert_eq!(object("{\"a\":1}"), json!({"a": 1}).as_object().cloned());
    }
}
