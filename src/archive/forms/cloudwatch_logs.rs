//! `{"logEvents":[{"message":"…"}]}`: CloudWatch Logs, by `filter-log-events`, by a subscription, through Firehose.
//!
//! A subscription sends control messages, with `messageType` `CONTROL_MESSAGE`, to check that its destination is
//! reachable. Source: CloudWatch Logs User Guide, "Log group-level subscription filters".

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "CloudWatch Logs", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if object.get("messageType").is_some_and(|kind| kind.get() == "\"CONTROL_MESSAGE\"") {
        return Some(Content::Nothing);
    }
    let list = object.list("logEvents").or_else(|| object.list("events"));
    list.or_else(|| object.holder("message")).map(Content::Inside)
}
