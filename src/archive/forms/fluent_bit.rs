//! `{"log":"…"}`, as Fluent Bit wraps a line.

use super::{Content, Form, Object};

pub(super) const FORM: Form = Form { read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    object.holder("log").map(Content::Inside)
}
