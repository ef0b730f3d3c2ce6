//! `{"event":{…}}`: an event beside what somebody had to say about it, as rules, alerts and tests of many programs have it.

use super::form::{Content, Form};
use super::known_event::is_event_object;
use super::object::Object;

pub(super) const FORM: Form = Form { name: "wrapped event", read };

const NAMES: [&str; 4] = ["event", "Event", "record", "cloudtrail"];

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let event = NAMES.iter().filter_map(|name| object.get(name)).find(|value| is_event_object(value))?;
    Some(Content::Inside(event))
}
