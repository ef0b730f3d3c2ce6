//! Amazon DynamoDB: transactions, batches, PartiQL, restores and replicas.

use crate::iam::arn::{Arn, NO_NAME, RegionAccount, escape, is_plain};
use crate::iam::catalog::{Catalog, bare_name};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::request::name::Name;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, KeyUse, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(special),
    also_needed: Some(filled_tables),
    key_uses: &[KeyUse {
        operations: &["CreateTable", "UpdateTable", "Restore"],
        actions: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"],
        is_certain: false,
        source: "DynamoDB developer guide, Encryption at rest",
    }],
    policy_arns: Some(|_, arn, _| vec![of_stream(arn)]),
    closer_suffices: true,
    ..ServiceRules::new("dynamodb")
};

/// Transactions, batches and PartiQL: the actions and tables stand in the items.
fn special(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    match call.operation {
        "TransactWriteItems" => transaction(call),
        "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction" => partiql(call),
        "BatchGetItem" | "BatchWriteItem" => batch(call),
        _ => None,
    }
}

/// Each item's own action. Source: DynamoDB developer guide, "IAM and transactions".
fn transaction(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let items = request.parameters.get("requestItems").or(request.parameters.get("transactItems"));
    let Some(items) = items.as_ref().and_then(|items| items.as_array()) else {
        // The items aren't logged: any of the four may have been needed.
        let names = ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"];
        return Some(all_of(call, &names, "dynamodb-transaction"));
    };
    let mut permissions: Vec<Permission> = Vec::new();
    for item in items.iter().take(100) {
        let (operation, inner) = match item.get("operation").and_then(|o| o.as_str()) {
            Some(operation) => (operation, item),
            None => item.as_object()?.iter().next().map(|(key, inner)| (key.as_str(), inner))?,
        };
        let action = match operation.to_ascii_lowercase().as_str() {
            "put" => "dynamodb:PutItem",
            "update" => "dynamodb:UpdateItem",
            "delete" => "dynamodb:DeleteItem",
            "conditioncheck" => "dynamodb:ConditionCheckItem",
            "get" => "dynamodb:GetItem",
            _ => continue,
        };
        let table = inner.get("tableName").or(inner.get("TableName")).and_then(|t| t.as_str());
        let resource = table_arn(table, request);
        let action = catalog.action(action)?;
        match permissions.iter_mut().find(|p| p.action == action.name) {
            Some(known) if known.resources.contains(&resource) => {}
            Some(known) => known.resources.push(resource),
            None => permissions.push(permission(
                action,
                vec![resource],
                "dynamodb-transaction",
                "DynamoDB developer guide, IAM and transactions",
            )),
        }
    }
    (!permissions.is_empty()).then_some(permissions)
}

/// The tables are keys of `requestItems`. Source: DynamoDB API Reference, BatchGetItem, BatchWriteItem.
fn batch(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, operation: name, .. } = *call;
    let items = request.parameters.get("requestItems")?;
    let action = catalog.action(&format!("dynamodb:{name}"))?;
    let found = call.resources(action);
    if !found.iter().all(|arn| arn.ends_with('*')) {
        return None;
    }
    let mut tables: Vec<String> =
        items.as_object()?.keys().take(100).map(|table| table_arn(Some(table), request)).collect();
    tables.sort_unstable();
    let source = "DynamoDB API Reference, requestItems";
    (!tables.is_empty()).then(|| vec![permission(action, tables, "dynamodb-batch", source)])
}

/// A table's ARN, by its name or ARN.
fn table_arn(table: Option<&str>, request: &Request<'_>) -> String {
    table_in(table, request.event, request.has_failed)
}

/// Where the table is. What is no table's name is nobody's in a call that failed.
fn table_in(table: Option<&str>, place: RegionAccount<'_>, has_failed: bool) -> String {
    let name = match table {
        Some(arn) if Arn::parse(arn).is_some_and(|arn| arn.service == "dynamodb") => return escape(arn),
        Some(name) if !name.is_empty() && !name.contains([':', '/']) => escape(name),
        Some(_) if has_failed => NO_NAME.to_owned(),
        _ => "*".to_owned(),
    };
    format!("{}:table/{name}", place.arn("dynamodb"))
}

/// The statement's first word tells. Source: DynamoDB developer guide, "IAM policies for PartiQL".
fn partiql(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let statements = request.parameters.texts("Statement");
    let mut permissions: Vec<Permission> = Vec::new();
    for statement in statements {
        let mut words = statement.split_ascii_whitespace();
        let action = match words.next()?.to_ascii_uppercase().as_str() {
            "SELECT" | "EXISTS" => "dynamodb:PartiQLSelect",
            "INSERT" => "dynamodb:PartiQLInsert",
            "UPDATE" => "dynamodb:PartiQLUpdate",
            "DELETE" => "dynamodb:PartiQLDelete",
            _ => continue,
        };
        let action = catalog.action(action)?;
        let resource = match table_of(statement) {
            Some((table, Some(index))) if bare_name(&action.name) == "PartiQLSelect" => {
                format!("{}/index/{}", table_arn(Some(&table), request), escape(&index))
            }
            table => table_arn(table.map(|(table, _)| table).as_deref(), request),
        };
        match permissions.iter_mut().find(|p| p.action == action.name) {
            Some(known) if known.resources.contains(&resource) => {}
            Some(known) => known.resources.push(resource),
            None => permissions.push(permission(
                action,
                vec![resource],
                "dynamodb-partiql",
                "DynamoDB developer guide, IAM policies for PartiQL",
            )),
        }
    }
    if permissions.is_empty() {
        // The statement isn't logged: any of the four may have been needed.
        let names = ["PartiQLDelete", "PartiQLInsert", "PartiQLSelect", "PartiQLUpdate"];
        permissions = all_of(call, &names, "dynamodb-partiql");
    }
    Some(permissions)
}

/// Several actions of DynamoDB on the tables that the request names.
fn all_of(call: &Call<'_, '_>, names: &[&str], rule: &'static str) -> Vec<Permission> {
    let catalog = call.catalog;
    let actions = names.iter().filter_map(|name| catalog.action(&format!("dynamodb:{name}")));
    let source = "Service Authorization Reference, operations of DynamoDB";
    actions.map(|action| permission(action, call.resources(action), rule, source)).collect()
}

/// The table behind FROM, INTO or UPDATE, and an index of it: `"Music"`, `Music`, `"Music"."index"`.
fn table_of(statement: &str) -> Option<(String, Option<String>)> {
    let mut words = statement.split_ascii_whitespace();
    words.find(|word| ["FROM", "INTO", "UPDATE"].iter().any(|key| word.eq_ignore_ascii_case(key)))?;
    let mut names = split_names(words.next()?).into_iter();
    let (table, index) = (names.next()?, names.next());
    Some((table, index.filter(|name| !name.contains([':', '/']))))
}

/// Names behind each other, each within quotation marks or without: names themselves may have dots.
fn split_names(word: &str) -> Vec<String> {
    let word = word.trim_matches([';', '(', ')']);
    let parts: Vec<&str> = if word.starts_with('"') { word.split("\".").collect() } else { word.split('.').collect() };
    let names = parts.iter().map(|part| part.trim_matches(['"', '\'']));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Where in a stream to read begins with its ARN. Source: DynamoDB Streams API Reference, GetRecords, "ShardIterator".
fn of_stream(mut resource: String) -> String {
    if resource.contains("/stream/")
        && let Some(end) = resource.find('|')
    {
        resource.truncate(end);
    }
    resource
}

/// Reading and writing the items.
const ITEMS: &[&str] = &["BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"];

/// What a call needs on the tables that it fills or takes away.
fn filled_tables(call: &Call<'_, '_>) -> Vec<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let here = request.event.region();
    match operation {
        // Source: DynamoDB Developer Guide, "Using IAM with DynamoDB backup and restore": write permissions are necessary.
        "RestoreTableFromBackup" | "RestoreTableToPointInTime" => {
            let target = table(request, "targetTableName", here);
            all(catalog, ITEMS, &[target], "DynamoDB Developer Guide, Using IAM with DynamoDB backup and restore")
        }
        "UpdateTable" => replicas(call),
        _ => Vec::new(),
    }
}

/// Replicas are made and deleted in their own regions. Source: DynamoDB Developer Guide, "Using IAM with global tables".
fn replicas(call: &Call<'_, '_>) -> Vec<Permission> {
    let Call { catalog, request, .. } = *call;
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
    let is_told = text.is_none() && request.parameters.tells(Name::new(key));
    table_in(name.or(is_told.then_some("")), RegionAccount { aws_region: Some(region), account_id }, request.has_failed)
}
