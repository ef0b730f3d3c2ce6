//! Every form of JSON, in the order in which they are tried.

use super::form::{Content, Form};
use super::object::Object;
use super::{
    athena, cloudwatch_logs, digest, elastic, event, event_bridge, fluent_bit, lake, lookup_events, ocsf, records,
    splunk,
};

/// Every form, in the order of trying: what tells events comes before names that an event's fields may have one day.
pub(super) const FORMS: [Form; 12] = [
    digest::FORM,
    ocsf::FORM,
    event::FORM,
    records::FORM,
    athena::FORM,
    event_bridge::FORM,
    lookup_events::FORM,
    lake::FORM,
    elastic::FORM,
    cloudwatch_logs::FORM,
    splunk::FORM,
    fluent_bit::FORM,
];

/// Whether an object is an event itself.
pub(super) fn is_event(text: &str) -> bool {
    let event = |object: Object<'_>| matches!((event::FORM.read)(&object), Some(Content::Event));
    Object::parse(text).is_ok_and(event)
}
