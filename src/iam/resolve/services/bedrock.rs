//! Amazon Bedrock: models, inference profiles, guardrails.

use crate::iam::arn::{Arn, escape, partition_of};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Reading, ServiceRules, ValueReader};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| model(call).or_else(|| one_model(call))),
    also_needed: Some(behind),
    suggested: Some(suggested),
    read: Some(read),
    names_with_colons: &["foundation-model/*", "inference-profile/*"],
    ..ServiceRules::new("bedrock")
};

/// `modelId` may be a model's id, an inference profile's, or the ARN of one of many kinds.
/// Source: Bedrock User Guide, "Prerequisites for inference profiles"; Bedrock API Reference, InvokeModel.
fn model(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, operation: name, .. } = *call;
    let name = match name {
        "Converse" | "InvokeModelWithBidirectionalStream" | "StartAsyncInvoke" | "InvokeModel" => "InvokeModel",
        "ConverseStream" | "InvokeModelWithResponseStream" => "InvokeModelWithResponseStream",
        _ => return None,
    };
    let action = catalog.action(&format!("bedrock:{name}"))?;
    let resources = of_model(catalog, action, request, request.parameters.text("modelId"));
    let mut needed = vec![permission(action, resources, "bedrock-model", "Bedrock API Reference, InvokeModel")];
    needed.extend(guarded(call));
    Some(needed)
}

/// What a model's id or ARN stands for.
fn of_model(catalog: &Catalog, action: &Action, request: &Request<'_>, model: Option<&str>) -> Vec<String> {
    let (partition, region) = (partition_of(request.event.aws_region), request.event.region());
    match model {
        Some(arn) if Arn::parse(arn).is_some() && catalog.does_take(action, &escape(arn)) => {
            let profile = arn.split_once(":inference-profile/").map(|(_, id)| id).filter(|id| is_profile(id));
            profile.map(|id| behind_profile(partition, id)).into_iter().chain([escape(arn)]).collect()
        }
        Some(id) if is_profile(id) => vec![
            behind_profile(partition, id),
            format!("{}:inference-profile/{}", request.event.arn("bedrock"), escape(id)),
        ],
        Some(id) if !id.contains('/') => {
            vec![format!("arn:{partition}:bedrock:{region}::foundation-model/{}", escape(id))]
        }
        _ => vec!["*".to_owned()],
    }
}

/// What a call asks a knowledge base and a model in the caller's name.
/// Sources: Bedrock User Guide, "Set up permissions for a user or role to create and manage knowledge bases", queries;
/// "Permissions for reranking".
fn behind(call: &Call<'_, '_>) -> Vec<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    if !matches!(operation, "RetrieveAndGenerate" | "RetrieveAndGenerateStream" | "Rerank") {
        return Vec::new();
    }
    let source = "Bedrock User Guide, permissions for knowledge bases and for reranking";
    let retrieve =
        catalog.action("bedrock:Retrieve").filter(|_| !request.parameters.texts("knowledgeBaseId").is_empty());
    let retrieve = retrieve.map(|action| permission(action, call.resources(action), "asked-knowledge-base", source));
    // The model that answers stands nearer to the top than one that ranks.
    let model = request.parameters.texts("modelArn").into_iter().next();
    let invoke = catalog.action("bedrock:InvokeModel").filter(|_| model.is_some());
    let invoke =
        invoke.map(|action| permission(action, of_model(catalog, action, request, model), "asked-model", source));
    retrieve.into_iter().chain(invoke).collect()
}

/// A model that is named is the only one: which kind of model it is the request says.
/// Source: Bedrock API Reference, CreateModelInvocationJob, CreateProvisionedModelThroughput, "modelId";
/// CreateEvaluationJob, "modelIdentifier".
fn one_model(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let operations = [
        "CreateAdvancedPromptOptimizationJob",
        "CreateEvaluationJob",
        "CreateInferenceProfile",
        "CreateModelInvocationJob",
        "CreateProvisionedModelThroughput",
    ];
    let action = call.own_action("bedrock").filter(|_| operations.contains(&call.operation))?;
    let mut found = call.resources(action);
    // A profile of the account's own is what is made of a model.
    let profile = if call.is("CreateInferenceProfile") { ":inference-profile/" } else { "inference-profile/" };
    let is_model = |arn: &String| ["-model/", "-router/", profile].iter().any(|kind| arn.contains(kind));
    if found.iter().any(|arn| is_model(arn) && !arn.ends_with("/*")) {
        // A profile's models are not in the log.
        let has_profile = found.iter().any(|arn| arn.contains("inference-profile/") && !arn.ends_with("/*"));
        let is_behind = |arn: &String| has_profile && arn.contains("foundation-model/");
        found.retain(|arn| !is_model(arn) || !arn.ends_with("/*") || is_behind(arn));
    }
    Some(vec![permission(action, found, "bedrock-model", "Bedrock API Reference, CreateModelInvocationJob")])
}

/// Where a guardrail watches over the model. Source: Bedrock User Guide, "Set up permissions to use Guardrails".
fn guarded(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, .. } = *call;
    if request.parameters.texts("guardrailIdentifier").is_empty() {
        return None;
    }
    let action = catalog.action("bedrock:ApplyGuardrail")?;
    let source = "Bedrock User Guide, Set up permissions to use Guardrails";
    Some(permission(action, call.resources(action), "bedrock-guardrail", source))
}

/// The model behind a profile, in any of its regions.
fn behind_profile(partition: &str, id: &str) -> String {
    format!("arn:{partition}:bedrock:*::foundation-model/{}", escape(id.split_once('.').map_or(id, |(_, model)| model)))
}

/// Whether a model's id is a profile of several regions: `us.anthropic.…`.
fn is_profile(id: &str) -> bool {
    let areas = ["us", "us-gov", "eu", "apac", "jp", "au", "ca", "global"];
    id.split_once('.').is_some_and(|(area, _)| areas.contains(&area))
}

/// Models by their ids, profiles of several regions, and profiles of the account's own making.
/// Source: Bedrock User Guide, "Supported Regions and models for inference profiles".
fn read(kind: &str, variable: &str) -> Option<ValueReader> {
    let not_profile = ValueReader::new(|text| if is_profile(text) { Reading::Other } else { Reading::Name(text) });
    let profile = ValueReader::new(|text| if is_profile(text) { Reading::Name(text) } else { Reading::Other });
    match kind {
        "foundation-model" | "application-inference-profile" if variable == "ResourceId" => Some(not_profile),
        "inference-profile" if variable == "ResourceId" => Some(profile),
        _ => None,
    }
}

/// Why more than was granted is asked for on a resource, if no log can tell what: for those who read a policy.
pub fn unlogged_behind(resource: &str) -> Option<&'static str> {
    is_own_profile(resource).then_some(
        "which models an application inference profile stands for is not in the log; whoever calls one is asked for \
         the action on those models too",
    )
}

/// Whether it is a profile of the account's own making, which says nothing of its models.
fn is_own_profile(resource: &str) -> bool {
    resource.contains(":bedrock:") && resource.contains(":application-inference-profile/")
}

/// What is asked for behind the resources that a call was on.
/// Source: Bedrock User Guide, "Prerequisites for inference profiles": InvokeModel on the profile and on its models.
fn suggested(catalog: &Catalog, needed: &Permission, request: &Request<'_>) -> Option<Permission> {
    let reason = needed.resources.iter().find_map(|resource| unlogged_behind(resource))?;
    let action = catalog.action(&needed.action)?;
    let models = format!("arn:{}:bedrock:*::foundation-model/*", partition_of(request.event.aws_region));
    catalog.does_take(action, &models).then(|| Permission {
        confidence: Confidence::Inferred,
        ..permission(action, vec![models], "behind-profile", reason)
    })
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
