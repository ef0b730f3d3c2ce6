//! `{"_raw":"…"}`, `{"result":{"_raw":"…"}}`, `{"results":[{"_raw":"…"}]}`, as Splunk exports events.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "Splunk", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    object.holder("_raw").or_else(|| object.holder("result")).map(Content::Inside)
}
