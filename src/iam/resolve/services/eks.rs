//! `eks`: whom its roles are for; its names in other services' ARNs.

use crate::iam::resolve::service_rules::{NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
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
    ..ServiceRules::new("eks")
};

/// Whom an access entry of EKS is for. Source: EKS User Guide, "Access entries": their ARNs have the parts of its ARN.
const IDENTITY: &str = "arn:${Partition}:iam::${IamIdentityAccountID}:${IamIdentityType}/${IamIdentityName}";
