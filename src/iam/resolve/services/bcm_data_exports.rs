//! `bcm-data-exports`: the table of a query; what exports are called; what tables of the cost and usage report need.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some([made(call)?].into_iter().chain(report(call)).collect())),
    policy_arns: Some(|_, arn, request| match (arn.strip_suffix(":table/*"), table(request)) {
        (Some(head), Some(table)) => vec![format!("{head}:table/{}", escape(table))],
        _ => vec![arn],
    }),
    ..ServiceRules::new("bcm-data-exports")
};

/// The tables require no export of the operation that makes one: it is called after the request, with a number.
/// Source: Data Exports User Guide, "Identity and access management for Data Exports": actions and resource types.
fn made(call: &Call<'_, '_>) -> Option<Permission> {
    let action = call.only("bcm-data-exports", "CreateExport")?;
    let name = call.request.parameters.texts("name").into_iter().next();
    let made = name.map_or_else(|| "*".to_owned(), |name| format!("{}-*", escape(name)));
    let export = format!("{}:export/{made}", call.request.event.arn("bcm-data-exports"));
    let resources = call.resources(action).into_iter().filter(|resource| !resource.contains(":export/"));
    let resources = resources.chain([export]).collect();
    Some(permission(action, resources, "numbered-export", SOURCE))
}

/// What an export's query is from. Source: Data Exports User Guide, "Data query": one table, and no others.
fn table<'a>(request: &Request<'a>) -> Option<&'a str> {
    let query = request.parameters.texts("queryStatement").into_iter().next()?;
    let mut words = query.split_ascii_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("from"));
    let table = words.nth(1)?.trim_end_matches(';');
    let is_name = |table: &&str| table.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    Some(table).filter(|table| !table.is_empty()).filter(is_name)
}

/// Source: Data Exports User Guide, "Identity and access management for Data Exports": which `cur` action is required.
fn report(call: &Call<'_, '_>) -> Option<Permission> {
    let is_of_report = ["COST_AND_USAGE_REPORT", "COST_AND_USAGE_DASHBOARD"].contains(&table(call.request)?);
    let action = call.catalog.action("cur:PutReportDefinition").filter(|_| is_of_report)?;
    Some(permission(action, vec!["*".to_owned()], "exported-report", SOURCE))
}

const SOURCE: &str = "Data Exports User Guide, Identity and access management for Data Exports";
