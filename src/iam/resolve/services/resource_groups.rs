//! `resource-groups`: how policies write its ARNs.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { policy_arns: Some(|_, arn, _| vec![of_group(arn)]), ..ServiceRules::new("resource-groups") };

/// A task's ARN begins with that of its group, which is what the actions take; a group's name may have a slash.
/// Source: Service Authorization Reference, Resource Groups: `group` for CancelTagSyncTask and GetTagSyncTask.
fn of_group(arn: String) -> String {
    match arn.split_once("/tag-sync-task/") {
        Some((group, _)) => group.to_owned(),
        None => arn,
    }
}
