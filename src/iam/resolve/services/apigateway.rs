//! Amazon API Gateway: HTTP verbs on paths, and actions that stand beside them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::iam::arn::{Arn, escape, partition_of};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Destination, LogDelivery, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(resolve),
    log_deliveries: &[LogDelivery {
        operations: &["CreateStage", "UpdateStage"],
        // Of version 2: version 1 writes by the role of the account.
        parameters: &["destinationArn"],
        of: &[Destination::Group],
        actions: LogDelivery::ALL,
        source: "API Gateway Developer Guide, Configure logging for HTTP APIs",
    }],
    ..ServiceRules::new("apigateway")
};

/// API Gateway's actions are HTTP verbs, its resources the paths.
/// Source: Service Authorization Reference, "Actions defined by Amazon API Gateway Management"; API Gateway Developer
/// Guide, "API Gateway Amazon Resource Name (ARN) reference": version 2's resources are named without the `/v2`.
/// Portals and routing rules have actions of their own.
fn resolve(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, operation: name, .. } = *call;
    if catalog.action(&format!("apigateway:{name}")).is_some() {
        return None;
    }
    let https = catalog.service("apigateway")?.http.get(&name.to_ascii_lowercase())?;
    // Both versions have operations of one name; version 2 speaks of `apiId`.
    let tagged = request.parameters.text("resourceArn");
    let is_v2 = !request.parameters.texts("apiId").is_empty() || tagged.is_some_and(|arn| arn.contains("::/apis/"));
    let http = https.iter().find(|h| h.path.starts_with("/v2/") == is_v2).or(https.first())?;
    let action = catalog.action(&format!("apigateway:{}", http.method))?;
    let mut path = String::new();
    for segment in http.path.trim_start_matches("/v2/").split('/').filter(|s| !s.is_empty()) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
            Some(variable) => path.push_str(&path_value(request, variable)),
            None => path.push_str(segment),
        }
    }
    let api = format!("arn:{}:apigateway:{}::", partition_of(request.event.aws_region), request.event.region());
    if let Some(arn) = tagged.filter(|_| matches!(name, "TagResource" | "UntagResource" | "GetTags")) {
        return on_tags(catalog, action, name, &api, arn);
    }
    let because = "botocore service model: HTTP method and requestUri";
    // An association is named by its ARN, which unlike the others has an account.
    let whole = request.parameters.text("domainNameAccessAssociationArn").map(escape);
    let resource = whole.filter(|arn| catalog.does_take(action, arn)).unwrap_or_else(|| format!("{api}{path}"));
    let mut needed = vec![permission(action, vec![resource.clone()], "apigateway-verb", because)];
    match tags_on_create(catalog, request, (name, is_v2), &api, &path) {
        // One action is said once.
        Some(tagging) if tagging.action == action.name => {
            needed.iter_mut().for_each(|only| only.resources.extend(tagging.resources.iter().cloned()));
        }
        tagging => needed.extend(tagging),
    }
    needed.extend(beside(catalog, request, name, &resource));
    needed.extend(access(catalog, request, name));
    Some(needed)
}

/// An endpoint's way to a private domain name is permissions management of that domain name.
/// Source: Service Authorization Reference, operations of API Gateway, CreateDomainNameAccessAssociation.
fn access(catalog: &Catalog, request: &Request<'_>, name: &str) -> Option<Permission> {
    let action = catalog.action("apigateway:CreateAccessAssociation")?;
    let domain = request.parameters.text("domainNameArn").filter(|_| name == "CreateDomainNameAccessAssociation")?;
    let resource = escape(domain);
    let resource = if catalog.does_take(action, &resource) { resource } else { "*".to_owned() };
    let because = "Service Authorization Reference, operations of API Gateway";
    Some(permission(action, vec![resource], "apigateway-control", because))
}

/// What a request asks for: at its top, or in what it is wrapped in (`createRestApiInput`).
fn asks_for(request: &Request<'_>, name: &str, key: &str) -> bool {
    if request.parameters.has(key) {
        return true;
    }
    let (first, rest) = name.split_at_checked(1).unwrap_or_default();
    let input = request.parameters.get(&format!("{}{rest}Input", first.to_ascii_lowercase()));
    input.as_ref().and_then(|input| input.get(key)).is_some_and(|value| match value {
        serde_json::Value::Null => false,
        serde_json::Value::Object(object) => !object.is_empty(),
        value => value != "",
    })
}

/// Whether one of the operations of a patch is on a path, or on what is below it.
fn patches(request: &Request<'_>, path: &str) -> bool {
    let is_below = |text: &&str| text.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    request.parameters.texts_anywhere("path").iter().any(is_below)
}

/// Permissions management that is asked for beside the verb: an API's or a domain name's policy, and the certificates
/// of its callers. Source: Service Authorization Reference, API Gateway Management, "additional authorization control".
fn beside(catalog: &Catalog, request: &Request<'_>, name: &str, resource: &str) -> Vec<Permission> {
    let asked: &[(&str, &str, &str)] = match name {
        "CreateRestApi" => &[("policy", "", "UpdateRestApiPolicy")],
        "UpdateRestApi" => &[("", "/policy", "UpdateRestApiPolicy")],
        "CreateDomainName" => {
            &[("mutualTlsAuthentication", "", "AddCertificateToDomain"), ("policy", "", "UpdateDomainNamePolicy")]
        }
        "UpdateDomainName" => &[
            ("mutualTlsAuthentication", "/mutualTlsAuthentication", "AddCertificateToDomain"),
            ("mutualTlsAuthentication", "/mutualTlsAuthentication", "RemoveCertificateFromDomain"),
            ("", "/policy", "UpdateDomainNamePolicy"),
            ("", "/managementPolicy", "UpdateDomainNameManagementPolicy"),
        ],
        _ => &[],
    };
    let is_asked = |(key, path, _): &&(&str, &str, &str)| {
        !key.is_empty() && asks_for(request, name, key) || !path.is_empty() && patches(request, path)
    };
    let actions =
        asked.iter().filter(is_asked).filter_map(|(.., action)| catalog.action(&format!("apigateway:{action}")));
    let because = "Service Authorization Reference, API Gateway Management, additional authorization controls";
    let on = |action| if catalog.does_take(action, resource) { resource.to_owned() } else { "*".to_owned() };
    actions.map(|action| permission(action, vec![on(action)], "apigateway-control", because)).collect()
}

/// Tags have paths of their own that end with the ARN of what they are on, with percent signs; changing them changes
/// that too. What the ARN is written as in the path differs between the versions: both ways name the same resource.
/// Source: a denial, mattclay/aws-terminator#284 (`PUT` on `/tags/arn%3Aaws%3Aapigateway%3A…`); what was tried against
/// the service, iann0036/iam-dataset#39 (`PATCH` on the resource); Service Authorization Reference, operations of API
/// Gateway (`PATCH` for both).
fn on_tags(catalog: &Catalog, verb: &Action, name: &str, api: &str, arn: &str) -> Option<Vec<Permission>> {
    let because = "API Gateway Developer Guide, ARN reference: tags; iann0036/iam-dataset#39";
    let paths = vec![format!("{api}/tags/{}", escape(&percent_encode(arn))), format!("{api}/tags/{}", escape(arn))];
    let mut needed = vec![permission(verb, paths, "apigateway-tags", because)];
    if name != "GetTags" {
        let change = catalog.action("apigateway:PATCH")?;
        let resource = escape(arn);
        let is_path = Arn::parse(arn).is_some() && catalog.does_take(change, &resource);
        let resources = vec![if is_path { resource } else { "*".to_owned() }];
        needed.push(permission(change, resources, "apigateway-tags", because));
    }
    Some(needed)
}

/// What is written with a percent sign in a path: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An ARN as it stands in a path.
fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Tags on what is made are put there by the verb that tags, on what has no name yet: the last name in its path.
/// Source: denials that callers met, mattclay/aws-terminator#284 (`PUT` on `/tags/arn%3A…%2Frestapis%2F*`),
/// cloudformation-coverage-roadmap#997 (`POST`, of version 2); Service Authorization Reference, operations of API
/// Gateway.
fn tags_on_create(
    catalog: &Catalog,
    request: &Request<'_>,
    (name, is_v2): (&str, bool),
    api: &str,
    path: &str,
) -> Option<Permission> {
    let makes = ["Create", "Generate", "Import"].iter().any(|verb| name.starts_with(verb));
    if !makes || !asks_for(request, name, "tags") {
        return None;
    }
    let is_of_v2 = is_v2 || request.parameters.has("protocolType");
    let action = catalog.action(if is_of_v2 { "apigateway:POST" } else { "apigateway:PUT" })?;
    let because = "what denials of calls with tags name";
    let is_known = !is_of_v2 && !path.contains(['*', '?', '$']) && !api.contains('*');
    let tags = if is_known { percent_encode(&format!("{api}{path}/")) } else { String::new() };
    Some(permission(action, vec![format!("{api}/tags/{tags}*")], "tags-on-create", because))
}

/// Parameters that are called otherwise than their place in a path. Source: botocore 1.44.5, apigateway.
const CALLED: &[(&str, &str)] =
    &[("partid", "documentationPartId"), ("docversion", "documentationVersion"), ("sdktypeid", "id")];

fn path_value(request: &Request<'_>, variable: &str) -> String {
    let variable = variable.trim_end_matches('+').replace('_', "");
    let called = CALLED.iter().find(|(place, _)| *place == variable).map(|(_, called)| *called);
    let texts = request.parameters.texts(called.unwrap_or(&variable));
    match texts.as_slice() {
        [one] if !one.contains(['/', ':']) => escape(one),
        _ => "*".to_owned(),
    }
}
