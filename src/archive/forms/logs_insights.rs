//! `{"results":[[{"field":"@message","value":"…"}]]}`: what a query of CloudWatch Logs Insights gives
//! (`aws logs get-query-results`), and its rows as `{"@message":…}`. `cells` has rows that are lists.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "CloudWatch Logs Insights", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    object.holder("@message").or_else(|| object.list("results")).map(Content::Inside)
}
