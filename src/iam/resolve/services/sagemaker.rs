//! `sagemaker`: what is particular to it.

use crate::iam::resolve::service_rules::{ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[
        passed_to(&["CreateJob"], &[], &["job.sagemaker", "sagemaker"]),
        passed_to(&[], &["amazonforecastrolearn"], &["forecast", "sagemaker"]),
        passed_to(&[], &["amazonbedrockrolearn"], &["bedrock", "sagemaker"]),
    ],
    tag_actions: &[("UpdatePartnerApp", "AddTags")],
    policy_arns: Some(|_, arn, _| vec![of_sagemaker(arn)]),
    ..ServiceRules::new("sagemaker")
};

/// A hub of SageMaker, or what is in it: the public one is AWS's.
/// Source: SageMaker Developer Guide, "Private hubs": `arn:aws:sagemaker:region:aws:hub/SageMakerPublicHub`.
fn of_sagemaker(resource: String) -> String {
    const PUBLIC: &str = "SageMakerPublicHub";
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
