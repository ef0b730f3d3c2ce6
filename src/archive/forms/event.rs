//! An event as CloudTrail writes it, alone.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "event", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let is_form = object.has("eventVersion") || object.has("eventSource") && object.has("eventName");
    is_form.then_some(Content::Event)
}
