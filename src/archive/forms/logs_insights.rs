//! `{"results":[[{"field":"@message","value":"…"}]]}`: what a query of CloudWatch Logs Insights gives
//! (`aws logs get-query-results`), and the rows as `{"@message":…}` that its console exports.
//!
//! Source: Amazon CloudWatch Logs API Reference, `GetQueryResults`.

use serde_json::value::RawValue;

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "CloudWatch Logs Insights", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if let Some(message) = object.holder("@message") {
        return Some(Content::Inside(message));
    }
    let list = object.list("results")?;
    let rows: Vec<&RawValue> = serde_json::from_str(list.get()).ok()?;
    // Elsewhere results are objects.
    if rows.iter().all(|row| row.get().starts_with('[')) && !rows.is_empty() {
        return Some(Content::Rows(list, message_of));
    }
    None
}

fn message_of(cells: &[Object<'_>]) -> Result<String, String> {
    let message = cells.iter().find(|cell| cell.text_is("field", "@message")).and_then(|cell| cell.get("value"));
    let message = message.ok_or("a row without @message")?;
    Ok(format!("{{\"@message\":{}}}", message.get()))
}
