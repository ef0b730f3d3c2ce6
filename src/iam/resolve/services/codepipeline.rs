//! `codepipeline`: webhooks and their pipelines.

use serde_json::Value;

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, member_text};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { special: Some(|call| Some(vec![webhook(call)?])), ..ServiceRules::new("codepipeline") };

/// A webhook is for a pipeline, which is asked for too: the ARN of one has nothing but its name.
/// Source: CodePipeline API Reference, WebhookDefinition, "targetPipeline"; Service Authorization Reference,
/// PutWebhook.
fn webhook(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("codepipeline", "PutWebhook")?;
    let webhook: Value = call.request.parameters.get("webhook")?;
    let (name, pipeline) = (member_text(&webhook, "name")?, member_text(&webhook, "targetPipeline")?);
    let here = call.request.event.arn("codepipeline");
    let resources = vec![format!("{here}:{}", escape(pipeline)), format!("{here}:webhook:{}", escape(name))];
    Some(permission(action, resources, "webhook", "CodePipeline API Reference, PutWebhook"))
}
