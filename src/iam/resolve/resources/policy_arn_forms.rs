//! How policies write resources that requests name otherwise.

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::resolve::resources::aws_owned;

/// A resource of an action as policies write it; where a request may mean either of two, both.
pub(in crate::iam) fn as_written(action: &str, resource: String, request: &Request<'_>) -> Vec<String> {
    match action.split_once(':').unwrap_or_default() {
        ("logs", _) => vec![with_tail(action, resource)],
        ("lambda", name) => of_function(name, resource, request),
        ("secretsmanager", _) => of_secret(resource),
        ("ssm", _) => vec![aws_owned::of_systems_manager(of_parameter(resource))],
        ("dynamodb", _) => vec![of_stream(resource)],
        ("quicksight", _) => vec![aws_owned::of_quicksight(of_namespace(resource, request))],
        ("sagemaker", _) => vec![aws_owned::of_sagemaker(resource)],
        ("lex", _) => of_bot(resource, request),
        ("network-firewall", _) => of_rule_group(resource, request),
        ("states", _) => vec![of_state_machine(resource)],
        ("s3express", _) => vec![of_directory_bucket(resource)],
        ("iam", name) => with_paths(name, resource, request),
        _ => vec![resource],
    }
}

/// Actions on log groups that are asked for without `:*` behind.
/// Source: CloudWatch Logs API Reference, LogGroup, "logGroupArn": "TagResource, UntagResource, and
/// ListTagsForResource".
const WITHOUT_TAIL: &[&str] = &["logs:ListTagsForResource", "logs:TagResource", "logs:UntagResource"];

/// Log groups are written with `:*` behind, but for those actions.
/// Source: CloudWatch Logs User Guide, "ARNs": the form for actions on them.
fn with_tail(action: &str, resource: String) -> String {
    let is_group = resource.contains(":log-group:") && !resource.contains(":log-stream:");
    if !is_group {
        return resource;
    }
    // Where requests write it too, it is no part of the name.
    let named = resource.strip_suffix(":${*}").unwrap_or(&resource);
    if WITHOUT_TAIL.contains(&action) || named.ends_with('*') {
        return named.to_owned();
    }
    format!("{named}:*")
}

/// An ARN as written for another action, for one of those that want no tail.
pub(in crate::iam) fn without_tail(action: &str, arn: String) -> String {
    match arn.strip_suffix(":*") {
        Some(group) if WITHOUT_TAIL.contains(&action) && group.contains(":log-group:") => group.to_owned(),
        _ => arn,
    }
}

/// Users and groups of QuickSight are within a namespace, which the tables don't say.
/// Source: a denial, amazon-archives/amazon-quicksight-embedding-sample#19 (`user/default/username`); QuickSight User
/// Guide, identity-based policies: `group/default/*`.
fn of_namespace(resource: String, request: &Request<'_>) -> String {
    let is_within = |kind: &&str| resource.split_once(*kind).is_some_and(|(_, name)| !name.contains('/'));
    let Some(kind) = [":user/", ":group/"].into_iter().find(is_within) else { return resource };
    match request.parameters.text("namespace").filter(|namespace| !namespace.contains(['/', ':'])) {
        Some(namespace) => resource.replacen(kind, &format!("{kind}{}/", escape(namespace)), 1),
        None => resource,
    }
}

/// Rule groups of both kinds are named alike; `Type` tells the kind.
/// Source: Network Firewall API Reference, DescribeRuleGroup, "Type".
fn of_rule_group(resource: String, request: &Request<'_>) -> Vec<String> {
    let other = match request.parameters.text("type") {
        Some("STATEFUL") => ":stateless-rulegroup/",
        Some("STATELESS") => ":stateful-rulegroup/",
        _ => return vec![resource],
    };
    if resource.contains(other) { Vec::new() } else { vec![resource] }
}

/// Both versions of Lex have actions of one name; what version 2 is asked for has ids, and no names.
/// Source: Service Authorization Reference, Amazon Lex V2: `bot/${BotId}`; Amazon Lex: `bot:${BotName}`.
fn of_bot(resource: String, request: &Request<'_>) -> Vec<String> {
    let is_of_v1 = [":bot:", ":bot-channel:", ":intent:", ":slottype:"].iter().any(|kind| resource.contains(kind));
    if is_of_v1 && request.parameters.has("botId") { Vec::new() } else { vec![resource] }
}

/// Versions and aliases are authorised on their state machine; which one it is stands in
/// `states:StateMachineQualifier`.
/// Source: Resolver Functions Developer Guide, "Authorization for versions and aliases".
fn of_state_machine(mut resource: String) -> String {
    const KIND: &str = ":stateMachine:";
    let begin = resource.find(KIND).map(|at| at + KIND.len());
    let name = begin.and_then(|begin| Some((begin, resource.get(begin..)?.find(':')?)));
    if let Some((begin, end)) = name {
        resource.truncate(begin + end);
    }
    resource
}

/// Access points stand where requests name buckets; what their names end with tells them.
/// Source: S3 User Guide, "Access points for directory buckets naming rules": `--xa-s3`.
fn of_directory_bucket(resource: String) -> String {
    match resource.split_once(":bucket/").filter(|(_, name)| name.ends_with("--xa-s3")) {
        Some((head, name)) => format!("{head}:accesspoint/{name}"),
        None => resource,
    }
}

/// A version or an alias that is called is asked for by its own ARN, however the request names it; of other actions the
/// tables say the function.
/// Source: Lambda Developer Guide, "Resources and conditions for Lambda actions"; what Lambda told its customers in
/// 2022, in juanjoDiaz/serverless-plugin-warmup#304; aws/aws-cdk#19318.
fn of_function(action: &str, function: String, request: &Request<'_>) -> Vec<String> {
    let is_whole = function.split_once(":function:").is_some_and(|(_, name)| !name.contains([':', '*']));
    let Some(qualifier) = is_whole.then(|| qualifier(request)).flatten() else { return vec![function] };
    let qualified = format!("{function}:{}", escape(qualifier));
    if action == "InvokeFunction" { vec![qualified] } else { vec![function, qualified] }
}

/// Of a function: beside its name, or behind it.
fn qualifier<'a>(request: &Request<'a>) -> Option<&'a str> {
    let own = || match request.parameters.text("functionName")?.split(':').collect::<Vec<_>>().as_slice() {
        [_, qualifier] | [_, "function", _, qualifier] | [_, _, _, _, _, "function", _, qualifier] => Some(*qualifier),
        _ => None,
    };
    request.parameters.text("qualifier").or_else(own).filter(|text| !text.contains([':', '/']))
}

/// A secret may be named by its ARN without the six letters behind its name; a word or number of six may be either.
/// Source: Secrets Manager API Reference, GetSecretValue, "SecretId"; User Guide, "Permissions policy examples".
fn of_secret(secret: String) -> Vec<String> {
    let Some((_, name)) = secret.split_once(":secret:").filter(|(_, name)| !name.ends_with(['*', '?'])) else {
        return vec![secret];
    };
    let end = name.rsplit_once('-').map(|(_, end)| end).filter(|end| end.len() == 6);
    let partial = format!("{secret}-??????");
    match end.filter(|end| end.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(end) if !end.bytes().any(|b| b.is_ascii_uppercase()) => vec![secret, partial],
        Some(_) => vec![secret],
        None => vec![partial],
    }
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

/// Requests name users, groups, roles and instance profiles without their paths, and names are distinct without them:
/// `role/service-role/r` is the only role `r`. What is made says its path itself, and so do ARNs.
/// Source: IAM User Guide, "IAM identifiers": friendly names and paths, "names must be unique within an account".
fn with_paths(action: &str, resource: String, request: &Request<'_>) -> Vec<String> {
    let is_made = |kind: &str| {
        let made = action.strip_prefix("Create").or_else(|| action.strip_prefix("Upload"));
        made.is_some_and(|made| made.eq_ignore_ascii_case(&kind.replace('-', "")))
    };
    let Some((head, (kind, name))) = resource.rsplit_once(':').and_then(|(h, rest)| Some((h, rest.split_once('/')?)))
    else {
        return vec![resource];
    };
    let has_path = matches!(kind, "user" | "group" | "role" | "instance-profile" | "server-certificate");
    let key = ["userName", "groupName", "roleName", "instanceProfileName", "serverCertificateName"];
    let is_named = || key.iter().any(|key| request.parameters.text(key).is_some_and(|text| escape(text) == name));
    if is_made(kind) || !has_path || name.contains(['/', '*']) || !is_named() {
        return vec![resource];
    }
    let anywhere = format!("{head}:{kind}/*/{name}");
    vec![anywhere, resource]
}

/// Behind a parameter's name stands which version is meant. Source: Systems Manager API Reference, GetParameter,
/// "Name".
fn of_parameter(mut parameter: String) -> String {
    if let Some(at) = parameter.find(":parameter/")
        && let Some(end) = parameter.get(at + 1..).and_then(|rest| rest.find(':'))
    {
        parameter.truncate(at + 1 + end);
    }
    parameter
}
