//! `{"detail-type":"AWS API Call via CloudTrail","detail":{…}}`, as EventBridge delivers events.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "EventBridge", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    object.holder("detail").map(Content::Inside)
}
