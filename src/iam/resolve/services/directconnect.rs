//! `directconnect`: tags on what it makes.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { tagged_types: Some(|operation, _| tagged(operation)), ..ServiceRules::new("directconnect") };

/// Tags are for what is made on a connection or in a LAG, not for that.
/// Source: Direct Connect API Reference, CreatePrivateVirtualInterface, AllocateHostedConnection, CreateLag, "tags".
fn tagged(operation: &str) -> Option<BTreeSet<String>> {
    let kinds = [("VirtualInterface", "dxvif"), ("Lag", "dxlag"), ("Connection", "dxcon")];
    let makes = ["Allocate", "Create"].iter().any(|verb| operation.starts_with(verb));
    let said = kinds.iter().find(|(word, _)| makes && operation.ends_with(word));
    said.map(|(_, kind)| BTreeSet::from([(*kind).to_owned()]))
}
