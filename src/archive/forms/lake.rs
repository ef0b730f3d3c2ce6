//! Rows of CloudTrail Lake: `aws cloudtrail get-query-results`, and `eventJson` or `eventData` columns.
//!
//! Source: CloudTrail API Reference, `GetQueryResults`: `QueryResultRows` is a list of rows, each a list of maps of one
//! column's name and its value as text.

use std::borrow::Cow;

use super::form::{Content, Form};
use super::lake_csv;
use super::object::Object;
use super::row::Row;

pub(super) const FORM: Form = Form { name: "CloudTrail Lake", read };

const WHOLE: [&str; 3] = ["eventJson", "eventjson", "eventData"];

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if let Some(event) = WHOLE.iter().find_map(|name| object.holder(name)) {
        return Some(Content::Inside(event));
    }
    object.list("QueryResultRows").map(|rows| Content::Rows(rows, event_of))
}

/// The event of a row: whole, where a column holds it so, else of its columns.
fn event_of(cells: &[Object<'_>]) -> Result<String, String> {
    let members = || cells.iter().flat_map(Object::members);
    if let Some((_, event)) = members().find(|(name, _)| WHOLE.iter().any(|whole| whole.eq_ignore_ascii_case(name))) {
        return Ok(format!("{{\"eventJson\":{}}}", event.get()));
    }
    let titles: Vec<String> = members().map(|(name, _)| name.to_owned()).collect();
    if !lake_csv::is_columns(&titles) {
        return Err("a row without the columns that tell an event: eventTime, eventSource, eventName".to_owned());
    }
    let text = |value: &str| match serde_json::from_str::<Cow<'_, str>>(value) {
        Ok(text) => text.into_owned(),
        Err(_) if value == "null" => String::new(),
        Err(_) => value.to_owned(),
    };
    let cells: Vec<String> = members().map(|(_, value)| text(value.get())).collect();
    lake_csv::read_columns(Row { titles: &titles, cells: &cells })
}
