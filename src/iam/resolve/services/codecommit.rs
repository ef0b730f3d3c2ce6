//! `codecommit`: resources that responses name.

use crate::iam::resolve::service_rules::{ServiceRules, answer};

/// Pull requests are named by their numbers; the response says of which repository they are.
/// Source: CodeCommit API Reference, UpdatePullRequestStatus, "pullRequestTargets".
pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    answers: &[answer(
        &["UpdatePullRequestDescription", "UpdatePullRequestStatus", "UpdatePullRequestTitle"],
        "repositoryName",
        "repository",
    )],
    ..ServiceRules::new("codecommit")
};
