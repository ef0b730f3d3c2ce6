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

/// AWS's own policies are called by names with capitals, `p-FullAWSAccess`: an id without any is none of them. An
/// organization's own may have some. Source: Organizations User Guide, "Managing SCPs"; API Reference, PolicyId.
fn read(kind: &str, variable: &str) -> Option<ValueReader> {
    ((kind, variable) == ("awspolicy", "PolicyId")).then(|| ValueReader::new(of_aws))
}

fn of_aws(text: &str) -> Reading<'_> {
    let id = text.strip_prefix("p-").unwrap_or(text);
    if id.bytes().any(|letter| letter.is_ascii_uppercase()) { Reading::Name(id) } else { Reading::Other }
}
