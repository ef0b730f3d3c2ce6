//! `{"log":"…"}`, as Fluent Bit wraps a line.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "Fluent Bit", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    object.holder("log").map(Content::Inside)
}
