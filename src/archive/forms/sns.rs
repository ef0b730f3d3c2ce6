//! `{"Type":"Notification","Message":"…"}`: what Amazon SNS sends, with EventBridge's or another form in its message.
//!
//! Source: Amazon SNS Developer Guide, "Parsing Amazon SNS message formats".

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "SNS", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if !object.has("TopicArn") {
        return None;
    }
    if object.text_is("Type", "SubscriptionConfirmation") || object.text_is("Type", "UnsubscribeConfirmation") {
        return Some(Content::Nothing);
    }
    object.holder("Message").map(Content::Inside)
}
