//! A second payload: events in an object beside those that its form tells.
//!
//! A form takes one member of an object. Programs keep the same event twice (Wazuh's `full_log` and `data`, Elastic's
//! `message`); a copy may be passed over. Other events in a second member would be lost without a word:
//! they are refused.

use std::cell::LazyCell;
use std::collections::HashSet;

use serde_json::value::RawValue;

use super::object::Object;

pub(super) const REASON: &str = "a second payload: events beside what the object was taken for\n\
                                 hint: give each payload an object of its own";

/// What stands in each event, in a form's names or others, or may write it in another way.
const HINTS: [&str; 3] = ["event", "class_uid", "\\u"];

/// Members beside the one that was taken that hold other events than `events`, which came of it: elements of a list, as
/// `events_of` gives those of a member.
pub(super) fn payloads<'a>(
    object: &Object<'a>,
    taken: Option<&'a RawValue>,
    events: &[u8],
    events_of: &dyn Fn(&RawValue) -> Vec<u8>,
) -> Vec<&'a RawValue> {
    let known = LazyCell::new(|| names(events));
    let is_taken = |value: &RawValue| taken.is_some_and(|taken| std::ptr::eq(taken, value));
    let is_payload = |value: &&RawValue| {
        let text = value.get();
        if is_taken(value) || !text.starts_with(['[', '{', '"']) || !HINTS.iter().any(|hint| text.contains(hint)) {
            return false;
        }
        !names(&events_of(value)).is_subset(&known)
    };
    object.members().map(|(_, value)| value).filter(is_payload).collect()
}

/// What tells each event from others: its ID and what it says it is, or all of it where it has none.
fn names(elements: &[u8]) -> HashSet<String> {
    let list = [b"[", elements, b"]"].concat();
    let name = |event: &&RawValue| match Object::parse(event.get()) {
        Ok(object) if object.holder("eventID").is_some() => {
            let field = |name| object.get(name).map_or("", RawValue::get);
            ["eventID", "eventName", "eventSource", "eventTime"].map(field).join("\n")
        }
        _ => event.get().to_owned(),
    };
    serde_json::from_slice::<Vec<&RawValue>>(&list).unwrap_or_default().iter().map(name).collect()
}
