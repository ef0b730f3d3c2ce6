//! `scheduler`: further actions of its calls.

use crate::iam::arn::NO_NAME;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    further_actions: Some(|call| {
        call.is("DeleteScheduleGroup").then(|| schedules(call)).flatten().into_iter().collect()
    }),
    ..ServiceRules::new("scheduler")
};

/// The schedules of a group are deleted with it.
/// Source: EventBridge Scheduler API Reference, DeleteScheduleGroup; Service Authorization Reference, its dependent
/// action.
fn schedules(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.catalog.action("scheduler:DeleteSchedule")?;
    let group = call.request.name_or_any("Name");
    let name = if group == NO_NAME { NO_NAME } else { "*" };
    let resource = format!("{}:schedule/{group}/{name}", call.request.event.arn("scheduler"));
    let source = "EventBridge Scheduler API Reference, DeleteScheduleGroup";
    Some(permission(action, vec![resource], "schedules-of-group", source))
}
