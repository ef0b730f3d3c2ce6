//! Lines with something before the JSON: `2024-05-01T09:00:00.000Z {…}`, as exports of CloudWatch Logs to S3 have them.
//!
//! Source: CloudWatch Logs User Guide, "Exporting log data to Amazon S3": each line begins with the time of ingestion.

use serde_json::value::RawValue;

use super::blanks::brace_of;
use super::events::{Events, Value};

/// Whether the first line is of this form.
pub(super) fn is_form(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let Some(brace) = brace_of(first) else { return false };
    let key = first.get(brace + 1..).unwrap_or_default().trim_ascii_start();
    first.get(..brace).is_some_and(|prefix| prefix.iter().any(u8::is_ascii_digit)) && matches!(key.first(), Some(b'"'))
}

/// Whether a line may begin so before its JSON: with nothing, or with a time among other things.
fn is_prefix(prefix: &str) -> bool {
    prefix.is_empty() || prefix.bytes().any(|byte| byte.is_ascii_digit()) && !prefix.contains('"')
}

/// The events of all lines.
pub(super) fn events(bytes: &[u8]) -> Events {
    let (mut events, mut offset) = (Events::default(), 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        let sound = line.trim_ascii_start();
        let begin = offset + line.len() - sound.len();
        offset += line.len() + 1;
        if sound.is_empty() {
            continue;
        }
        let text = match std::str::from_utf8(sound) {
            Ok(text) => text.trim_end(),
            Err(error) => {
                events.refuse(begin, format!("not UTF-8 at byte {}", begin + error.valid_up_to()));
                continue;
            }
        };
        let brace = brace_of(sound).unwrap_or(0);
        let (prefix, json) = text.split_at_checked(brace).unwrap_or_default();
        let values = serde_json::Deserializer::from_str(json).into_iter::<&RawValue>();
        match values.collect::<Result<Vec<&RawValue>, _>>() {
            // Where JSON stands before the brace, the begin of the line is lost.
            Ok(values) if !values.is_empty() && is_prefix(prefix) => {
                for value in values {
                    let offset = begin + brace + Value::within(json, value.get()).offset;
                    events.add(Value::at(value.get(), offset), 0);
                }
            }
            Ok(_) => events.refuse(begin, "a line that holds no JSON"),
            Err(error) => events.refuse(begin, format!("a line that holds no JSON ({error})")),
        }
    }
    events
}
