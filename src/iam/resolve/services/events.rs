//! Amazon EventBridge: entries that name no bus.

use serde_json::Value;

use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, member_text};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { special: Some(|call| Some(vec![put_events(call)?])), ..ServiceRules::new("events") };

/// Entries that name no bus go to the default one, beside others that name theirs.
/// Source: EventBridge API Reference, PutEventsRequestEntry, "EventBusName".
fn put_events(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("events", "PutEvents")?;
    let entries = call.request.parameters.get("entries")?;
    let names_bus = |entry: &&Value| member_text(entry, "eventBusName").is_some();
    let (named, unnamed): (Vec<&Value>, Vec<&Value>) = entries.as_array()?.iter().partition(names_bus);
    if named.is_empty() || unnamed.is_empty() {
        return None;
    }
    let mut buses = call.resources(action);
    buses.push(format!("{}:event-bus/default", call.request.event.arn("events")));
    buses.sort_unstable();
    buses.dedup();
    Some(permission(action, buses, "default-event-bus", "EventBridge API Reference, PutEventsRequestEntry"))
}
