//! The sign file beside the results of a CloudTrail Lake query: known, and no events.
//!
//! Source: CloudTrail User Guide, "CloudTrail Lake sign file structure"; the AWS CLI's `cloudtrail verify-query-results`.

use super::form::{Content, Form};
use super::object::Object;

pub(super) const FORM: Form = Form { name: "sign file", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let is_form = object.has("hashSignature") && object.has("publicKeyFingerprint") && object.list("files").is_some();
    is_form.then_some(Content::Other("sign files of CloudTrail Lake"))
}
