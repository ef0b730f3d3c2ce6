//! `eks`: identity providers and capabilities of clusters; whom its roles are for; its names in other services' ARNs.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![identity_provider(call).or_else(|| capability_update(call))?])),
    passed_to: &[
        passed_to(&["CreateAccessEntry"], &[], &["ec2"]),
        passed_to(&["CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"], &["targetrolearn"], NOT_PASSED),
        passed_to(&["CreatePodIdentityAssociation", "UpdatePodIdentityAssociation"], &[], &["pods.eks"]),
        // EKS User Guide, "Amazon EKS Auto Mode node IAM role", "node IAM role": trusted by EC2.
        passed_to(&[], &["noderole", "noderolearn"], &["eks", "ec2"]),
        passed_to(&["CreateFargateProfile"], &[], &["eks", "eks-fargate-pods"]),
        passed_to(&["CreateAddon", "UpdateAddon"], &["serviceaccountrolearn"], &["eks"]),
        passed_to(&["CreateAddon", "UpdateAddon"], &[], &["eks", "pods.eks"]),
        passed_to(&["CreateCapability", "UpdateCapability"], &[], &["eks", "capabilities.eks"]),
        passed_to(&["RegisterCluster"], &[], &["eks", "ssm"]),
    ],
    foreign_formats: &[IDENTITY],
    policy_arns: Some(|_, arn, request| vec![of_pathed_role(arn, request)]),
    ..ServiceRules::new("eks")
};

/// Whom an access entry of EKS is for. Source: EKS User Guide, "Access entries": their ARNs have the parts of its ARN.
const IDENTITY: &str = "arn:${Partition}:iam::${IamIdentityAccountID}:${IamIdentityType}/${IamIdentityName}";

/// The entry of a role that has a path: whether that is a part of the entry's ARN isn't said, its name is.
/// Source: EKS User Guide, "Access entries".
fn of_pathed_role(arn: String, request: &Request<'_>) -> String {
    let open = arn.strip_suffix("/*/*").filter(|front| front.contains(":access-entry/"));
    let named = request.parameters.text("principalArn").and_then(|principal| principal.rsplit_once('/'));
    match (open, named) {
        (Some(front), Some((_, name))) if !name.is_empty() => format!("{front}/*{}/*", escape(name)),
        _ => arn,
    }
}

/// An identity provider's configuration has a name beside that of its cluster: both are logged as `name`.
/// Source: EKS API Reference, DescribeIdentityProviderConfig, DisassociateIdentityProviderConfig.
fn identity_provider(call: &Call<'_, '_>) -> Option<Permission> {
    let operations = ["DescribeIdentityProviderConfig", "DisassociateIdentityProviderConfig"];
    let action = operations.iter().find_map(|operation| call.only("eks", operation))?;
    let parameters = &call.request.parameters;
    let cluster = cluster(call)?;
    let provider = parameters.get("identityProviderConfig")?;
    let parts = parts_of_arn([cluster, member_text(&provider, "type")?, member_text(&provider, "name")?])?;
    let here = call.request.event.arn("eks");
    let resource = format!("{here}:identityproviderconfig/{}/*", parts.join("/"));
    Some(permission(action, vec![resource], "identity-provider", "EKS API Reference, DescribeIdentityProviderConfig"))
}

/// The update of a capability, whose ARN has its kind before its name, which requests don't say.
/// Source: EKS API Reference, DescribeUpdate, ListUpdates, "capabilityName".
fn capability_update(call: &Call<'_, '_>) -> Option<Permission> {
    let action = ["DescribeUpdate", "ListUpdates"].iter().find_map(|operation| call.only("eks", operation))?;
    let [cluster, name] = parts_of_arn([cluster(call)?, call.request.parameters.text("capabilityName")?])?;
    let mut resources = call.resources(action);
    resources.push(format!("{}:capability/{cluster}/*/{name}/*", call.request.event.arn("eks")));
    Some(permission(action, resources, "capability", "EKS API Reference, DescribeUpdate"))
}

/// Names as an ARN has them; `None` where one of them would be several parts of it.
fn parts_of_arn<const N: usize>(names: [&str; N]) -> Option<[String; N]> {
    let is_part = |name: &&str| !name.contains(['/', ':']);
    names.iter().all(is_part).then(|| names.map(|name| escape(name).to_string()))
}

/// A cluster's name is logged as `name`.
fn cluster<'c>(call: &Call<'c, '_>) -> Option<&'c str> {
    let parameters = &call.request.parameters;
    parameters.text("clusterName").or_else(|| parameters.text("name"))
}
