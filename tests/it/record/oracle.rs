//! What serde_json makes of a log object, beside what the program makes of it. Also read by the fuzz targets.

use std::collections::BTreeSet;
use std::fmt;

use arrow::record_batch::RecordBatch;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use trailpare::record::{Dictionaries, ParsedObject, encode, key_of_record, schema, to_json};

/// Records of an object by their keys, whatever their order.
pub fn sorted(mut records: Vec<Value>) -> Vec<Value> {
    records.sort_by_cached_key(key_of_record);
    records
}

/// Dictionaries looked up, as a reader of the store has it.
fn plain(batch: &RecordBatch) -> RecordBatch {
    let schema = schema::events();
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| arrow::compute::cast(column, field.data_type()).expect("a text"));
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns).expect("the schema of `events`")
}

/// The records of an object as they come back from its columns.
pub fn restored(object: &ParsedObject, dictionaries: &mut Dictionaries) -> Vec<Value> {
    let mut records: Vec<_> = object.records().iter().map(|record| (object, record)).collect();
    let mut restored = Vec::new();
    for batch in encode(&mut records, dictionaries) {
        let batch = plain(&batch.expect("columns fit together"));
        restored.extend((0..batch.num_rows()).map(|row| to_json(&batch, row)));
    }
    restored
}

/// The members of a JSON object as they stand in the text, keys that stand there twice as well.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// How deep serde_json follows lists and objects when it makes values of them (`Deserializer`, serde_json 1). For a
/// `RawValue` it doesn't count.
const DEPTH_MAX: usize = 127;

/// The program counts from each field on. What is around it comes on top: the object, its list, the record, and
/// `userIdentity`, `sessionContext` and `sessionIssuer`, whose fields have columns of their own.
const FRAME_DEPTH: usize = 6;

/// How deep the lists and objects of a JSON text lie within one another.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut is_in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            b'[' | b'{' if !is_in_text => depth += 1,
            b']' | b'}' if !is_in_text => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Offset and text of every record; `None` where the bytes are no log objects.
fn records(bytes: &[u8]) -> Option<Vec<(usize, &str)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_list = |(key, value): &&(&RawValue, &RawValue)| key.get() == "\"Records\"" && value.get().starts_with('[');
    let mut records = None;
    for object in serde_json::Deserializer::from_str(text).into_iter() {
        let Members(members) = object.ok()?;
        let lists: Vec<_> = members.iter().filter(is_list).collect();
        if lists.is_empty() {
            return None;
        }
        for (_, list) in &lists {
            let list: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
            let offset = |record: &str| record.as_ptr() as usize - text.as_ptr() as usize;
            let of_object = list.into_iter().map(|record| (offset(record.get()), record.get()));
            records.get_or_insert_with(Vec::new).extend(of_object);
        }
    }
    records
}

/// Whether a record has a time in the form that CloudTrail writes, and so can't be kept out for it.
fn has_plain_time(record: &Value) -> bool {
    let text = record.get("eventTime").and_then(Value::as_str).unwrap_or_default();
    let form = text.len() == 20 && text.bytes().filter(u8::is_ascii_digit).count() == 14 && !text.ends_with(":60Z");
    form && chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").is_ok()
}

/// Checks that the program takes what serde_json takes, keeps out what it must, and gives back the same JSON.
///
/// # Errors
/// Says where they differ.
pub fn check(bytes: &[u8], dictionaries: &mut Dictionaries) -> Result<(), String> {
    let (expected, parsed) = (records(bytes), ParsedObject::parse(bytes.to_vec(), dictionaries));
    let depth = std::str::from_utf8(bytes).ok().filter(|_| expected.is_some()).map_or(0, depth);
    let (records, object) = match (expected, parsed) {
        (None, Err(_)) => return Ok(()),
        (Some(_), Err(_)) if depth > DEPTH_MAX => return Ok(()),
        (Some(_), Ok(_)) if depth > DEPTH_MAX + FRAME_DEPTH => return Err(format!("taken, {depth} deep")),
        (Some(records), Ok(object)) => (records, object),
        (None, Ok(_)) => return Err("taken, but serde_json refuses it".to_owned()),
        (Some(_), Err(error)) => return Err(format!("refused, but serde_json takes it: {error}")),
    };
    let broken: BTreeSet<usize> = object.broken().iter().map(|broken| broken.offset).collect();
    let mut sound = Vec::new();
    for (offset, text) in records {
        // Half of a surrogate pair is JSON by its grammar, but no text; and a record may be too deep by a few.
        let Ok(record) = serde_json::from_str::<Value>(text) else { return Ok(()) };
        match broken.contains(&offset) {
            true if has_plain_time(&record) => return Err(format!("kept out, but sound: {text}")),
            true => {}
            false => sound.push(record),
        }
    }
    let (expected, found) = (sorted(sound), sorted(restored(&object, dictionaries)));
    if expected == found { Ok(()) } else { Err(format!("expected {expected:?}\nfound {found:?}")) }
}
