//! `{"event":{"original":"…"}}`: what Elastic and Logstash keep of an event beside their own fields.
//!
//! A search answers `{"hits":{"hits":[{"_source":{…}}]}}`.
//!
//! Source: Elastic Common Schema, `event.original`: the raw text of the whole event. Flattened exports have the key
//! with its dot.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "Elastic", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if let Some(hits) = object.object("hits").and_then(|hits| hits.list("hits")) {
        return Some(Content::Inside(hits));
    }
    if let Some(original) = object.holder("event.original").or_else(|| object.holder("_source")) {
        return Some(Content::Inside(original));
    }
    let event = object.get("event").filter(|event| event.get().starts_with('{'))?;
    let original = Object::parse(event.get()).ok()?.holder("original")?;
    Some(Content::Inside(original))
}

/// Elastic's own fields without the original event. Every other form is tried before.
pub(super) const WITHOUT_ORIGINAL: Form = Form { name: "Elastic", read: read_without };

fn read_without<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let is_form = object.has("aws.cloudtrail.event_type")
        || object.object("aws").is_some_and(|aws| aws.get("cloudtrail").is_some());
    let reason = "foreign: an event in Elastic's fields, without event.original\n\
                  hint: have the CloudTrail integration keep the original event";
    is_form.then_some(Content::Foreign(reason))
}
