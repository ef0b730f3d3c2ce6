//! `cassandra`: Amazon Keyspaces: what spans regions, and what a table is restored from.

use serde_json::Value;

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| in_regions(call).into_iter().chain(source(call)).collect()),
    // What is restored is the target; the source is read.
    // Source: Keyspaces Developer Guide, "Configure IAM permissions for PITR restore".
    policy_arns: Some(|action, arn, request| {
        let target = table(request, "targetKeyspaceName", "targetTableName");
        let is_other = action.starts_with("cassandra:Restore") && target.is_some_and(|target| target != arn);
        if is_other { Vec::new() } else { vec![arn] }
    }),
    ..ServiceRules::new("cassandra")
};

/// Further actions on what spans several regions.
/// Source: Keyspaces API Reference, UpdateKeyspace; Keyspaces Developer Guide, "Configure the IAM permissions required
/// to create multi-Region keyspaces and tables"; Service Authorization Reference.
fn in_regions(call: &Call<'_, '_>) -> Vec<Permission> {
    let Call { catalog, request, .. } = *call;
    let actions: &[&str] = match call.operation {
        "CreateKeyspace" | "CreateTable" => &["CreateMultiRegionResource"],
        "UpdateTable" => &["AlterMultiRegionResource"],
        "RestoreTable" => &["RestoreMultiRegionTable"],
        "UpdateKeyspace" => &[
            "AlterMultiRegionResource",
            "Create",
            "CreateMultiRegionResource",
            "Modify",
            "ModifyMultiRegionResource",
            "Select",
            "SelectMultiRegionResource",
        ],
        _ => return Vec::new(),
    };
    let is_said = match call.operation {
        "CreateKeyspace" | "UpdateKeyspace" => is_multi_region(request),
        _ => request.parameters.has("replicaSpecifications"),
    };
    let source = "Keyspaces API Reference, UpdateKeyspace; Service Authorization Reference";
    let found = actions.iter().filter(|_| is_said).filter_map(|name| catalog.action(&format!("cassandra:{name}")));
    // Its tables get replicas too.
    let keyspace = request.parameters.text("keyspaceName").filter(|_| call.is("UpdateKeyspace"));
    let all = keyspace.map(|name| format!("{}:/keyspace/{}/*", request.event.arn("cassandra"), escape(name)));
    let resources = |action| all.clone().map_or_else(|| call.resources(action), |all| vec![all]);
    found.map(|action| permission(action, resources(action), "multi-region", source)).collect()
}

/// The table that another one is restored from. Source: Keyspaces Developer Guide, "Configure IAM permissions for PITR
/// restore".
fn source(call: &Call<'_, '_>) -> Option<Permission> {
    let table = table(call.request, "sourceKeyspaceName", "sourceTableName").filter(|_| call.is("RestoreTable"))?;
    let action = call.catalog.action("cassandra:Select")?;
    Some(permission(
        action,
        vec![table],
        "restore-source",
        "Keyspaces Developer Guide, IAM permissions for PITR restore",
    ))
}

fn is_multi_region(request: &Request<'_>) -> bool {
    let Some(Value::Object(of)) = request.parameters.get("replicationSpecification") else { return false };
    of.iter().any(|(key, value)| key.eq_ignore_ascii_case("replicationStrategy") && value == "MULTI_REGION")
}

fn table(request: &Request<'_>, keyspace: &str, table: &str) -> Option<String> {
    let [keyspace, table] = [keyspace, table].map(|key| request.parameters.text(key).map(escape));
    Some(format!("{}:/keyspace/{}/table/{}", request.event.arn("cassandra"), keyspace?, table?))
}
