//! Every form of JSON, in the order in which they are tried.

use super::form::{Content, Form};
use super::object::Object;
use super::{
    athena, cloudwatch_logs, digest, elastic, event, event_bridge, fluent_bit, lake, logs_insights, lookup_events,
    notification, ocsf, other_service, records, sign_file, sns, sole_list, splunk, sqs, wazuh, wrapped,
};

/// Every form, in the order of trying: what tells events comes before names that an event's fields may have one day.
pub(super) const FORMS: [Form; 22] = [
    digest::FORM,
    sign_file::FORM,
    ocsf::FORM,
    notification::FORM,
    event::FORM,
    records::FORM,
    athena::FORM,
    event_bridge::FORM,
    lookup_events::FORM,
    lake::FORM,
    elastic::FORM,
    sns::FORM,
    sqs::FORM,
    wazuh::FORM,
    logs_insights::FORM,
    cloudwatch_logs::FORM,
    splunk::FORM,
    fluent_bit::FORM,
    other_service::FORM,
    wrapped::FORM,
    sole_list::FORM,
    elastic::WITHOUT_ORIGINAL,
];

/// Whether an object is an event itself.
pub(super) fn is_event(text: &str) -> bool {
    let event = |object: Object<'_>| matches!((event::FORM.read)(&object), Some(Content::Event));
    Object::parse(text).is_ok_and(event)
}

#[cfg(test)]
mod tests {
    use super::FORMS;

    #[test]
    fn the_documentation_has_each_form() {
        let text = include_str!("../../../docs/forms.md");
        for form in &FORMS {
            assert!(text.contains(&format!("| **{}** |", form.name)), "docs/forms.md lacks {}", form.name);
        }
    }
}
