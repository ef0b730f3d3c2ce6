//! `sms-voice`: how its names are read.

use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    read: Some(|_, variable| match variable {
        "PhoneNumberId" => Some(ValueReader::new(phone_number)),
        "PoolId" => Some(ValueReader::new(|text| with(text, "pool-"))),
        "RcsAgentId" => Some(ValueReader::new(|text| with(text, "rcs-"))),
        "SenderId" => Some(ValueReader::new(sender)),
        _ => None,
    }),
    ..ServiceRules::new("sms-voice")
};

/// An origination identity is of any type: ids of three of them begin with its name, and a sender's is a word.
/// Source: AWS End User Messaging SMS API Reference, SendTextMessage, "OriginationIdentity"; User Guide, examples.
const FRONTS: [&str; 3] = ["phone-", "pool-", "rcs-"];

fn with<'t>(text: &'t str, front: &str) -> Reading<'t> {
    if text.starts_with(front) { Reading::Name(text) } else { Reading::Other }
}

/// A number itself is no part of an ARN.
fn phone_number(text: &str) -> Reading<'_> {
    let is_number = text.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if is_number { Reading::Exactly("*".to_owned()) } else { with(text, "phone-") }
}

fn sender(text: &str) -> Reading<'_> {
    let is_other = text.starts_with('+') || FRONTS.iter().any(|front| text.starts_with(front));
    if is_other { Reading::Other } else { Reading::Name(text) }
}
