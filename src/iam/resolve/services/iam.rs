//! AWS IAM: renaming, service-linked roles, paths of names.

use crate::iam::arn::escape;
use crate::iam::catalog::{Action, bare_name};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Reading, ServiceRules, ValueReader, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(special),
    passed_to: &[passed_to(&["AddRoleToInstanceProfile"], &[], &["ec2"])],
    policy_arns: Some(|action, arn, request| with_paths(bare_name(action), arn, request)),
    read: Some(read),
    on_caller: ON_CALLER,
    ..ServiceRules::new("iam")
};

/// Renaming, and service-linked roles.
fn special(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let needed = match call.operation {
        "UpdateUser" | "UpdateGroup" | "UpdateServerCertificate" => renamed(call),
        "CreateServiceLinkedRole" => service_linked(call.own_action("iam")?, call.request),
        "GetServiceLinkedRoleDeletionStatus" => deleted_service_linked(call.own_action("iam")?, call.request),
        _ => None,
    };
    Some(vec![needed?])
}

/// Service-linked roles are named by the service that they are of, which names them itself.
/// Source: IAM User Guide, "Create a service-linked role".
fn service_linked(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let service = escape(request.parameters.plain_name("aWSServiceName")?);
    let role = format!("{}:role/aws-service-role/{service}/*", request.event.global_arn("iam"));
    Some(permission(action, vec![role], "service-linked-role", "IAM User Guide, Create a service-linked role"))
}

/// A deletion's number has the role in it: `task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/…`.
/// Source: IAM API Reference, DeleteServiceLinkedRole, "DeletionTaskId".
fn deleted_service_linked(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let (role, _) =
        request.parameters.text("deletionTaskId")?.strip_prefix("task/aws-service-role/")?.rsplit_once('/')?;
    let role = escape(role);
    let arn = format!("{}:role/aws-service-role/{role}", request.event.global_arn("iam"));
    Some(permission(action, vec![arn], "service-linked-role", "IAM API Reference, DeleteServiceLinkedRole"))
}

/// What is renamed or moved is asked for under both names.
/// Source: IAM API Reference, UpdateUser, UpdateGroup, UpdateServerCertificate: on the source and on the target.
fn renamed(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { request, operation, .. } = *call;
    let action = call.own_action("iam")?;
    let (key, kind) = match operation {
        "UpdateUser" => ("UserName", "user"),
        "UpdateGroup" => ("GroupName", "group"),
        _ => ("ServerCertificateName", "server-certificate"),
    };
    let (new_name, new_path) =
        (request.parameters.plain_name(&format!("New{key}")), request.parameters.text("newPath"));
    if new_name.is_none() && new_path.is_none() {
        return None;
    }
    let path = escape(new_path.unwrap_or_default().trim_matches('/'));
    let path = if path.is_empty() { path } else { path + "/" };
    let target = new_name.map_or_else(|| request.name_or_any(key), escape);
    let mut found = call.resources(action);
    found.push(format!("{}:{kind}/{path}{target}", request.event.global_arn("iam")));
    // A path that isn't said stays what it is.
    found.extend(new_path.is_none().then(|| format!("{}:{kind}/*/{target}", request.event.global_arn("iam"))));
    found.sort();
    found.dedup();
    Some(permission(action, found, "renamed", "IAM API Reference"))
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

/// Operations whose `UserName` may be left out: then it is that of the caller.
/// Source: IAM API Reference (botocore 1.44.5): the operations whose `UserName` isn't required and that say whom they
/// then mean, which GetMFADevice doesn't; ChangePassword is the caller's own.
const ON_CALLER: &[&str] = &[
    "ChangePassword",
    "CreateAccessKey",
    "CreateLoginProfile",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteLoginProfile",
    "DeleteServiceSpecificCredential",
    "DeleteSigningCertificate",
    "GetLoginProfile",
    "GetUser",
    "ListAccessKeys",
    "ListMFADevices",
    "ListSSHPublicKeys",
    "ListServiceSpecificCredentials",
    "ListSigningCertificates",
    "ResetServiceSpecificCredential",
    "UpdateAccessKey",
    "UpdateServiceSpecificCredential",
    "UpdateSigningCertificate",
    "UploadSigningCertificate",
];

/// An OpenID Connect provider's name is its URL without the scheme. Source: IAM User Guide, "IAM identifiers".
fn read(_: &str, variable: &str) -> Option<ValueReader> {
    let reader = ValueReader::new(|text| {
        Reading::Name(text.split_once("://").map_or(text, |(_, host)| host).trim_end_matches('/'))
    });
    (variable == "OidcProviderName").then_some(reader)
}
