//! Handing a role over to a service: `iam:PassRole`, which has no event of its own.
//!
//! A role that may be for one of several services is there once for each of them (`passed`): a policy allows it for
//! all. An instance profile hands over its role, whose name no request says; the console gives both one name.
//!
//! Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::iam::arn::is_role_arn;
use crate::iam::arn::{Arn, escape, partition_of};
use crate::iam::catalog::{AccessLevel, Action, Catalog, Service};
use crate::iam::event::{Confidence, Permission};
use crate::iam::request::Request;
use crate::iam::request::params::Params;
use crate::iam::resolve::resources::fill::role_arn;
use crate::iam::resolve::resources::plan::Plan;
use crate::iam::resolve::service_rules::{Call, PassedFor, ServiceRules};

/// Calls that need the role that they name although they only read or take away, or are on roles too.
/// Source: Service Authorization Reference, operations of Cloud Control API, IoT Device Advisor, Backup.
const LISTED_TOO: &[(&str, &str)] = &[
    ("backup", "UpdateRecoveryPointIndexSettings"),
    ("cloudformation", "DeleteResource"),
    ("cloudformation", "GetResource"),
    ("cloudformation", "ListResources"),
    ("iotdeviceadvisor", "GetEndpoint"),
];

/// `iam:PassRole` for the roles in the request of a call that changes something. The tables list many such calls; of
/// the others a parameter that is named after a role and holds the ARN of one, of the same account, is enough.
pub(in crate::iam) fn passed_roles(
    call: &Call<'_, '_>,
    rules: &ServiceRules,
    service: &Service,
    action: &Action,
) -> Vec<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let is_dependent = action.dependent_actions.iter().any(|d| d == "iam:PassRole");
    let listed = service.passes.get(&operation.to_ascii_lowercase());
    let is_listed = listed.is_some() || LISTED_TOO.contains(&(service.prefix(), operation));
    if service.prefix() == "sts" || !is_dependent && !is_listed && action.access_level <= AccessLevel::Read {
        return Vec::new();
    }
    let mut passed = Passed { request, rules, prefix: service.prefix(), operation, roles: BTreeMap::new() };
    for name in listed.into_iter().flatten() {
        request.parameters.texts(name).into_iter().for_each(|text| passed.add_listed(name, text));
    }
    let stated = rules.named_roles.map(|named_roles| named_roles(call)).unwrap_or_default();
    let is_documented = is_listed || is_dependent || !stated.is_empty();
    stated.iter().for_each(|(name, role)| match profile_of_arn(role) {
        Some(_) => passed.add_profile(name, role),
        None => passed.add_text(name, role),
    });
    if action.access_level > AccessLevel::Read && !KEEPS_PROFILES.contains(&service.prefix()) {
        request.parameters.profiles().iter().for_each(|(key, profile)| passed.add_profile(key, profile));
        if let Some((_, key)) = rules.answered_profile.filter(|(name, _)| *name == operation) {
            let answered = request.answered(key);
            answered.iter().for_each(|arn| passed.add_profile("iamInstanceProfile", arn));
        }
    }
    let may_pass = is_documented || may_pass(catalog, action);
    for (key, arn) in in_role_parameters(service, &request.parameters).filter(|_| may_pass) {
        if is_documented || is_passable(arn, request) {
            passed.add(key, vec![escape(arn)]);
        }
    }
    passed.permissions(catalog, is_documented)
}

/// Services whose calls are on profiles themselves.
const KEEPS_PROFILES: [&str; 3] = ["dms", "iam", "securityhub"];

/// The roles of one request.
struct Passed<'r, 'a> {
    request: &'r Request<'a>,
    rules: &'r ServiceRules,
    prefix: &'r str,
    operation: &'r str,
    /// By the service that they are for, if that is known.
    roles: BTreeMap<Option<String>, BTreeSet<String>>,
}

impl Passed<'_, '_> {
    /// Roles that stand under a parameter.
    fn add(&mut self, parameter: &str, roles: Vec<String>) {
        self.add_for(parameter, roles, self.prefix);
    }

    /// The same, of roles that are for `own` where the service says nothing else.
    fn add_for(&mut self, parameter: &str, roles: Vec<String>, own: &str) {
        let endings = principal_endings(self.request);
        let own = [own];
        let services: &[&str] = match self.rules.passed_for(self.operation, parameter) {
            PassedFor::Nobody => return,
            PassedFor::Services(services) => services,
            PassedFor::Caller => &own,
        };
        if endings.is_empty() {
            self.roles.entry(None).or_default().extend(roles);
            return;
        }
        for (service, ending) in services.iter().flat_map(|service| endings.iter().map(move |ending| (service, ending)))
        {
            self.roles.entry(Some(format!("{service}.{ending}"))).or_default().extend(roles.iter().cloned());
        }
    }

    /// A text under a parameter that is listed as one that holds a role.
    fn add_listed(&mut self, parameter: &str, text: &str) {
        if is_role_arn(text) || !text.contains(':') && parameter.to_ascii_lowercase().contains("role") {
            self.add_text(parameter, text);
        } else if profile_of_arn(text).is_some() {
            self.add_profile(parameter, text);
        }
    }

    /// A role by its ARN or name.
    fn add_text(&mut self, parameter: &str, text: &str) {
        if is_role_arn(text) {
            self.add(parameter, vec![escape(text)]);
        } else if is_role_name(text) {
            self.add(parameter, roles_named(text, self.request));
        }
    }

    /// The role of a profile that is given by its name or ARN: an ARN says the path too. EC2 alone takes profiles.
    /// Source: IAM User Guide, "Use instance profiles".
    fn add_profile(&mut self, parameter: &str, text: &str) {
        let roles = match profile_of_arn(text) {
            Some(name) if is_role_name(name) => vec![role_arn(name, self.request.event)],
            None if !text.contains('/') && is_role_name(text) => roles_named(text, self.request),
            _ => return,
        };
        self.add_for(parameter, roles, "ec2");
    }

    fn permissions(self, catalog: &Catalog, is_documented: bool) -> Vec<Permission> {
        let Some(action) = catalog.action("iam:PassRole") else { return Vec::new() };
        let permission = |(service, roles): (Option<String>, BTreeSet<String>)| Permission {
            action: Arc::clone(&action.name),
            resources: roles.into_iter().collect(),
            confidence: if is_documented { Confidence::Documented } else { Confidence::Inferred },
            rule: "passed-role",
            source: if is_documented {
                "Service Authorization Reference, dependent actions; iam-dataset; trust policies in the services' guides: \
                 handed to one of the services named here"
                    .into()
            } else {
                "the request hands over a role; IAM User Guide, Grant a user permissions to pass a role".into()
            },
            passed_to_service: service.map(Arc::from),
        };
        self.roles.into_iter().map(permission).collect()
    }
}

/// Whether a text may be a role's name, with its path or without. Source: IAM API Reference, CreateRole, `RoleName`,
/// `Path`.
fn is_role_name(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// The path and name in an instance profile's ARN.
fn profile_of_arn(text: &str) -> Option<&str> {
    Arn::parse(text).filter(|arn| arn.service == "iam")?.resource.strip_prefix("instance-profile/")
}

/// The role of a name, wherever its path is if the name doesn't say it.
fn roles_named(name: &str, request: &Request<'_>) -> Vec<String> {
    let role = role_arn(name, request.event);
    match role.split_once(":role/") {
        Some((head, name)) if !name.contains('/') => vec![format!("{head}:role/*/{name}"), role],
        _ => vec![role],
    }
}

/// How names of services end in a partition; none, where that isn't known.
///
/// In China some end with `.cn`, some don't, and EC2 is called both: a policy that names both grants no more, since one
/// of them is nobody.
/// Source: what IAM denied there, terraform-aws-modules/terraform-aws-eks#3422, aws/karpenter-provider-aws#6839,
/// aws/aws-cdk#19867.
fn principal_endings(request: &Request<'_>) -> &'static [&'static str] {
    match partition_of(request.event.aws_region) {
        "aws" | "aws-us-gov" => &["amazonaws.com"],
        "aws-cn" => &["amazonaws.com", "amazonaws.com.cn"],
        _ => &[],
    }
}

/// ARNs of roles in parameters that are named after roles. API Gateway's changes name paths, and hold what is put there
/// as their value. Source: API Gateway API Reference, PatchOperation.
fn in_role_parameters<'a>(service: &Service, parameters: &Params<'a>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let is_patched = service.prefix() == "apigateway";
    let is_meant = move |key: &str| is_named_after_role(key) || is_patched && key == "value";
    parameters.role_arns().filter(move |(key, _)| is_meant(key))
}

/// API Gateway's are credentials, Cognito's the caller of SNS. Sources: API Gateway API Reference, PutIntegration,
/// `credentials`; Cognito API References, SmsConfigurationType, `SnsCallerArn`, SetIdentityPoolRoles, `Roles`, and what
/// was denied there: awslabs/aws-api-gateway-developer-portal#11. The key cache of DMS is read by a role. Source: DMS
/// API Reference, KerberosAuthenticationSettings, `KeyCacheSecretIamArn`.
fn is_named_after_role(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    if key.contains("principal") {
        return false;
    }
    // `authenticated` and `unauthenticated` are the keys of identity pools' roles.
    ["role", "credentials", "snscallerarn", "secretiamarn"].iter().any(|word| key.contains(word))
        || key.ends_with("authenticated")
}

/// Whether a service's call that no table lists may be one that hands a role over: IAM's own are about roles, and so is
/// what takes a role as its resource, what takes a role's permission away, tags, and names roles as principals.
fn may_pass(catalog: &Catalog, action: &Action) -> bool {
    let (prefix, name) = action.name.split_once(':').unwrap_or_default();
    let takes_away = ["Delete", "Remove", "Detach", "Disassociate", "Deregister", "Untag", "Tag", "Revoke", "Stop"];
    !matches!(prefix, "iam" | "sso" | "ram" | "access-analyzer" | "health" | "support" | "signin")
        && !takes_away.iter().any(|verb| name.starts_with(verb))
        && !Plan::of(catalog, action).takes("arn:aws:iam::111122223333:role/r")
}

/// Roles are handed over within their account; those of services are none of the caller's.
fn is_passable(arn: &str, request: &Request<'_>) -> bool {
    Arn::parse(arn).is_some_and(|arn| {
        Some(arn.account) == request.event.account_id && !arn.resource.starts_with("role/aws-service-role/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Event, permissions};

    #[test]
    fn services_of_china_have_two_names() {
        let services = |region: &str| -> Vec<Option<String>> {
            let event = Event {
                event_source: "ec2.amazonaws.com",
                event_name: "RunInstances",
                aws_region: Some(region),
                account_id: Some("111122223333"),
                request_parameters: Some(r#"{"iamInstanceProfile":{"name":"p"}}"#),
                ..Event::default()
            };
            let needed = permissions(Catalog::embedded(), &event).needed.into_iter();
            let passed = needed.filter(|needed| *needed.action == *"iam:PassRole");
            passed.map(|passed| passed.passed_to_service.map(|service| service.to_string())).collect()
        };
        let named = |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(services("eu-west-1"), named(&["ec2.amazonaws.com"]));
        assert_eq!(services("us-gov-west-1"), named(&["ec2.amazonaws.com"]));
        assert_eq!(services("cn-north-1"), named(&["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]));
        assert_eq!(services("us-iso-east-1"), [None]);
    }
}
