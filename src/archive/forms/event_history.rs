//! The console's "Download events" CSV: sixteen columns of each event, not the whole record.
//!
//! Source: a file downloaded from the console (event history); columns are told by their titles, not their order.

use serde_json::{Map, Value, json};

use super::local_time;
use super::row::Row;
use crate::util::json;

/// Whether these titles are of such a file.
pub(super) fn is_form(titles: &[String]) -> bool {
    ["Event time", "Event source", "Event name"].iter().all(|title| titles.iter().any(|t| t.trim() == *title))
}

/// The event of one row.
pub(super) fn read(row: Row<'_>) -> Result<String, String> {
    let mut record = Map::new();
    for (title, cell) in row.titles.iter().zip(row.cells).filter(|(_, cell)| !cell.is_empty()) {
        set(&mut record, title, cell);
    }
    Ok(Value::Object(record).to_string())
}

/// Sets what one cell says.
fn set(record: &mut Map<String, Value>, title: &str, cell: &str) {
    let field = match title.trim() {
        "Event time" => {
            // As the console showed it, to whom it did.
            let time = local_time::utc(cell).unwrap_or_else(|| cell.to_owned());
            record.insert("eventTime".to_owned(), json!(time));
            return;
        }
        "Event source" => "eventSource",
        "Event name" => "eventName",
        "AWS region" => "awsRegion",
        "Source IP address" => "sourceIPAddress",
        "User agent" => "userAgent",
        "Error code" => "errorCode",
        "Request ID" => "requestID",
        "Event ID" => "eventID",
        "Event type" => "eventType",
        "Recipient Account Id" => "recipientAccountId",
        "Event category" => "eventCategory",
        "User name" => return set_identity(record, "userName", cell),
        "AWS access key" => return set_identity(record, "accessKeyId", cell),
        "Read-only" => {
            record.insert("readOnly".to_owned(), cell.parse().map_or_else(|_| json!(cell), Value::Bool));
            return;
        }
        "Resources" => {
            record.insert("resources".to_owned(), resources(cell));
            return;
        }
        other => other,
    };
    record.insert(field.to_owned(), json!(cell));
}

fn set_identity(record: &mut Map<String, Value>, field: &str, cell: &str) {
    let identity = record.entry("userIdentity").or_insert_with(|| json!({}));
    if let Some(identity) = identity.as_object_mut() {
        identity.insert(field.to_owned(), json!(cell));
    }
}

/// `[{"resourceType":…,"resourceName":…}]` with the field names of a record; a name that is no ARN keeps its field.
fn resources(cell: &str) -> Value {
    let Ok(Value::Array(mut resources)) = json::value(cell) else { return json!(cell) };
    for resource in resources.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(kind) = resource.remove("resourceType") {
            resource.insert("type".to_owned(), kind);
        }
        let is_arn = resource.get("resourceName").and_then(Value::as_str).is_some_and(|name| name.starts_with("arn:"));
        if is_arn && let Some(name) = resource.remove("resourceName") {
            resource.insert("ARN".to_owned(), name);
        }
    }
    Value::Array(resources)
}
