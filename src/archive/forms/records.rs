//! `{"Records":[…]}` in any case and order of keys: its elements are events because it says so.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "Records", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    // Where several are spelt in other ways, the one that CloudTrail writes.
    let any_case = || object.get_any_case("Records").filter(|value| value.get().starts_with('['));
    Some(Content::Events(object.list("Records").or_else(any_case)?))
}
