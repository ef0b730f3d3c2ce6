//! A digest of log objects: known, and no events.
//!
//! Source: CloudTrail User Guide, "CloudTrail digest file structure": `logFiles` stands in each, empty where
//! nothing was delivered.

use super::form::{Content, Form};
use super::object::Object;

/// What digests are counted as.
pub const DIGESTS: &str = "digests";

pub(super) const FORM: Form = Form { name: "digest", read };

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let has_fields = object.has("digestStartTime") && object.has("digestS3Object") && object.list("logFiles").is_some();
    // Two names must not hide events.
    let is_form = has_fields && object.get_any_case("Records").is_none();
    is_form.then_some(Content::Other(DIGESTS))
}
