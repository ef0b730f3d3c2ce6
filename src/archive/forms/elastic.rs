//! `{"event":{"original":"…"}}`: what Elastic and Logstash keep of an event beside their own fields.
//!
//! Source: Elastic Common Schema, `event.original`: the raw text of the whole event. Flattened exports have the key
//! with its dot.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if let Some(original) = object.holder("event.original").or_else(|| object.holder("_source")) {
        return Some(Content::Inside(original));
    }
    let event = object.get("event").filter(|event| event.get().starts_with('{'))?;
    let original = Object::parse(event.get()).ok()?.holder("original")?;
    Some(Content::Inside(original))
}
