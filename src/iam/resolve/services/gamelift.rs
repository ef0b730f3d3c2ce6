//! `gamelift`: how its names are read.

use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules { read: Some(of_fleet), ..ServiceRules::new("gamelift") };

/// Ids of container fleets begin otherwise than those of fleets of instances.
/// Source: GameLift Servers API Reference, ContainerFleet, "FleetArn": `containerfleet/containerfleet-…`.
fn of_fleet(kind: &str, variable: &str) -> Option<ValueReader> {
    match (kind, variable) {
        ("fleet", "FleetId") => Some(ValueReader::new(|text| unless(text, "containerfleet-"))),
        ("containerFleet", "FleetId") => Some(ValueReader::new(|text| unless(text, "fleet-"))),
        _ => None,
    }
}

fn unless<'t>(text: &'t str, others: &str) -> Reading<'t> {
    if text.starts_with(others) { Reading::Other } else { Reading::Name(text) }
}
