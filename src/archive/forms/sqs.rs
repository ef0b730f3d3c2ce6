//! `{"Messages":[{"MessageId":"…","Body":"…"}]}`: what `aws sqs receive-message` prints, and its messages alone, which
//! a Lambda function is given with lower-case names.
//!
//! Source: Amazon SQS API Reference, `ReceiveMessage` and `Message`; AWS Lambda Developer Guide, "Using Lambda with
//! Amazon SQS".

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "SQS", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    if object.has("MessageId") || object.has("ReceiptHandle") {
        return object.holder("Body").map(Content::Inside);
    }
    if object.has("messageId") || object.has("receiptHandle") {
        return object.holder("body").map(Content::Inside);
    }
    object.list("Messages").map(Content::Inside)
}
