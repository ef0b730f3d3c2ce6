//! Whether a value is an event, for forms that have one in a member of any name.

use serde_json::value::RawValue;

use super::form::Content;
use super::object::Object;
use super::{event, notification};

/// Whether a value is an event as CloudTrail writes it.
pub(super) fn is_event_object(value: &RawValue) -> bool {
    let is_event = |object: Object<'_>| {
        (notification::FORM.read)(&object).is_none() && matches!((event::FORM.read)(&object), Some(Content::Event))
    };
    value.get().starts_with('{') && Object::parse(value.get()).is_ok_and(is_event)
}
