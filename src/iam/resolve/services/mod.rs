//! Operations whose actions or resources depend on what the request carries: copies between buckets, DynamoDB
//! transactions and PartiQL, re-encryption, models, launching instances, mail as it is.

pub mod apigateway;
pub mod named;
pub mod s3_copies;

use crate::iam::arn::RegionAccount;
use crate::iam::arn::{Arn, escape, partition_of};
use crate::iam::catalog::{Action, Catalog, bare_name};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::{OperationMatch, permission};
use crate::iam::resolve::resources::resource_id_prefixes;
use crate::iam::resolve::resources::resources;
use crate::iam::resolve::resources::variable::is_profile;

pub(in crate::iam) fn resolve<'c>(
    catalog: &'c Catalog,
    request: &Request<'_>,
    prefixes: &[String],
    name: &str,
) -> Option<OperationMatch<'c>> {
    match (prefixes.first()?.as_str(), name) {
        (prefix @ ("s3" | "s3express"), "CopyObject" | "UploadPartCopy") => s3_copies::copy(catalog, request, prefix),
        ("autoscaling" | "application-autoscaling", _) => of_application(catalog, request, name),
        ("dynamodb", "TransactWriteItems") => transaction(catalog, request),
        ("dynamodb", "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction") => partiql(catalog, request),
        ("kms", "ReEncrypt") => re_encrypt(catalog, request),
        ("bedrock", _) => model(catalog, request, name),
        ("dynamodb", "BatchGetItem" | "BatchWriteItem") => batch(catalog, request, name),
        ("ec2", "RunInstances") => run_instances(catalog, request),
        ("ses", "SendEmail") => raw_mail(catalog, request),
        ("ec2", "CreateTags" | "DeleteTags") => tags(catalog, request, name),
        ("sns", "Publish") => publish(catalog, request),
        ("apigateway", _) => apigateway::resolve(catalog, request, name),
        (prefix, _) => Some(OperationMatch::Special(vec![named::by_name(catalog, request, prefix, name)?])),
    }
}

/// Application Auto Scaling logs under the source of EC2 Auto Scaling and shares names with it; it alone is told what
/// is scaled. ARNs of scalable targets have a number of their own, no `ResourceId`.
/// Source: Application Auto Scaling API Reference, `ServiceNamespace`; User Guide, identity-based policies, resources.
fn of_application<'c>(catalog: &'c Catalog, request: &Request<'_>, name: &str) -> Option<OperationMatch<'c>> {
    let action = catalog.action(&format!("application-autoscaling:{name}"))?;
    if !request.parameters.has("serviceNamespace") {
        return None;
    }
    let target = format!("{}:scalable-target/*", request.event.arn("application-autoscaling"));
    let resource = Some(target).filter(|target| catalog.does_take(action, target));
    let resources = vec![resource.unwrap_or_else(|| "*".to_owned())];
    let source = "Application Auto Scaling API Reference, ServiceNamespace";
    Some(OperationMatch::Special(vec![permission(action, resources, "service-namespace", source)]))
}

/// Text messages go to no topic. Source: SNS Developer Guide, SMS: policies name `*`.
fn publish<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<OperationMatch<'c>> {
    let has = |name: &str| request.parameters.has(name);
    if !has("phoneNumber") || has("topicArn") || has("targetArn") {
        return None;
    }
    let action = catalog.action("sns:Publish")?;
    Some(OperationMatch::Special(vec![permission(action, vec!["*".to_owned()], "sms", "SNS Developer Guide, SMS")]))
}

/// Version 2's SendEmail of a message as it is needs what version 1's SendRawEmail needs.
/// Source: denials that its callers met: aws/aws-actionmailer-ses-ruby#10, nodemailer/nodemailer#1734.
fn raw_mail<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<OperationMatch<'c>> {
    let content = request.parameters.get("content")?;
    let is_raw = |name: &str| content.get(name).is_some_and(|raw| !raw.is_null());
    if !is_raw("raw") && !is_raw("Raw") {
        return None;
    }
    let action = catalog.action("ses:SendRawEmail")?;
    let resources = resources(catalog, action, request);
    Some(OperationMatch::Special(vec![permission(action, resources, "raw-mail", "what denials of SendEmail name")]))
}

/// Each item's own action. Source: DynamoDB developer guide, "IAM and transactions".
fn transaction<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<OperationMatch<'c>> {
    let items = request.parameters.get("requestItems").or(request.parameters.get("transactItems"));
    let Some(items) = items.as_ref().and_then(|items| items.as_array()) else {
        // The items aren't logged: any of the four may have been needed.
        let names = ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"];
        return Some(OperationMatch::Special(all_of(catalog, request, &names, "dynamodb-transaction")));
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
        let resource = table_arn(table, request.event);
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
    (!permissions.is_empty()).then_some(OperationMatch::Special(permissions))
}

/// The tables are keys of `requestItems`. Source: DynamoDB API Reference, BatchGetItem, BatchWriteItem.
fn batch<'c>(catalog: &'c Catalog, request: &Request<'_>, name: &str) -> Option<OperationMatch<'c>> {
    let items = request.parameters.get("requestItems")?;
    let action = catalog.action(&format!("dynamodb:{name}"))?;
    let found = resources(catalog, action, request);
    if !found.iter().all(|arn| arn.ends_with('*')) {
        return None;
    }
    let mut tables: Vec<String> =
        items.as_object()?.keys().take(100).map(|table| table_arn(Some(table), request.event)).collect();
    tables.sort_unstable();
    let source = "DynamoDB API Reference, requestItems";
    (!tables.is_empty()).then(|| OperationMatch::Special(vec![permission(action, tables, "dynamodb-batch", source)]))
}

/// A table's ARN, by its name or ARN.
pub(in crate::iam) fn table_arn(table: Option<&str>, event: RegionAccount<'_>) -> String {
    match table {
        Some(arn) if Arn::parse(arn).is_some_and(|arn| arn.service == "dynamodb") => escape(arn),
        _ => {
            let name = table.filter(|t| !t.contains([':', '/'])).map_or_else(|| "*".to_owned(), escape);
            format!("{}:table/{name}", event.arn("dynamodb"))
        }
    }
}

/// The statement's first word tells. Source: DynamoDB developer guide, "IAM policies for PartiQL".
fn partiql<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<OperationMatch<'c>> {
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
                format!("{}/index/{}", table_arn(Some(&table), request.event), escape(&index))
            }
            table => table_arn(table.map(|(table, _)| table).as_deref(), request.event),
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
        permissions = all_of(catalog, request, &names, "dynamodb-partiql");
    }
    Some(OperationMatch::Special(permissions))
}

/// Several actions of DynamoDB on the tables that the request names.
fn all_of(catalog: &Catalog, request: &Request<'_>, names: &[&str], rule: &'static str) -> Vec<Permission> {
    let actions = names.iter().filter_map(|name| catalog.action(&format!("dynamodb:{name}")));
    let source = "Service Authorization Reference, operations of DynamoDB";
    actions.map(|action| permission(action, resources(catalog, action, request), rule, source)).collect()
}

/// From one key to the other. Source: KMS API Reference, ReEncrypt, "Required permissions".
fn re_encrypt<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<OperationMatch<'c>> {
    let key = |name: &str, action: &Action| match request.parameters.text(name) {
        Some(arn) if catalog.does_take(action, &escape(arn)) && Arn::parse(arn).is_some() => vec![escape(arn)],
        Some(id) if !id.contains([':', '/']) => vec![format!("{}:key/{}", request.event.arn("kms"), escape(id))],
        alias => {
            // An alias is no part of a key's ARN, but tells where the key is.
            let head = alias.and_then(|arn| arn.split_once(":alias/")).map(|(head, _)| escape(head));
            let there = head.map(|head| format!("{head}:key/*")).filter(|arn| catalog.does_take(action, arn));
            there.map_or_else(|| resources(catalog, action, request), |arn| vec![arn])
        }
    };
    let (from, to) = (catalog.action("kms:ReEncryptFrom")?, catalog.action("kms:ReEncryptTo")?);
    let source = "KMS API Reference, ReEncrypt";
    Some(OperationMatch::Special(vec![
        permission(from, key("sourceKeyId", from), "kms-re-encrypt", source),
        permission(to, key("destinationKeyId", to), "kms-re-encrypt", source),
    ]))
}

/// `modelId` may be a model's id, an inference profile's, or the ARN of one of many kinds.
/// Source: Bedrock User Guide, "Prerequisites for inference profiles"; Bedrock API Reference, InvokeModel.
fn model<'c>(catalog: &'c Catalog, request: &Request<'_>, name: &str) -> Option<OperationMatch<'c>> {
    let name = match name {
        "Converse" | "InvokeModelWithBidirectionalStream" | "StartAsyncInvoke" | "InvokeModel" => "InvokeModel",
        "ConverseStream" | "InvokeModelWithResponseStream" => "InvokeModelWithResponseStream",
        _ => return None,
    };
    let action = catalog.action(&format!("bedrock:{name}"))?;
    let (partition, region) = (partition_of(request.event.aws_region), request.event.region());
    let resources = match request.parameters.text("modelId") {
        Some(arn) if Arn::parse(arn).is_some() && catalog.does_take(action, &escape(arn)) => {
            let profile = arn.split_once(":inference-profile/").map(|(_, id)| id).filter(|id| is_profile(id));
            profile.map(|id| behind_profile(partition, id)).into_iter().chain([escape(arn)]).collect()
        }
        Some(id) if is_profile(id) => vec![
            behind_profile(partition, id),
            format!("{}:inference-profile/{}", request.event.arn("bedrock"), escape(id)),
        ],
        Some(id) if !id.contains('/') => {
            vec![format!("arn:{partition}:bedrock:{region}::foundation-model/{}", escape(id))]
        }
        _ => vec!["*".to_owned()],
    };
    let mut needed = vec![permission(action, resources, "bedrock-model", "Bedrock API Reference, InvokeModel")];
    needed.extend(guarded(catalog, request));
    Some(OperationMatch::Special(needed))
}

/// Where a guardrail watches over the model. Source: Bedrock User Guide, "Set up permissions to use Guardrails".
fn guarded(catalog: &Catalog, request: &Request<'_>) -> Option<Permission> {
    if request.parameters.texts("guardrailIdentifier").is_empty() {
        return None;
    }
    let action = catalog.action("bedrock:ApplyGuardrail")?;
    let source = "Bedrock User Guide, Set up permissions to use Guardrails";
    Some(permission(action, resources(catalog, action, request), "bedrock-guardrail", source))
}

/// The model behind a profile, in any of its regions.
fn behind_profile(partition: &str, id: &str) -> String {
    format!("arn:{partition}:bedrock:*::foundation-model/{}", escape(id.split_once('.').map_or(id, |(_, model)| model)))
}

/// What is tagged is given by ids alone. Source: EC2 User Guide, "Resource IDs".
fn tags<'c>(catalog: &'c Catalog, request: &Request<'_>, name: &str) -> Option<OperationMatch<'c>> {
    let action = catalog.action(&format!("ec2:{name}"))?;
    let resources = resource_id_prefixes::resources(catalog, action, request)?;
    Some(OperationMatch::Special(vec![permission(action, resources, "numbered", "EC2 User Guide, Resource IDs")]))
}

/// Beside what the table marks as required, every launch makes volumes.
/// Source: EC2 User Guide, "Example policies to control access to the EC2 API", "Launch instances (RunInstances)".
fn run_instances<'c>(catalog: &'c Catalog, request: &Request<'_>) -> Option<OperationMatch<'c>> {
    let action = catalog.action("ec2:RunInstances")?;
    let mut resources = resources(catalog, action, request);
    // `groupName` is a security group's, but for that of the placement. Source: EC2 API Reference, RunInstances.
    let placement = request.parameters.get("placement");
    let is_placed = |key: &str| placement.as_ref().and_then(|p| p.get(key)).is_some_and(|name| name.is_string());
    if !is_placed("groupName") && !is_placed("groupId") {
        resources.retain(|r| !r.contains(":placement-group/"));
    }
    if !resources.iter().any(|r| r.contains(":volume/")) {
        resources.push(format!("{}:volume/*", request.event.arn("ec2")));
        resources.sort();
    }
    Some(OperationMatch::Special(vec![permission(
        action,
        resources,
        "run-instances",
        "EC2 User Guide, Launch instances",
    )]))
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
