//! Tables of DynamoDB that a call fills with items: restores and replicas take the rights to write them too.

use crate::iam::arn::RegionAccount;
use crate::iam::arn::{Arn, is_plain};
use crate::iam::catalog::{Catalog, Service};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::services::table_arn;

/// Reading and writing the items.
const ITEMS: &[&str] = &["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"];

/// What a call needs on the tables that it fills or takes away.
pub(in crate::iam) fn needed(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> Vec<Permission> {
    let here = request.event.region();
    match (service.prefix(), operation) {
        // Source: DynamoDB Developer Guide, "Using IAM with DynamoDB backup and restore": write permissions are necessary.
        ("dynamodb", "RestoreTableFromBackup" | "RestoreTableToPointInTime") => {
            let target = table(request, "targetTableName", here);
            all(catalog, ITEMS, &[target], "DynamoDB Developer Guide, Using IAM with DynamoDB backup and restore")
        }
        ("dynamodb", "UpdateTable") => replicas(catalog, request),
        _ => Vec::new(),
    }
}

/// Replicas are made and deleted in their own regions. Source: DynamoDB Developer Guide, "Using IAM with global tables".
fn replicas(catalog: &Catalog, request: &Request<'_>) -> Vec<Permission> {
    let Some(updates) = request.parameters.get("replicaUpdates") else { return Vec::new() };
    let of = |verb: &str| -> Vec<String> {
        let updates = updates.as_array().into_iter().flatten();
        let regions = updates.filter_map(|update| update.get(verb)?.get("regionName")?.as_str());
        regions.filter(|region| is_plain(region)).take(100).map(|region| table(request, "tableName", region)).collect()
    };
    let source = "DynamoDB Developer Guide, Using IAM with global tables";
    let mut needed = all(catalog, &["CreateTable", "CreateTableReplica"], &of("create"), source);
    needed.extend(all(catalog, ITEMS, &of("create"), source));
    needed.extend(all(catalog, &["DeleteTable", "DeleteTableReplica"], &of("delete"), source));
    needed
}

/// Actions on tables.
fn all(catalog: &Catalog, names: &[&str], tables: &[String], source: &str) -> Vec<Permission> {
    let actions = names.iter().filter(|_| !tables.is_empty());
    let actions = actions.filter_map(|name| catalog.action(&format!("dynamodb:{name}")));
    actions.map(|action| permission(action, tables.to_vec(), "filled-table", source)).collect()
}

/// A table's ARN in a region, by its name or ARN.
fn table(request: &Request<'_>, key: &str, region: &str) -> String {
    let text = request.parameters.text(key);
    let arn = text.and_then(Arn::parse).filter(|arn| is_plain(arn.account));
    let name = text.map(|text| text.rsplit('/').next().unwrap_or(text)).filter(|name| !name.contains(':'));
    let account_id = arn.map(|arn| arn.account).or(request.event.account_id);
    table_arn(name, RegionAccount { aws_region: Some(region), account_id })
}
