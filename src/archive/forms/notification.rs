//! What a notification or a Lambda function is given in `{"Records":[…]}`. Fields have the names of an event's, but an
//! `eventSource` like `aws:s3`, where CloudTrail has a service's host name.
//!
//! Source: Amazon S3 User Guide, "Event message structure"; AWS Lambda Developer Guide, the example events of Amazon S3,
//! SNS, SQS and Kinesis.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "notification", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if object.has("s3ObjectKey") && object.has("s3Bucket") {
        return Some(Content::Other("notifications of CloudTrail's log files"));
    }
    if object.text_is("Event", "s3:TestEvent") {
        return Some(Content::Other(S3));
    }
    let source = object.get("eventSource").or_else(|| object.get("EventSource"))?.get();
    let source = source.strip_prefix("\"aws:")?.strip_suffix('"')?;
    Some(match source {
        "sqs" => {
            object.holder("body").map_or(Content::Foreign("foreign: an SQS message without a body"), Content::Inside)
        }
        "sns" => {
            object.holder("Sns").map_or(Content::Foreign("foreign: an SNS record without a message"), Content::Inside)
        }
        "s3" => Content::Other(S3),
        "kinesis" => Content::Foreign("foreign: a Kinesis record, whose data is not unpacked"),
        _ => Content::Other("events of other services for Lambda functions"),
    })
}

const S3: &str = "S3 notifications";

/// Where in a list of records the first shows that it may be a notification.
const LOOKED_AT: usize = 512;

/// Whether the first record, behind its brace, may be none of CloudTrail's: cheap, and asked of every object.
pub(super) fn may_be(record: &[u8]) -> bool {
    const FIRST_KEYS: [&[u8]; 5] =
        [b"\"messageId\"", b"\"EventSource\"", b"\"EventVersion\"", b"\"kinesis\"", b"\"attributes\""];
    let begin = record.trim_ascii_start();
    FIRST_KEYS.iter().any(|key| begin.starts_with(key))
        || memchr::memmem::find(record.get(..LOOKED_AT.min(record.len())).unwrap_or_default(), b"\"aws:").is_some()
}
