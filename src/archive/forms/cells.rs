//! A row as a list of its cells: `[{"eventTime":"…"},{"eventName":"…"}]`, as CloudTrail Lake gives it, and
//! `[{"field":"@message","value":"…"}]`, as CloudWatch Logs Insights does.
//!
//! Source: CloudTrail API Reference, `GetQueryResults`; Amazon CloudWatch Logs API Reference, `GetQueryResults`.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::lake_csv;
use super::object::Object;
use super::row::Row;

/// Columns that hold an event whole.
pub(super) const WHOLE: [&str; 3] = ["eventJson", "eventjson", "eventData"];

/// JSON that holds the event of a row; `None` for a list that is no row, whose elements count for themselves.
pub(super) fn row(list: &[&RawValue]) -> Option<Result<String, String>> {
    let first = Object::parse(list.first()?.get()).ok()?;
    match first.members().count() {
        1 => of_columns(list),
        2 if first.has("field") && first.has("value") => of_fields(list),
        _ => None,
    }
}

/// Whether an object may be a cell.
pub(super) fn is_cell(text: &str) -> bool {
    Object::parse(text).is_ok_and(|object| match object.members().count() {
        1 => object.members().all(|(_, value)| value.get().starts_with('"')),
        2 => object.has("field") && object.has("value"),
        _ => false,
    })
}

/// A cell has its column's name; in a list of events that are wrapped alike names come again.
fn of_columns(list: &[&RawValue]) -> Option<Result<String, String>> {
    let cells = list.iter().map(|cell| Object::parse(cell.get()).ok()).collect::<Option<Vec<_>>>()?;
    let members: Vec<(&str, &RawValue)> = cells.iter().flat_map(Object::members).collect();
    let names: HashSet<String> = members.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    if cells.iter().any(|cell| cell.members().count() != 1) || names.len() < cells.len() {
        return None;
    }
    if let Some((_, event)) =
        members.iter().find(|(name, _)| WHOLE.iter().any(|whole| whole.eq_ignore_ascii_case(name)))
    {
        return Some(Ok(format!("{{\"eventJson\":{}}}", event.get())));
    }
    let titles: Vec<String> = members.iter().map(|(name, _)| (*name).to_owned()).collect();
    if !lake_csv::is_columns(&titles) {
        return None;
    }
    let cells: Vec<String> = members.iter().map(|(_, value)| text(value.get())).collect();
    Some(lake_csv::read_columns(Row { titles: &titles, cells: &cells }))
}

/// A cell says its column's name.
fn of_fields(list: &[&RawValue]) -> Option<Result<String, String>> {
    let cells = list.iter().map(|cell| Object::parse(cell.get()).ok()).collect::<Option<Vec<_>>>()?;
    let message = cells.iter().find(|cell| cell.text_is("field", "@message")).and_then(|cell| cell.get("value"));
    let message = message.map(|message| format!("{{\"@message\":{}}}", message.get()));
    Some(message.ok_or_else(|| "foreign: a row without @message".to_owned()))
}

/// A cell's text; other values as they are.
fn text(value: &str) -> String {
    match serde_json::from_str::<Cow<'_, str>>(value) {
        Ok(text) => text.into_owned(),
        Err(_) if value == "null" => String::new(),
        Err(_) => value.to_owned(),
    }
}
