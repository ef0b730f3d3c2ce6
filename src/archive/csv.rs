//! The console's "Download events" CSV: sixteen columns of each event, not the whole record.
//!
//! Source: a file downloaded from the console (event history); columns are told by their titles, not their order.

use serde_json::{Map, Value, json};

use super::error::FormError;

/// Whether the bytes begin with the titles of such a file.
pub(super) fn is_event_history(bytes: &[u8]) -> bool {
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let has = |title: &[u8]| memchr::memmem::find(first_line, title).is_some();
    has(b"Event time") && has(b"Event source") && has(b"Event name")
}

/// Brings the rows to `{"Records":[…]}`.
pub(super) fn to_records(bytes: &[u8]) -> Result<Vec<u8>, FormError> {
    let text = std::str::from_utf8(bytes).map_err(|error| FormError::new(error.valid_up_to(), "not UTF-8"))?;
    let mut rows = Rows { text, at: 0 };
    let titles = rows.next().transpose()?.map(|(_, cells)| cells).unwrap_or_default();
    let mut records = Vec::new();
    for row in rows {
        let (offset, cells) = row?;
        if cells.len() != titles.len() {
            let reason = format!("{} cells in a row of a CSV file with {} columns", cells.len(), titles.len());
            return Err(FormError::new(offset, reason));
        }
        let mut record = Map::new();
        for (title, cell) in titles.iter().zip(&cells).filter(|(_, cell)| !cell.is_empty()) {
            set(&mut record, title, cell);
        }
        records.push(Value::Object(record));
    }
    Ok(json!({ "Records": records }).to_string().into_bytes())
}

/// Sets what one cell says.
fn set(record: &mut Map<String, Value>, title: &str, cell: &str) {
    let field = match title.trim() {
        "Event time" => "eventTime",
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
    let Ok(Value::Array(mut resources)) = serde_json::from_str(cell) else { return json!(cell) };
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

/// Rows of RFC 4180: cells in quotes may hold commas, line ends, and quotes written twice.
struct Rows<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Rows<'_> {
    type Item = Result<(usize, Vec<String>), FormError>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.at;
        let mut rest = self.text.get(offset..).unwrap_or_default().char_indices().peekable();
        rest.peek()?;
        let (mut cells, mut cell, mut is_quoted) = (Vec::new(), String::new(), false);
        while let Some((i, c)) = rest.next() {
            match c {
                '"' if is_quoted && rest.peek().is_some_and(|(_, c)| *c == '"') => {
                    rest.next();
                    cell.push('"');
                }
                '"' => is_quoted = !is_quoted,
                ',' if !is_quoted => cells.push(std::mem::take(&mut cell)),
                '\n' if !is_quoted => {
                    self.at = offset + i + 1;
                    cells.push(cell);
                    return Some(Ok((offset, cells)));
                }
                '\r' if !is_quoted => {}
                c => cell.push(c),
            }
        }
        self.at = self.text.len();
        if is_quoted {
            return Some(Err(FormError::new(offset, "a quoted cell of a CSV file that doesn't end")));
        }
        cells.push(cell);
        Some(Ok((offset, cells)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row() {
        let csv = "User name,Event time,Event source,Event name,User agent,Resources,Read-only\r\n\
            Ann,2021-01-26T22:48:41Z,iam.amazonaws.com,X,\"a \"\"b\"\", c\",\"[{\"\"resourceType\"\":\"\"T\"\",\"\"resourceName\"\":\"\"n\"\"}]\",false\n";
        assert!(is_event_history(csv.as_bytes()));
        let records: Value = serde_json::from_slice(&to_records(csv.as_bytes()).unwrap()).unwrap();
        let expected = json!({"Records": [{
            "userIdentity": {"userName": "Ann"}, "eventTime": "2021-01-26T22:48:41Z", "eventSource": "iam.amazonaws.com",
            "eventName": "X", "userAgent": "a \"b\", c", "resources": [{"type": "T", "resourceName": "n"}],
            "readOnly": false,
        }]});
        assert_eq!(records, expected);
    }

    #[test]
    fn rows_that_make_no_sense() {
        let titles = "Event time,Event source,Event name\n";
        let short = format!("{titles}a,b\n");
        assert_eq!(to_records(short.as_bytes()).unwrap_err().offset_bytes, titles.len() as u64);
        assert!(to_records(format!("{titles}a,b,\"c\n").as_bytes()).is_err());
    }
}
