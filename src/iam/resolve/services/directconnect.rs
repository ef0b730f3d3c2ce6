//! `directconnect`: tags on what it makes; how its ids are read.

use std::collections::BTreeSet;

use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    tagged_types: Some(|operation, _| tagged(operation)),
    read: Some(read),
    ..ServiceRules::new("directconnect")
};

/// Tags are for what is made on a connection or in a LAG, not for that.
/// Source: Direct Connect API Reference, CreatePrivateVirtualInterface, AllocateHostedConnection, CreateLag, "tags".
fn tagged(operation: &str) -> Option<BTreeSet<String>> {
    let kinds = [("VirtualInterface", "dxvif"), ("Lag", "dxlag"), ("Connection", "dxcon")];
    let makes = ["Allocate", "Create"].iter().any(|verb| operation.starts_with(verb));
    let said = kinds.iter().find(|(word, _)| makes && operation.ends_with(word));
    said.map(|(_, kind)| BTreeSet::from([(*kind).to_owned()]))
}

/// A LAG, `dxlag-…`, may stand where a connection does, `dxcon-…`.
/// Source: Direct Connect API Reference, AssociateMacSecKey, "connectionId".
fn read(kind: &str, variable: &str) -> Option<ValueReader> {
    match (kind, variable) {
        ("dxcon", "ConnectionId") => {
            Some(ValueReader::new(|id| if is_lag(id) { Reading::Other } else { Reading::Name(id) }))
        }
        ("dxlag", "LagId") => {
            Some(ValueReader::new(|id| if id.starts_with("dxcon-") { Reading::Other } else { Reading::Name(id) }))
        }
        _ => None,
    }
}

fn is_lag(id: &str) -> bool {
    id.starts_with("dxlag-")
}
