//! `glue`: databases that stand for others; where requests hold roles; how its names are read; names with colons.

use crate::iam::arn::{escape, is_account_id};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Reading, ServiceRules, ValueReader, member_text};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![database(call)?])),
    read: Some(read),
    named_roles: Some(|call| if RUNNING.contains(&call.operation) { call.roles_in(&["role"]) } else { Vec::new() }),
    // Users may give names with colons. Source: Glue API Reference, "NameString": no pattern but length.
    ends_with_colons: &["*"],
    ..ServiceRules::new("glue")
};

/// Operations that the table of roles lacks, whose role may be given by its name.
/// Source: Glue API Reference, StartColumnStatisticsTaskRun, StartDataQualityRulesetEvaluationRun, "Role"; Service
/// Authorization Reference, operations of Glue: iam:PassRole.
const RUNNING: [&str; 5] = [
    "CreateColumnStatisticsTaskSettings",
    "StartColumnStatisticsTaskRun",
    "StartDataQualityRuleRecommendationRun",
    "StartDataQualityRulesetEvaluationRun",
    "UpdateColumnStatisticsTaskSettings",
];

/// An account's own catalogue is called by the account's id. Source: Glue API Reference, GetTable, "CatalogId".
fn read(_: &str, variable: &str) -> Option<ValueReader> {
    let reader = ValueReader::new(|text| if is_account_id(text) { Reading::Other } else { Reading::Name(text) });
    (variable == "CatalogName").then_some(reader)
}

/// A database that stands for another one is not that. Source: Glue API Reference, DatabaseInput, "TargetDatabase".
fn database(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("glue", "CreateDatabase").or_else(|| call.only("glue", "UpdateDatabase"))?;
    let input = call.request.parameters.get("databaseInput")?;
    let (_, target) = input.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("targetDatabase"))?;
    let named = call.request.parameters.text("name").or_else(|| member_text(&input, "name"))?;
    let front = ":database/";
    let other = format!("{front}{}", escape(member_text(target, "databaseName")?));
    let own = format!("{front}{}", escape(Some(named).filter(|name| !name.contains('/'))?));
    let of_own = |arn: String| arn.strip_suffix(&other).map(|head| format!("{head}{own}")).unwrap_or(arn);
    let resources = call.resources(action).into_iter().map(of_own).collect();
    Some(permission(action, resources, "linked-database", "Glue API Reference, DatabaseInput"))
}
