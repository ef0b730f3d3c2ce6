//! `{"anything":[…]}`: an object that has one list and nothing else is that list.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "sole list", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let mut members = object.members();
    let (_, value) = members.next().filter(|(_, value)| value.get().starts_with('['))?;
    members.next().is_none().then_some(Content::Inside(value))
}
