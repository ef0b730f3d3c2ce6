//! Rows of CloudTrail Lake: `get-query-results` and `eventJson` or `eventData` columns.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let row = object.holder("eventJson").or_else(|| object.holder("eventjson")).or_else(|| object.holder("eventData"));
    row.or_else(|| object.list("QueryResultRows")).map(Content::Inside)
}
