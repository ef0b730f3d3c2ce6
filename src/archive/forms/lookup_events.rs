//! `{"Events":[{"CloudTrailEvent":"…"}]}`, what `aws cloudtrail lookup-events` prints, and its rows alone.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "lookup-events", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    object.holder("CloudTrailEvent").or_else(|| object.list("Events")).map(Content::Inside)
}
