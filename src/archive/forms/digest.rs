//! A digest of log objects: known, and no events.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let is_form = object.has("digestStartTime") && object.has("digestS3Object");
    is_form.then_some(Content::Foreign("foreign: a digest of log objects, which holds no events"))
}
