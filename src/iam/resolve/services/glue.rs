//! `glue`: how its names are read; names with colons.

use crate::iam::arn::is_account_id;
use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    read: Some(read),
    // Users may give names with colons. Source: Glue API Reference, "NameString": no pattern but length.
    ends_with_colons: &["*"],
    ..ServiceRules::new("glue")
};

/// An account's own catalogue is called by the account's id. Source: Glue API Reference, GetTable, "CatalogId".
fn read(_: &str, variable: &str) -> Option<ValueReader> {
    let reader = ValueReader::new(|text| if is_account_id(text) { Reading::Other } else { Reading::Name(text) });
    (variable == "CatalogName").then_some(reader)
}
