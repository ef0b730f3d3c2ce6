//! Which event a record is: copies of one event have the same key, whichever object brought them.

use std::hash::{BuildHasher, Hasher};

use crate::util::json;
use arrow::array::{Array, AsArray};
use arrow::record_batch::RecordBatch;
use serde_json::Value;

/// The columns that [`stored_event_key`] looks at, and the time beside them.
pub const EVENT_KEY_COLUMNS: [&str; 2] = ["event_id", "event_time"];

/// The key of a record: the bits of its `eventID` where that is a UUID, else a hash of it; of a record without one, a
/// hash of all it says, an error where serde_json can't read that (it is nested too deep).
pub(super) fn event_key(event_id: Option<&str>, record: &str) -> serde_json::Result<u128> {
    match event_id {
        Some(id) if !id.is_empty() => Ok(key_of_id(id)),
        _ => Ok(key_of_record(&json::value(record)?)),
    }
}

fn key_of_id(id: &str) -> u128 {
    match uuid::Uuid::try_parse(id) {
        // Other spellings of a UUID are other texts: only the usual one is taken by its bits.
        Ok(uuid) if id.len() == 36 && !id.bytes().any(|b| b.is_ascii_uppercase()) => uuid.as_u128(),
        _ => hash128(|hasher| hasher.write(id.as_bytes())),
    }
}

/// A hash of all that a record without `eventID` says, whatever the order of its keys.
pub fn key_of_record(record: &Value) -> u128 {
    hash128(|hasher| hash_value(record, hasher))
}

/// The key of a stored event; `None` for one without `eventID`, whose whole record it takes: [`key_of_record`].
pub fn stored_event_key(batch: &RecordBatch, row: usize) -> Option<u128> {
    let ids = batch.column_by_name("event_id")?.as_string_opt::<i32>()?;
    (ids.is_valid(row) && !ids.value(row).is_empty()).then(|| key_of_id(ids.value(row)))
}

fn hash128(feed: impl Fn(&mut dyn Hasher)) -> u128 {
    let half = |seed| {
        let mut hasher = foldhash::quality::FixedState::with_seed(seed).build_hasher();
        feed(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

fn hash_value(value: &Value, hasher: &mut dyn Hasher) {
    match value {
        Value::Object(object) => {
            hasher.write_u8(b'{');
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_unstable();
            for key in keys {
                hasher.write_usize(key.len());
                hasher.write(key.as_bytes());
                if let Some(value) = object.get(key) {
                    hash_value(value, hasher);
                }
            }
            hasher.write_u8(b'}');
        }
        Value::Array(values) => {
            hasher.write_u8(b'[');
            values.iter().for_each(|value| hash_value(value, hasher));
            hasher.write_u8(b']');
        }
        scalar => {
            let text = scalar.to_string();
            hasher.write_usize(text.len());
            hasher.write(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids() {
        let id = "293ba626-3be5-4a26-ab1b-0f4c54f49959";
        let key = |id: &str| event_key(Some(id), "").expect("a key");
        assert_eq!(key(id), 0x293ba626_3be5_4a26_ab1b_0f4c54f49959);
        assert_ne!(key(&id.to_uppercase()), key(id));
        assert_ne!(key("x"), key("y"));
    }

    #[test]
    fn records_without_id_are_told_by_what_they_say() {
        let key = |value: Value| event_key(None, &value.to_string()).expect("a key");
        assert_eq!(key(json!({"a": 1, "b": [2]})), key(json!({"b": [2], "a": 1})));
        assert_ne!(key(json!({"a": 1})), key(json!({"a": "1"})));
        assert_ne!(key(json!({"a": [1, 2]})), key(json!({"a": [12]})));
    }
}
