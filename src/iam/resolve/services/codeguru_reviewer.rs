//! `codeguru-reviewer`: what reviews are of.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // A review's ARN is that of the association and `:code-review:` with its id; the actions take the association.
    // Source: CodeGuru Reviewer API Reference, PutRecommendationFeedback, pattern of "CodeReviewArn"; Service
    // Authorization Reference.
    policy_arns: Some(|_, arn, _| vec![arn.split(":code-review:").next().unwrap_or(&arn).to_owned()]),
    ..ServiceRules::new("codeguru-reviewer")
};
