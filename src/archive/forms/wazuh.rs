//! Wazuh's alerts and archives: `full_log` holds what its AWS module sent, `{"integration":"aws","aws":{…}}`, and `data`
//! the same as objects.
//!
//! The module takes out fields that are null, adds `log_info`, `source` and `source_ip_address`, makes one element of a list
//! of one, and wraps three fields that are no objects as `{"string":"…"}`. The last is undone here and what was added is
//! left out; the rest is lost.
//!
//! Source: Wazuh, `wodles/aws/buckets_s3/aws_bucket.py` and `cloudtrail.py`.

use serde_json::Value;
use serde_json::value::RawValue;

use super::form::{Content, Form};
use super::object::Object;
use crate::util::json;

pub(super) const FORM: Form = Form { name: "Wazuh", read };

const ADDED: [&str; 3] = ["log_info", "source", "source_ip_address"];

const WRAPPED: [&str; 3] = ["additionalEventData", "responseElements", "requestParameters"];

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if object.text_is("integration", "aws") {
        return event(object.get("aws")?);
    }
    let data = object.object("data").filter(|data| data.text_is("integration", "aws"));
    match object.get("full_log").filter(|log| log.get().contains("integration")) {
        Some(log) => Some(Content::Inside(log)),
        None => event(data?.get("aws")?),
    }
}

fn event<'a>(aws: &RawValue) -> Option<Content<'a>> {
    let mut event = json::object(aws.get())?;
    if !event.contains_key("eventName") {
        return Some(Content::Other("events of other services in Wazuh's form"));
    }
    ADDED.iter().for_each(|name| drop(event.shift_remove(*name)));
    for name in WRAPPED {
        let Some(Value::Object(members)) =
            event.get(name).filter(|value| value.as_object().is_some_and(|m| m.len() == 1))
        else {
            continue;
        };
        // Python's `str` of what it was.
        let was = match members.get("string") {
            Some(Value::String(text)) if text == "None" => Value::Null,
            Some(Value::String(text)) => Value::from(text.as_str()),
            _ => continue,
        };
        event.insert(name.to_owned(), was);
    }
    Some(Content::Written(Value::Object(event).to_string()))
}
