//! What stands behind a resource and is asked for too, while no log tells what it is.

use crate::iam::arn::partition_of;
use crate::iam::catalog::Catalog;
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;

/// Why more than was granted is asked for on a resource, if no log can tell what: for those who read a policy.
pub fn unlogged_behind(resource: &str) -> Option<&'static str> {
    is_profile(resource).then_some(
        "which models an application inference profile stands for is not in the log; whoever calls one is asked for \
         the action on those models too",
    )
}

/// Whether it is a profile of the account's own making, which says nothing of its models.
fn is_profile(resource: &str) -> bool {
    resource.contains(":bedrock:") && resource.contains(":application-inference-profile/")
}

/// What is asked for behind the resources that a call was on.
/// Source: Bedrock User Guide, "Prerequisites for inference profiles": InvokeModel on the profile and on its models.
pub(in crate::iam) fn suggested(catalog: &Catalog, needed: &[Permission], request: &Request<'_>) -> Vec<Permission> {
    let behind = |permission: &Permission| {
        let reason = permission.resources.iter().find_map(|resource| unlogged_behind(resource))?;
        let action = catalog.action(&permission.action)?;
        let models = format!("arn:{}:bedrock:*::foundation-model/*", partition_of(request.event.aws_region));
        catalog.does_take(action, &models).then(|| Permission {
            action: permission.action.clone(),
            resources: vec![models],
            confidence: Confidence::Inferred,
            rule: "behind-profile",
            source: reason.into(),
            passed_to_service: None,
        })
    };
    needed.iter().filter_map(behind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Event, permissions};

    #[test]
    fn models_behind_a_profile_of_the_accounts_own_are_said_to_be_missing() {
        let suggested = |model: &str| {
            let parameters = format!(r#"{{"modelId":"{model}"}}"#);
            let event = Event {
                event_source: "bedrock.amazonaws.com",
                event_name: "Converse",
                event_type: Some("AwsApiCall"),
                aws_region: Some("eu-central-1"),
                account_id: Some("444455556666"),
                request_parameters: Some(&parameters),
                ..Event::default()
            };
            let found = permissions(Catalog::embedded(), &event);
            let (needed, suggested) = (found.needed, found.suggestions);
            assert_eq!(needed.iter().map(|p| &*p.action).collect::<Vec<_>>(), ["bedrock:InvokeModel"]);
            let behind = suggested.into_iter().filter(|p| p.rule == "behind-profile");
            behind.map(|p| (p.action.to_string(), p.resources, p.source.to_string())).collect::<Vec<_>>()
        };
        let own = "arn:aws:bedrock:eu-central-1:444455556666:application-inference-profile/ab12cd34ef56";
        let models = vec!["arn:aws:bedrock:*::foundation-model/*".to_owned()];
        let reason = unlogged_behind(own).unwrap().to_owned();
        assert!(reason.contains("not in the log"));
        assert_eq!(suggested(own), [("bedrock:InvokeModel".to_owned(), models, reason)]);
        // These say themselves which models they are.
        assert!(suggested("eu.anthropic.claude-sonnet-4-20250514-v1:0").is_empty());
        assert!(suggested("amazon.nova-lite-v1:0").is_empty());
    }
}
