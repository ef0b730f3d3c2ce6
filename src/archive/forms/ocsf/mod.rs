//! `{"class_uid":6003,…}`: an event in the form of OCSF, as Amazon Security Lake writes it.
//!
//! Where the original is kept (`raw_data`, or whole in `unmapped`), it is taken. Else it is put together again, as far as
//! what was mapped can be mapped back: [`map`]. Nothing is invented.
//!
//! Source: Security Lake User Guide, "OCSF source identification": events of CloudTrail have `metadata.product.name`
//! `CloudTrail`. Events of other products are known others.

mod map;
mod tree;

use serde_json::{Map, Value};

use super::form::{Content, Form};
use super::known_event::is_event_object;
use super::object::Object;
use crate::util::json;
use tree::{at, text_at};

pub(super) const FORM: Form = Form { name: "OCSF", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if !object.has("class_uid") {
        return None;
    }
    if let Some(raw) = object.holder("raw_data").filter(|raw| holds_event(raw.get())) {
        return Some(Content::Inside(raw));
    }
    if let Some(unmapped) = object.get("unmapped").filter(|unmapped| is_event_object(unmapped)) {
        return Some(Content::Inside(unmapped));
    }
    let mut members = Map::new();
    for (key, value) in object.members() {
        // What serde_json can't read (nested too deep, a lone surrogate) can't be mapped either.
        let Ok(value) = json::value(value.get()) else {
            return Some(Content::Foreign("foreign: an event in OCSF's form that can't be read"));
        };
        members.insert(key.to_owned(), value);
    }
    Some(content(&Value::Object(members)))
}

/// Whether a text or an object may be an event of CloudTrail's, by names in it.
fn holds_event(json: &str) -> bool {
    json.contains("eventSource") && json.contains("eventName")
}

fn content<'a>(event: &Value) -> Content<'a> {
    let is_of_trail = match text_at(event, "metadata.product.name") {
        Some(product) => is_trail(product),
        // Without a product, as a query of some columns gives it.
        None => text_at(event, "api.service.name").is_some_and(|service| service.ends_with(".amazonaws.com")),
    };
    match (is_of_trail, at(event, "api.operation")) {
        (false, _) => Content::Other("events of other products in OCSF's form"),
        (true, None | Some(Value::Null)) => Content::Foreign("foreign: an event in OCSF's form without its operation"),
        (true, Some(_)) => Content::Written(map::event(event).to_string()),
    }
}

/// Whether a product is CloudTrail, as people write it: in any case, with AWS before it or without.
fn is_trail(product: &str) -> bool {
    let mut words = product.split_ascii_whitespace();
    let first = words.next().filter(|word| !word.eq_ignore_ascii_case("AWS")).or_else(|| words.next());
    first.is_some_and(|word| word.eq_ignore_ascii_case("CloudTrail")) && words.next().is_none()
}
