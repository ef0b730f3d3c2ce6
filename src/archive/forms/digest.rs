//! A digest of log objects: known, and no events.

use super::form::{Content, Form};
use super::object::Object;

/// What digests are counted as.
pub const DIGESTS: &str = "digests";

pub(super) const FORM: Form = Form { name: "digest", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let is_form = object.has("digestStartTime") && object.has("digestS3Object");
    is_form.then_some(Content::Other(DIGESTS))
}
