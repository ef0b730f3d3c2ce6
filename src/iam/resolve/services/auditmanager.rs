//! `auditmanager`: operations whose actions depend on the request; whom its roles are for.

use serde_json::Value;

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![framework(call)?])),
    passed_to: &[
        // Audit Manager API Reference, Role: owners of processes are principals.
        passed_to(&[], &[], NOT_PASSED),
    ],
    ..ServiceRules::new("auditmanager")
};

/// A framework is of controls, which stand in its sets: `{"controlSets":[{"controls":[{"id":"…"}]}]}`.
/// Source: Audit Manager API Reference, CreateAssessmentFramework, UpdateAssessmentFramework, "controlSets".
fn framework(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call
        .only("auditmanager", "CreateAssessmentFramework")
        .or_else(|| call.only("auditmanager", "UpdateAssessmentFramework"))?;
    let sets = call.request.parameters.get("controlSets")?;
    let controls = sets.as_array()?.iter().filter_map(|set| set.get("controls")?.as_array()).flatten();
    let place = call.request.event.arn("auditmanager");
    let one = |control: &Value| {
        let id = member_text(control, "id").filter(|id| !id.contains(['/', ':']))?;
        Some(format!("{place}:control/{}", escape(id)))
    };
    let controls: Vec<String> = controls.filter_map(one).collect();
    let mut resources = call.resources(action);
    resources.retain(|arn| controls.is_empty() || !arn.contains(":control/"));
    resources.extend(controls);
    Some(permission(action, resources, "framework-controls", "Audit Manager API Reference, CreateAssessmentFramework"))
}
