//! `sagemaker`: whom its roles are for; tags on what it makes; how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{ServiceRules, numbered_later, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&["CreateJob"], &[], &["job.sagemaker", "sagemaker"]),
        passed_to(&[], &["amazonforecastrolearn"], &["forecast", "sagemaker"]),
        passed_to(&[], &["amazonbedrockrolearn"], &["bedrock", "sagemaker"]),
    ],
    tag_actions: &[("UpdatePartnerApp", "AddTags")],
    policy_arns: Some(|action, arn, request| match is_on_named(action) && arn.ends_with("/*") {
        true => Vec::new(),
        false => {
            let reference =
                (action == "sagemaker:CreateHubContentReference").then(|| reference(&arn, request)).flatten();
            reference.into_iter().chain([of_sagemaker(of_new_domain(action, arn))]).collect()
        }
    }),
    ..ServiceRules::new("sagemaker")
};

/// Whether an action is on what is named alone: the table has every type that this may be of as required.
/// Source: SageMaker API Reference, AddAssociation, "SourceArn", "DestinationArn"; BatchGetMetrics, "ResourceArn";
/// BatchPutMetrics and DisassociateTrialComponent, "TrialComponentName".
fn is_on_named(action: &str) -> bool {
    matches!(
        action,
        "sagemaker:AddAssociation"
            | "sagemaker:BatchGetMetrics"
            | "sagemaker:BatchPutMetrics"
            | "sagemaker:DeleteAssociation"
            | "sagemaker:DisassociateTrialComponent"
    )
}

/// A new domain is numbered; the `domainId` in its request is of DataZone.
/// Source: SageMaker API Reference, UnifiedStudioSettings.
fn of_new_domain(action: &str, arn: String) -> String {
    if action == "sagemaker:CreateDomain" { numbered_later(arn, ":domain/") } else { arn }
}

/// What refers to a model of the public hub is in the account's own hub, and called after the model where it is given
/// no name.
/// Source: SageMaker API Reference, CreateHubContentReference; Developer Guide, private model hubs: `ModelReference`.
fn reference(public: &str, request: &Request<'_>) -> Option<String> {
    let (_, content) = public.split_once(&format!(":aws:hub-content/{PUBLIC}/"))?;
    let hub = request.parameters.plain_name("hubName")?;
    let name = request.parameters.plain_name("hubContentName").or_else(|| content.split('/').nth(1))?;
    let here = request.event.arn("sagemaker");
    Some(format!("{here}:hub-content/{}/ModelReference/{}", escape(hub), escape(name)))
}

/// SageMaker's own hub.
const PUBLIC: &str = "SageMakerPublicHub";

/// A hub of SageMaker, or what is in it: the public one is AWS's.
/// Source: SageMaker Developer Guide, "Private hubs": `arn:aws:sagemaker:region:aws:hub/SageMakerPublicHub`.
fn of_sagemaker(resource: String) -> String {
    let mut parts = resource.splitn(6, ':');
    let [Some(arn), Some(partition), Some(service), Some(region), Some(_), Some(named)] =
        std::array::from_fn(|_| parts.next())
    else {
        return resource;
    };
    match named.split_once('/') {
        Some(("hub" | "hub-content", name)) if name.split('/').next() == Some(PUBLIC) => {
            format!("{arn}:{partition}:{service}:{region}:aws:{named}")
        }
        _ => resource,
    }
}
