//! `organizations`: what its ids begin with.

use crate::iam::resolve::service_rules::{IdPrefix, Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    id_prefixes: &[
        ("account", IdPrefix::Account),
        ("organizationalunit", IdPrefix::Text("ou-")),
        ("root", IdPrefix::Text("r-")),
        ("policy", IdPrefix::Text("p-")),
    ],
    read: Some(read),
    ..ServiceRules::new("organizations")
};

/// AWS's own policies are called by names with capitals, `p-FullAWSAccess`; ids of those that an organization makes
/// have none. Source: Organizations User Guide, "Managing SCPs" and its examples of policies' ids.
fn read(kind: &str, variable: &str) -> Option<ValueReader> {
    match (kind, variable) {
        ("awspolicy", "PolicyId") => Some(ValueReader::new(|text| policy(text, true))),
        ("policy", "PolicyId") => Some(ValueReader::new(|text| policy(text, false))),
        _ => None,
    }
}

fn policy(text: &str, is_of_aws: bool) -> Reading<'_> {
    let id = text.strip_prefix("p-").unwrap_or(text);
    let has_capitals = id.bytes().any(|letter| letter.is_ascii_uppercase());
    if has_capitals == is_of_aws { Reading::Name(id) } else { Reading::Other }
}
