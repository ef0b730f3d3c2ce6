//! `social-messaging`: tags on what it makes; how its names are read.

use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    deep_tags: &["AssociateWhatsAppBusinessAccount"],
    read: Some(|_, variable| match variable {
        "OriginationPhoneNumberId" => Some(ValueReader::new(|text| of(text, "phone-number-id-"))),
        "WabaId" => Some(ValueReader::new(|text| of(text, "waba-"))),
        _ => None,
    }),
    ..ServiceRules::new("social-messaging")
};

/// An id without what says its type, which an ARN has before a slash: `waba-0a1b` is `waba/0a1b`.
/// Source: botocore 1.44.5, socialmessaging, patterns of ids: `^waba-.*$`, `^arn:.*:waba/[0-9a-zA-Z]+$`.
fn of<'t>(text: &'t str, front: &str) -> Reading<'t> {
    text.strip_prefix(front).map_or(Reading::Other, Reading::Name)
}
