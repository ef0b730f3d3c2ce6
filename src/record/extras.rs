//! What of a record has no column, or not quite: so that it can be given back as it was.

use serde_json::{Map, Value};

use super::fields::groups;
use super::object::{ParsedObject, Record};
use super::scanned_value::Extra;
use super::schema::COLUMNS;
use crate::util::json;

/// Key in `additional_fields` under which a record with duplicate keys is kept as it was.
pub(super) const ORIGINAL: &str = "trailpare:original";

fn column_path(column: u8) -> &'static str {
    COLUMNS.get(usize::from(column)).map_or("", |column| column.path)
}

fn group_path(group: u8) -> &'static str {
    groups().get(usize::from(group)).map_or("", |group| group.path.as_str())
}

/// Puts the known fields that were there but held nothing, and those that weren't there although their columns have a
/// value: `path=null,path={},path=absent`.
pub(super) fn empty_fields(extras: &[Extra], out: &mut String) {
    for extra in extras {
        let (path, what) = match extra {
            Extra::NullColumn(column) => (column_path(*column), "=null"),
            Extra::AbsentColumn(column) => (column_path(*column), "=absent"),
            Extra::NullGroup(group) => (group_path(*group), "=null"),
            Extra::EmptyGroup(group) => (group_path(*group), "={}"),
            _ => continue,
        };
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(path);
        out.push_str(what);
    }
}

/// The unknown fields, and known ones in a spelling that their columns can't give back, as a JSON object with the
/// record's own nesting.
pub(super) fn additional_fields(object: &ParsedObject, record: &Record, extras: &[Extra]) -> Option<String> {
    if extras.iter().all(Extra::is_empty) {
        return None;
    }
    let mut fields = Map::new();
    let parse = |start: u32, end: u32| {
        // INVARIANT: the text was scanned as JSON; what serde_json still won't read (a lone surrogate) stays as text.
        let raw = object.slice(record, start, end);
        json::value(raw).unwrap_or_else(|_| Value::String(raw.to_owned()))
    };
    for extra in extras {
        match extra {
            Extra::Column(column, start, end) => put(&mut fields, column_path(*column), parse(*start, *end)),
            Extra::Group(group, start, end) => put(&mut fields, group_path(*group), parse(*start, *end)),
            Extra::Unknown(group, key, value) => {
                let key = object.slice(record, key.0, key.1);
                let key = super::json_string::unescape(key).0.into_owned();
                if let Some(inner) = inner(&mut fields, group_path(*group)) {
                    inner.insert(key, parse(value.0, value.1));
                }
            }
            Extra::Original(start, end) => {
                fields.insert(ORIGINAL.to_owned(), Value::String(object.original(*start, *end).to_owned()));
            }
            Extra::NullColumn(_) | Extra::AbsentColumn(_) | Extra::NullGroup(_) | Extra::EmptyGroup(_) => {}
        }
    }
    (!fields.is_empty()).then(|| Value::Object(fields).to_string())
}

/// The object at a path, made where there is none; the one given itself for an empty path.
pub(super) fn inner<'a>(fields: &'a mut Map<String, Value>, path: &str) -> Option<&'a mut Map<String, Value>> {
    let mut at = fields;
    for key in path.split('.').filter(|key| !key.is_empty()) {
        at = at.entry(key).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
    }
    Some(at)
}

/// Puts a value at a path.
pub(super) fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
    let (above, key) = path.rsplit_once('.').unwrap_or(("", path));
    if let Some(object) = inner(fields, above) {
        object.insert(key.to_owned(), value);
    }
}
