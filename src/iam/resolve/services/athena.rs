//! `athena`: what names are of.

use crate::iam::resolve::service_rules::{ServiceRules, numbered_later};

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { policy_arns: Some(|action, arn, _| vec![of_its_name(action, arn)]), ..ServiceRules::new("athena") };

/// The new name of a query or a notebook is no workgroup's; nothing in the request says which workgroup it is in.
/// Source: Athena API Reference, UpdateNamedQuery, UpdateNotebookMetadata, "Name".
fn of_its_name(action: &str, arn: String) -> String {
    match matches!(action, "athena:UpdateNamedQuery" | "athena:UpdateNotebookMetadata") {
        true => numbered_later(arn, ":workgroup/"),
        false => arn,
    }
}
