//! CSV of CloudTrail Lake: query results saved to S3 (`result_N.csv.gz`), of `SELECT eventJson`, or of columns.
//!
//! Source: CloudTrail User Guide, "CloudTrail Lake saved query results" and "event schema". Columns of structs are
//! written as `{key=value, key={…}}`, those of maps likewise; a text with a comma in it can't be told apart there, so
//! what looks like a member is taken for one.

use serde_json::{Map, Value};

use super::athena;
use super::blanks::json_of;
use super::row::Row;
use crate::util::json;

const FIELDS: [&str; 3] = ["eventTime", "eventSource", "eventName"];

fn is_title(title: &str, name: &str) -> bool {
    title.trim().eq_ignore_ascii_case(name)
}

/// Columns that hold an event whole: CloudTrail Lake's, and those that other programs export.
const WHOLE: [&str; 8] = [
    "eventJson",
    "eventData",
    "CloudTrailEvent",
    "_raw",
    "@message",
    "message",
    "event.original",
    "_source.event.original",
];

fn is_json(title: &str) -> bool {
    WHOLE.iter().any(|name| is_title(title, name))
}

/// Whether a column holds whole events.
pub(super) fn is_whole(titles: &[String]) -> bool {
    titles.iter().any(|title| is_json(title))
}

/// Whether there is a column for each field that tells an event.
pub(super) fn is_columns(titles: &[String]) -> bool {
    FIELDS.iter().all(|name| titles.iter().any(|title| is_title(title, name)))
}

/// The event of a row that holds it whole.
pub(super) fn read_whole(row: Row<'_>) -> Result<String, String> {
    let cell = row.titles.iter().zip(row.cells).find(|(title, _)| is_json(title)).map(|(_, cell)| json_of(cell));
    let cell = cell.filter(|cell| !cell.is_empty()).ok_or("a row without an event")?;
    match serde_json::from_str::<&serde_json::value::RawValue>(cell) {
        Ok(_) => Ok(cell.to_owned()),
        Err(error) => Err(format!("a cell that holds no JSON ({error})")),
    }
}

/// The event of a row of columns.
pub(super) fn read_columns(row: Row<'_>) -> Result<String, String> {
    let mut event = Map::new();
    for (title, cell) in row.titles.iter().zip(row.cells).filter(|(_, cell)| !cell.is_empty()) {
        let name = athena::name_of(title.trim());
        let value = match (name, cell.as_str()) {
            (_, text) if text.starts_with('{') => structure(text),
            ("resources", text) if text.starts_with('[') => structure(text),
            ("readOnly" | "managementEvent", text) => text.parse().map_or_else(|_| Value::from(text), Value::Bool),
            (_, text) => Value::from(text),
        };
        event.insert(name.to_owned(), athena::field(name, value));
    }
    Ok(Value::Object(event).to_string())
}

/// A struct as Lake writes it, or JSON; what is neither stays text.
fn structure(text: &str) -> Value {
    json::value(text).ok().or_else(|| parse(text, 0)).unwrap_or_else(|| Value::from(text))
}

/// Structs within each other that are followed.
const DEPTH_MAX: usize = 32;

fn parse(text: &str, depth: usize) -> Option<Value> {
    let text = text.trim();
    if depth > DEPTH_MAX {
        return None;
    }
    if let Some(inner) = inner(text, '{', '}') {
        let mut members = Map::new();
        let mut last: Option<String> = None;
        for part in parts(inner) {
            match (part.split_once('=').filter(|(key, _)| is_key(key.trim())), &last) {
                (Some((key, value)), _) => {
                    let key = key.trim().to_owned();
                    let value = parse(value, depth + 1)?;
                    members.insert(key.clone(), value);
                    last = Some(key);
                }
                // A comma within a text.
                (None, Some(key)) => {
                    let Some(Value::String(before)) = members.get_mut(key) else { return None };
                    before.push(',');
                    before.push_str(part);
                }
                (None, None) => return None,
            }
        }
        return Some(Value::Object(members));
    }
    if let Some(inner) = inner(text, '[', ']').filter(|inner| inner.trim_start().starts_with('{')) {
        return parts(inner)
            .iter()
            .map(|part| parse(part, depth + 1))
            .collect::<Option<Vec<Value>>>()
            .map(Value::Array);
    }
    Some(if text == "null" { Value::Null } else { Value::from(text) })
}

fn inner(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/'))
}

/// The parts of a text between commas that lie in no bracket.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            ',' if depth <= 0 => {
                parts.extend(text.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(begin..).filter(|rest| !rest.trim().is_empty()));
    parts
}
