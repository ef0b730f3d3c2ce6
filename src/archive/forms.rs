//! The forms in which events come, brought to the one in which CloudTrail writes them: `{"Records":[…]}`.
//!
//! | form | where from |
//! |---|---|
//! | `{"Records":[…]}` | CloudTrail's own; passes untouched |
//! | several of them, one after the other | objects put together by `cat`; pass untouched |
//! | `[…]`, one event, events one after the other (NDJSON) | exports, `jq -c '.Records[]'` |
//! | `{"detail":{…}}` | EventBridge |
//! | `{"Events":[{"CloudTrailEvent":"…"}]}`, also its rows alone | `aws cloudtrail lookup-events` |
//! | `{"events":[{"message":"…"}]}`, `{"logEvents":[{"message":"…"}]}` | CloudWatch Logs, Firehose |
//! | `{"_raw":"…"}`, `{"result":{"_raw":"…"}}` | Splunk |
//! | CSV | the console's "Download events" |
//!
//! Events are carried over as text, byte for byte: no number and no order of fields changes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::csv;
use super::error::FormError;

const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

/// Wrappings that lie in one another at the most.
const DEPTH_MAX: usize = 8;

/// Brings inflated bytes to `{"Records":[…]}`.
///
/// Bytes that begin like that pass untouched, whatever follows (a byte order mark becomes blanks): judging them is the
/// record parser's. For other forms the offsets of the result are its own.
///
/// # Errors
/// JSON that holds no events (a digest, something foreign), or no JSON.
pub fn normalise(mut bytes: Vec<u8>) -> Result<Vec<u8>, FormError> {
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.iter_mut().take(BYTE_ORDER_MARK.len()).for_each(|byte| *byte = b' ');
    }
    if is_main_form(&bytes) { Ok(bytes) } else { rewrite(&bytes) }
}

/// Whether the bytes begin with `{"Records"`.
fn is_main_form(bytes: &[u8]) -> bool {
    let brace = skip_blanks(bytes, 0);
    let key = skip_blanks(bytes, brace + 1);
    bytes.get(brace) == Some(&b'{') && bytes.get(key..).is_some_and(|rest| rest.starts_with(b"\"Records\""))
}

fn skip_blanks(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

fn rewrite(bytes: &[u8]) -> Result<Vec<u8>, FormError> {
    let start = skip_blanks(bytes, 0);
    match bytes.get(start) {
        Some(b'{' | b'[') => {}
        None => return Err(FormError::new(start, "empty: nothing but blanks")),
        Some(_) if csv::is_event_history(bytes) => return csv::to_records(bytes),
        Some(0x1f) => return Err(FormError::new(start, "foreign: gzip within gzip\nhint: unpack it once")),
        Some(_) => return Err(FormError::new(start, "foreign: not JSON")),
    }
    let text = std::str::from_utf8(bytes).map_err(|error| FormError::new(error.valid_up_to(), "not UTF-8"))?;
    let mut records = Records::default();
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut offset = start;
    while let Some(document) = documents.next() {
        let document =
            document.map_err(|error| FormError::new(offset_of(text, &error), format!("not JSON: {error}")))?;
        records.add(document.get(), 0).map_err(|reason| FormError::new(offset, reason))?;
        offset = skip_blanks(bytes, documents.byte_offset());
    }
    Ok(records.finish())
}

/// Byte offset of a line and column as serde_json counts them.
fn offset_of(text: &str, error: &serde_json::Error) -> usize {
    if error.is_eof() {
        return text.len();
    }
    let lines_before = error.line().saturating_sub(1);
    let line_start = match lines_before.checked_sub(1) {
        None => 0,
        Some(last) => memchr::memchr_iter(b'\n', text.as_bytes()).nth(last).map_or(text.len(), |at| at + 1),
    };
    (line_start + error.column().saturating_sub(1)).min(text.len())
}

/// Events put together.
#[derive(Default)]
struct Records {
    json: Vec<u8>,
}

/// The fields by which wrappings and events are told apart.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<&'a RawValue>,
    #[serde(borrow, rename = "detail")]
    detail: Option<&'a RawValue>,
    #[serde(borrow, rename = "CloudTrailEvent")]
    cloud_trail_event: Option<&'a RawValue>,
    #[serde(borrow, rename = "Events")]
    lookup_events: Option<&'a RawValue>,
    #[serde(borrow, rename = "events")]
    events: Option<&'a RawValue>,
    #[serde(borrow, rename = "logEvents")]
    log_events: Option<&'a RawValue>,
    #[serde(borrow, rename = "message")]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "_raw")]
    raw: Option<&'a RawValue>,
    #[serde(borrow, rename = "result")]
    result: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventVersion")]
    event_version: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventSource")]
    event_source: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventName")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow, rename = "digestStartTime")]
    digest_start_time: Option<&'a RawValue>,
    #[serde(borrow, rename = "digestS3Object")]
    digest_object: Option<&'a RawValue>,
    #[serde(borrow, rename = "class_uid")]
    ocsf_class: Option<&'a RawValue>,
}

impl Records {
    /// Adds the events of one JSON value, or says why it holds none.
    fn add(&mut self, json: &str, depth: usize) -> Result<(), String> {
        if depth > DEPTH_MAX {
            return Err(format!("foreign: more than {DEPTH_MAX} wrappings"));
        }
        match json.as_bytes().first() {
            Some(b'[') => self.add_all(json, depth),
            Some(b'{') => self.add_object(json, depth),
            Some(b'"') => {
                let text: Cow<'_, str> = serde_json::from_str(json).map_err(|error| error.to_string())?;
                let inner: &RawValue = serde_json::from_str(text.trim())
                    .map_err(|error| format!("foreign: a string that holds no JSON ({error})"))?;
                // One event a string, whatever is in it: a string of a string is no form that anybody writes.
                if inner.get().starts_with(['{', '[']) { self.add(inner.get(), depth + 1) } else { Err(foreign()) }
            }
            _ => Err(foreign()),
        }
    }

    fn add_all(&mut self, json: &str, depth: usize) -> Result<(), String> {
        let values: Vec<&RawValue> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        values.iter().enumerate().try_for_each(|(i, value)| {
            self.add(value.get(), depth + 1).map_err(|reason| format!("{reason} (element {i})"))
        })
    }

    fn add_object(&mut self, json: &str, depth: usize) -> Result<(), String> {
        // A field that stands twice: the record parser knows what to do with those of an event.
        let fields: Fields<'_> = match serde_json::from_str(json) {
            Ok(fields) => fields,
            Err(error) if error.to_string().starts_with("duplicate field") => {
                self.push(json);
                return Ok(());
            }
            Err(error) => return Err(error.to_string()),
        };
        if fields.digest_start_time.is_some() && fields.digest_object.is_some() {
            return Err("foreign: a digest of log objects, which holds no events".to_owned());
        }
        if fields.ocsf_class.is_some() {
            return Err("foreign: an event in OCSF's form\nhint: give the archive it was made from".to_owned());
        }
        // In front of `events` and the like: names that an event's fields may have one day.
        if fields.event_version.is_some() || (fields.event_source.is_some() && fields.event_name.is_some()) {
            self.push(json);
            return Ok(());
        }
        if let Some(records) = fields.records.filter(|value| value.get().starts_with('[')) {
            return self.add_records(records);
        }
        let wrapped = [
            fields.detail,
            fields.cloud_trail_event,
            fields.lookup_events,
            fields.events,
            fields.log_events,
            fields.message,
            fields.raw,
            fields.result,
        ];
        match wrapped.into_iter().flatten().next() {
            Some(inner) => self.add(inner.get(), depth + 1),
            None => Err(foreign()),
        }
    }

    /// CloudTrail's own form: its elements are events because it says so.
    fn add_records(&mut self, records: &RawValue) -> Result<(), String> {
        let events: Vec<&RawValue> = serde_json::from_str(records.get()).map_err(|error| error.to_string())?;
        events.iter().for_each(|event| self.push(event.get()));
        Ok(())
    }

    fn push(&mut self, event: &str) {
        self.json.extend_from_slice(if self.json.is_empty() { b"{\"Records\":[" } else { b",\n" });
        self.json.extend_from_slice(event.as_bytes());
    }

    fn finish(mut self) -> Vec<u8> {
        if self.json.is_empty() {
            self.json.extend_from_slice(b"{\"Records\":[");
        }
        self.json.extend_from_slice(b"]}");
        self.json
    }
}

fn foreign() -> String {
    "foreign: JSON, but no CloudTrail events".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"eventVersion":"1.08","n":12345678901234567890.10,"eventName":"A"}"#;

    fn records_of(text: &str) -> Vec<String> {
        let bytes = normalise(text.as_bytes().to_vec()).unwrap();
        #[derive(Deserialize)]
        struct Whole {
            #[serde(rename = "Records")]
            records: Vec<Box<RawValue>>,
        }
        let wholes = serde_json::Deserializer::from_slice(&bytes).into_iter::<Whole>().map(Result::unwrap);
        wholes.flat_map(|whole| whole.records).map(|record| record.get().to_owned()).collect()
    }

    fn reason_of(text: &str) -> (u64, String) {
        let error = normalise(text.as_bytes().to_vec()).unwrap_err();
        (error.offset_bytes, error.reason)
    }

    #[test]
    fn the_main_form_passes_untouched_even_when_broken() {
        for text in
            [r#"{"Records":[]}"#, " \n{ \"Records\" : [1,2", "{\"Records\":7}\0", r#"{"Records":["{\"Records\""]}"#]
        {
            assert_eq!(normalise(text.as_bytes().to_vec()).unwrap(), text.as_bytes());
        }
        assert_eq!(normalise(b"\xef\xbb\xbf{\"Records\":[\xff".to_vec()).unwrap(), b"   {\"Records\":[\xff");
    }

    #[test]
    fn every_wrapping_gives_the_event_byte_for_byte() {
        let quoted = serde_json::to_string(EVENT).unwrap();
        for form in [
            EVENT.to_owned(),
            format!("[{EVENT}]"),
            format!("{{\"x\":1,\"Records\":[{EVENT}]}}"),
            format!("{{\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":{EVENT}}}"),
            format!("{{\"Events\":[{{\"EventName\":\"A\",\"CloudTrailEvent\":{quoted}}}]}}"),
            format!("{{\"events\":[{{\"message\":{quoted}}}]}}"),
            format!("{{\"logGroup\":\"x\",\"logEvents\":[{{\"id\":\"1\",\"message\":{quoted}}}]}}"),
            format!("[{{\"_raw\":{quoted}}}]"),
            format!("{{\"preview\":false,\"result\":{{\"_raw\":{quoted}}}}}"),
        ] {
            assert_eq!(records_of(&form), [EVENT], "{form}");
            assert_eq!(records_of(&format!("\u{feff}{form}\n{form}\n")), [EVENT, EVENT], "{form}");
        }
    }

    #[test]
    fn objects_put_together_by_cat() {
        let one = format!("{{\"Records\":[{EVENT},{EVENT}]}}");
        assert_eq!(records_of(&format!("{one}{one}\n{one}")).len(), 6);
    }

    #[test]
    fn nothing_in_it_is_not_an_error() {
        assert!(records_of("[]").is_empty());
        assert!(records_of("{\"Events\":[]}").is_empty());
    }

    #[test]
    fn what_holds_no_events_is_refused_with_place_and_reason() {
        let digest = r#"{"awsAccountId":"1","digestStartTime":"t","digestS3Object":"o"}"#;
        assert!(reason_of(digest).1.contains("digest"));
        assert!(reason_of(r#"{"class_uid":6003}"#).1.contains("OCSF"));
        assert_eq!(reason_of(&format!("{EVENT}\n  {{\"a\":1}}")).0, EVENT.len() as u64 + 3);
        assert_eq!(reason_of(&format!("{EVENT}\n{{\"a\":")).0, EVENT.len() as u64 + 6);
        for text in ["  ", "hello", "{}", "7", "[7]", "\"x\"", "\u{1f}\u{8b}", "[[[[[[[[[[[[]]]]]]]]]]]]"] {
            assert!(normalise(text.as_bytes().to_vec()).is_err(), "{text}");
        }
        assert_eq!(reason_of("[{\"detail\":\"\"}]").0, 0);
    }

    #[test]
    fn not_utf8_says_where() {
        let error = normalise(b"[{\"a\":\"\xff\"}]".to_vec()).unwrap_err();
        assert_eq!((error.offset_bytes, error.reason.as_str()), (7, "not UTF-8"));
    }
}
