//! Rows of CloudTrail Lake: `aws cloudtrail get-query-results`, and `eventJson` or `eventData` columns. `cells` has rows that
//! are lists.

use super::cells::WHOLE;
use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "CloudTrail Lake", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let row = WHOLE.iter().find_map(|name| object.holder(name));
    row.or_else(|| object.list("QueryResultRows")).map(Content::Inside)
}
