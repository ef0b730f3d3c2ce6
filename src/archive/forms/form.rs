//! The shape that each form of JSON has.

use serde_json::value::RawValue;

use super::object::Object;

/// A form of JSON.
pub(super) struct Form {
    /// What `docs/forms.md` calls it.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds the documentation to it"))]
    pub name: &'static str,
    /// What an object of this form is; `None` for one that isn't of it.
    pub read: for<'a> fn(&Object<'a>) -> Option<Content<'a>>,
}

/// What an object holds.
pub(super) enum Content<'a> {
    /// It is an event.
    Event,
    /// It is an event in other names; here it is in CloudTrail's.
    Written(String),
    /// Values that hold events.
    Inside(&'a RawValue),
    /// A list of events, because the object says so.
    Events(&'a RawValue),
    /// It is known, and holds no events.
    Nothing,
    /// It is no log of CloudTrail's, but a known other: which.
    Other(&'static str),
    /// It is known, and no event can be had from it: why.
    Foreign(&'static str),
}
