//! An event in the form of OCSF, which is made from CloudTrail's.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let reason = "foreign: an event in OCSF's form\nhint: give the archive it was made from";
    object.has("class_uid").then_some(Content::Foreign(reason))
}
