//! `{"Records":[…]}` in any case and order of keys: its elements are events because it says so.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "Records", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let list = object.get_any_case("Records").filter(|value| value.get().starts_with('['))?;
    Some(Content::Events(list))
}
