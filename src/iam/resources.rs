//! Which resources an action was taken on: what the record names, and ARN patterns filled from what the request says.
//!
//! For each resource type that the action takes, the first of these that finds something:
//!
//! 1. ARNs in the record's `resources` that have the type's form.
//! 2. ARNs in the request's parameters that have it.
//! 3. ARNs in the response whose last name the request gave: what a call made under a name of the caller's choice.
//! 4. The type's ARN pattern filled from the request. A variable that nobody tells becomes `*` in its place. What a
//!    service numbers itself (instance ids) stays `*` too: IAM asks for `instance/*` before the instance is there.
//! 5. For a type that the action requires, the pattern with `*` for every variable.
//!
//! Every name from a record is escaped, so that it means itself and nothing more.

use std::collections::BTreeSet;

use super::arn::{Arn, escape, partition_of};
use super::catalog::{Action, Catalog, ResourceType, Service, is_form_of};
use super::event::Event;
use super::params::Params;

/// Resources that one action has at the most; beyond that the type's pattern stands for all.
const RESOURCES_MAX: usize = 100;

/// Where a request was made and what it said.
pub(super) struct Request<'a> {
    pub event: &'a Event<'a>,
    pub parameters: &'a Params,
    pub response: &'a Params,
}

/// The resources of one action; `*` where it takes none or none is known.
pub(super) fn resources(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Vec<String> {
    let types = catalog.resource_arns(action);
    let service = action.name.split_once(':').and_then(|(prefix, _)| catalog.service(prefix));
    let (Some(service), false) = (service, types.is_empty()) else { return vec!["*".to_owned()] };
    let by_type: Vec<(&ResourceType, OfType)> =
        types.iter().map(|kind| (*kind, of_type(service, kind, request))).collect();
    // Types that share a variable (an object's key) are told apart by the ones that only one of them has.
    let some_whole = by_type.iter().any(|(_, of_type)| of_type.is_whole && !of_type.arns.is_empty());
    let mut found = BTreeSet::new();
    let mut met = BTreeSet::new();
    for (kind, of_type) in by_type {
        if !of_type.arns.is_empty() && (of_type.is_whole || !some_whole) {
            met.insert(kind.name.as_str());
            found.extend(of_type.arns);
        }
    }
    for kind in &types {
        let is_required = action.resource_types.iter().any(|(name, required)| *required && *name == kind.name);
        if is_required && met.insert(&kind.name) {
            found.insert(fill(&kind.arn, request, |_| None));
        }
    }
    if found.is_empty() {
        vec!["*".to_owned()]
    } else {
        found.into_iter().map(|r| with_tail(&action.name, r)).collect()
    }
}

/// What was found for one resource type.
struct OfType {
    arns: BTreeSet<String>,
    /// Nothing in them is left open.
    is_whole: bool,
}

fn of_type(service: &Service, kind: &ResourceType, request: &Request<'_>) -> OfType {
    for arns in [recorded(kind, request), in_parameters(kind, request), in_response(kind, request)] {
        if !arns.is_empty() {
            return OfType { arns, is_whole: true };
        }
    }
    filled(service, kind, request)
}

/// ARNs of the record's own list.
fn recorded(kind: &ResourceType, request: &Request<'_>) -> BTreeSet<String> {
    let mut arns = BTreeSet::new();
    for resource in request.event.resources.iter().take(RESOURCES_MAX) {
        if let Some(arn) = resource.arn.filter(|arn| Arn::parse(arn).is_some()) {
            arns.insert(escape(arn));
        }
        if let Some(prefix) = resource.arn_prefix.filter(|arn| Arn::parse(arn).is_some()) {
            arns.insert(format!("{}*", escape(prefix)));
        }
    }
    arns.retain(|arn| is_form_of(&kind.arn, arn));
    arns
}

fn in_parameters(kind: &ResourceType, request: &Request<'_>) -> BTreeSet<String> {
    let mut arns = BTreeSet::new();
    request.parameters.walk(&mut |_, text| {
        if text.starts_with("arn:") && arns.len() < RESOURCES_MAX && Arn::parse(text).is_some() {
            let arn = escape(text);
            if is_form_of(&kind.arn, &arn) {
                arns.insert(arn);
            }
        }
    });
    arns
}

fn in_response(kind: &ResourceType, request: &Request<'_>) -> BTreeSet<String> {
    let mut arns = BTreeSet::new();
    request.response.walk(&mut |_, text| {
        if !text.starts_with("arn:") || arns.len() >= RESOURCES_MAX || !is_form_of(&kind.arn, text) {
            return;
        }
        let name = text.rsplit(['/', ':']).next().unwrap_or_default();
        let mut is_given = false;
        request.parameters.walk(&mut |_, given| is_given |= given == name);
        if is_given {
            arns.insert(escape(text));
        }
    });
    arns
}

/// The variables of an ARN pattern that stand for names.
fn variables(pattern: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        pattern.split("${").skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect();
    names.retain(|name| !matches!(*name, "Partition" | "Region" | "Account"));
    names
}

fn filled(service: &Service, kind: &ResourceType, request: &Request<'_>) -> OfType {
    let names = variables(&kind.arn);
    let values: Vec<Vec<String>> = names.iter().map(|name| values(service, kind, name, request)).collect();
    let Some(longest) = values.iter().map(Vec::len).max().filter(|n| *n > 0) else {
        return OfType { arns: BTreeSet::new(), is_whole: false };
    };
    let is_whole = values.iter().all(|values| !values.is_empty());
    let mut arns = BTreeSet::new();
    for i in 0..longest.min(RESOURCES_MAX) {
        let arn = fill(&kind.arn, request, |name| {
            let at = names.iter().position(|known| *known == name)?;
            let known = values.get(at)?;
            // One value goes with all, several go with each other in order.
            known.get(i).or(if known.len() == 1 { known.first() } else { None }).cloned()
        });
        if is_form_of(&kind.arn, &arn) {
            arns.insert(arn);
        }
    }
    OfType { arns, is_whole }
}

/// What the request says for a variable of a type's pattern, escaped.
fn values(service: &Service, kind: &ResourceType, variable: &str, request: &Request<'_>) -> Vec<String> {
    for name in candidates(service, kind, variable) {
        let texts = request.parameters.texts(&name);
        let values: Vec<String> = texts.iter().filter_map(|text| value(kind, variable, text)).collect();
        if !values.is_empty() {
            return values;
        }
    }
    Vec::new()
}

/// Names under which a parameter may hold a variable's value, the likeliest first.
///
/// Where a pattern has several variables, a guess may take the value of one for that of another (a group's name for
/// its id): then only names that say the variable itself count.
fn candidates(service: &Service, kind: &ResourceType, variable: &str) -> Vec<String> {
    let is_only = variables(&kind.arn).len() == 1;
    let bare = variable.strip_suffix("WithPath").or(variable.strip_suffix("WithoutLeadingSlash")).unwrap_or(variable);
    let mut names = vec![variable.to_owned(), bare.to_owned()];
    for (suffix, other) in [("Id", "Name"), ("Name", "Id")] {
        if let Some(stem) = bare.strip_suffix(suffix).filter(|stem| !stem.is_empty()) {
            names.extend([format!("{stem}Identifier"), stem.to_owned(), format!("{stem}Arn")]);
            names.extend(is_only.then(|| format!("{stem}{other}")));
        }
    }
    names.push(format!("{bare}s"));
    let listed = service.parameters.get(variable).into_iter().flatten();
    let says_something =
        |name: &&String| !matches!(name.as_str(), "Name" | "Id" | "Type" | "Value" | "Arn" | "Path" | "Body");
    names.extend(listed.filter(says_something).cloned());
    let kind_name: String = kind.name.split(['-', '_']).collect();
    if is_only {
        names.extend(["", "Name", "Id", "Identifier", "Arn"].map(|suffix| format!("{kind_name}{suffix}")));
        // RDS logs its parameters with `dB` in front: dBInstanceIdentifier.
        match (service.prefix(), kind.name.as_str()) {
            ("rds", "cluster") => names.push("DBClusterIdentifier".to_owned()),
            ("rds", "db") => names.push("DBInstanceIdentifier".to_owned()),
            _ => {}
        }
    }
    names
}

/// A parameter's text as the value of a variable: a name, or the name out of an ARN or URL of the type.
fn value(kind: &ResourceType, variable: &str, text: &str) -> Option<String> {
    if text.is_empty() || text.starts_with("arn:") || text == "HIDDEN_DUE_TO_SECURITY_REASONS" {
        return None;
    }
    let text = match variable {
        "QueueName" => text.rsplit('/').next().unwrap_or(text),
        "ParameterNameWithoutLeadingSlash" => text.trim_start_matches('/'),
        "FunctionName" => return function(text),
        _ => text,
    };
    let may_hold_slash = ["ObjectName", "LogGroupName", "RepositoryName", "SecretId", "Path"].contains(&variable)
        || variable.ends_with("WithPath")
        || variable.ends_with("WithoutLeadingSlash")
        || kind.arn.ends_with(&format!("${{{variable}}}")) && !text.contains(':') && kind.name != "bucket";
    let is_name = !text.contains(':') || variable == "ObjectName" || variable == "LogGroupName";
    if !is_name || text.contains('/') && !may_hold_slash {
        // Whatever this is, it is no name of one thing: it may not choose the resource.
        return Some("*".to_owned());
    }
    Some(escape(text))
}

/// A function's name out of what `functionName` may hold: a name, a partial or whole ARN, with a qualifier or without.
/// Source: Lambda API Reference, Invoke, "FunctionName".
fn function(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split(':').collect();
    let name = match parts.as_slice() {
        [name] | [name, _] => name,
        [_, "function", name, ..] => name,
        _ => return Some("*".to_owned()),
    };
    Some(escape(name))
}

/// A pattern with its variables filled; what `value` doesn't know becomes `*`.
fn fill(pattern: &str, request: &Request<'_>, value: impl Fn(&str) -> Option<String>) -> String {
    let event = request.event;
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, behind)) = rest.split_once("${") {
        let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
        out.push_str(before);
        let plain = |text: Option<&str>| text.filter(|t| is_plain(t)).unwrap_or("*").to_owned();
        out.push_str(&match name {
            "Partition" => partition_of(event.aws_region).to_owned(),
            "Region" => plain(event.aws_region),
            "Account" => plain(event.account_id),
            _ => value(name).unwrap_or_else(|| "*".to_owned()),
        });
        rest = after;
    }
    out.push_str(rest);
    // `*` behind `*` means no more than one.
    while out.contains("**") {
        out = out.replace("**", "*");
    }
    reserved_path(out)
}

/// Regions and accounts are letters, digits and hyphens.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Roles of Identity Center and service-linked roles have paths that requests don't say.
/// Source: IAM Identity Center User Guide, "Referencing permission sets"; IAM User Guide, "Service-linked roles".
fn reserved_path(arn: String) -> String {
    match arn.split_once(":role/") {
        Some((head, name)) if name.starts_with("AWSReservedSSO_") => {
            format!("{head}:role/aws-reserved/sso.amazonaws.com/*{name}")
        }
        Some((head, name)) if name.starts_with("AWSServiceRoleFor") => format!("{head}:role/aws-service-role/*/{name}"),
        _ => arn,
    }
}

/// Log groups are written with `:*` behind. Source: CloudWatch Logs User Guide, "ARNs": the form for actions on them.
fn with_tail(action: &str, resource: String) -> String {
    let is_group =
        action.starts_with("logs:") && resource.contains(":log-group:") && !resource.contains(":log-stream:");
    if is_group && !resource.ends_with('*') { format!("{resource}:*") } else { resource }
}

/// A role's ARN by its name, in the account of the event.
pub(super) fn role_arn(name: &str, event: &Event<'_>) -> String {
    let account = event.account_id.filter(|t| is_plain(t)).unwrap_or("*");
    reserved_path(format!(
        "arn:{}:iam::{account}:role/{}",
        partition_of(event.aws_region),
        escape(name.trim_start_matches('/'))
    ))
}

/// Whether a text is the ARN of a role.
pub(super) fn is_role_arn(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
}
