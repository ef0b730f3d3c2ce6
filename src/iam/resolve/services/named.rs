//! Calls whose resources are not called as the ARN forms' variables are, or whose number the service gives.

use crate::iam::arn::{escape, partition_of};
use crate::iam::catalog::{Action, Catalog};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::resources::resources;

/// What such a call needs.
pub(in crate::iam) fn by_name(
    catalog: &Catalog,
    request: &Request<'_>,
    prefix: &str,
    name: &str,
) -> Option<Permission> {
    let of = |name: &str| catalog.action(&format!("{prefix}:{name}"));
    match (prefix, name) {
        ("iam", "UpdateUser" | "UpdateGroup" | "UpdateServerCertificate") => renamed(catalog, of(name)?, request, name),
        ("iam", "CreateServiceLinkedRole") => service_linked(of(name)?, request),
        ("iam", "GetServiceLinkedRoleDeletionStatus") => deleted_service_linked(of(name)?, request),
        ("iot", "DescribeManagedJobTemplate") => managed_template(of(name)?, request),
        ("elasticloadbalancing", "CreateLoadBalancer") => balancer(of(name)?, request),
        ("lex", "CreateBot") => Some(bot(of(name)?, request)),
        ("redshift", "RestoreFromClusterSnapshot") => restored(catalog, of(name)?, request),
        ("securityhub", "BatchUpdateFindingsV2") => Some(of_new_hub(of("BatchUpdateFindings")?, request)),
        ("securityhub", "GetFindingsV2") => Some(of_new_hub(of("GetFindings")?, request)),
        ("securityhub", "GetFindingStatisticsV2") => Some(of_new_hub(of("GetAdhocInsightResults")?, request)),
        _ => None,
    }
}

/// A text that may be the name of one thing.
fn name_of<'a>(request: &Request<'a>, key: &str) -> Option<&'a str> {
    request.parameters.text(key).filter(|name| !name.contains(['/', ':']))
}

/// Service-linked roles are named by the service that they are of, which names them itself.
/// Source: IAM User Guide, "Create a service-linked role".
fn service_linked(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let service = escape(name_of(request, "aWSServiceName")?);
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

/// Templates of jobs that AWS keeps have no account, and a version.
/// Source: IoT Developer Guide, "Managed templates": `arn:aws:iot:region::jobtemplate/AWS-Reboot:1.0`.
fn managed_template(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let name = escape(name_of(request, "templateName")?);
    let version = name_of(request, "templateVersion").map_or_else(|| "*".to_owned(), escape);
    let (partition, region) = (partition_of(request.event.aws_region), request.event.region());
    let arn = format!("arn:{partition}:iot:{region}::jobtemplate/{name}:{version}");
    Some(permission(action, vec![arn], "managed-template", "IoT Developer Guide, Managed templates"))
}

/// What is renamed or moved is asked for under both names.
/// Source: IAM API Reference, UpdateUser, UpdateGroup, UpdateServerCertificate: on the source and on the target.
fn renamed(catalog: &Catalog, action: &Action, request: &Request<'_>, name: &str) -> Option<Permission> {
    let (key, kind) = match name {
        "UpdateUser" => ("UserName", "user"),
        "UpdateGroup" => ("GroupName", "group"),
        _ => ("ServerCertificateName", "server-certificate"),
    };
    let (new_name, new_path) = (name_of(request, &format!("New{key}")), request.parameters.text("newPath"));
    if new_name.is_none() && new_path.is_none() {
        return None;
    }
    let path = escape(new_path.unwrap_or_default().trim_matches('/'));
    let path = if path.is_empty() { path } else { path + "/" };
    let target = new_name.or_else(|| name_of(request, key)).map_or_else(|| "*".to_owned(), escape);
    let mut found = resources(catalog, action, request);
    found.push(format!("{}:{kind}/{path}{target}", request.event.global_arn("iam")));
    // A path that isn't said stays what it is.
    found.extend(new_path.is_none().then(|| format!("{}:{kind}/*/{target}", request.event.global_arn("iam"))));
    found.sort();
    found.dedup();
    Some(permission(action, found, "renamed", "IAM API Reference"))
}

/// Classic load balancers have a `loadBalancerName`; of those of version 2 the ARN says the type, and ends with a
/// number.
/// Source: Elastic Load Balancing API Reference version 2015-12-01, CreateLoadBalancer, "Type"; Service Authorization
/// Reference, Elastic Load Balancing V2.
fn balancer(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let name = escape(name_of(request, "name")?);
    let kind = match request.parameters.text("type") {
        Some("network") => "net",
        Some("gateway") => "gwy",
        _ => "app",
    };
    let arn = format!("{}:loadbalancer/{kind}/{name}/*", request.event.arn("elasticloadbalancing"));
    Some(permission(action, vec![arn], "load-balancer", "Elastic Load Balancing API Reference, CreateLoadBalancer"))
}

/// Version 1 of Lex, whose bots are called by their names, puts them. Source: Service Authorization Reference, Lex V2.
fn bot(action: &Action, request: &Request<'_>) -> Permission {
    let here = request.event.arn("lex");
    let made = vec![format!("{here}:bot-alias/*/*"), format!("{here}:bot/*")];
    permission(action, made, "numbered-bot", "Service Authorization Reference, Amazon Lex V2")
}

/// Both hubs have actions in common, each on its own. Source: Security Hub API Reference, GetFindingsV2; Service
/// Authorization Reference, Security Hub.
fn of_new_hub(action: &Action, request: &Request<'_>) -> Permission {
    let hub = format!("{}:hubv2/*", request.event.arn("securityhub"));
    permission(action, vec![hub], "new-hub", "Security Hub API Reference")
}

/// The cluster that is named is the one that is made, not the snapshot's.
/// Source: Redshift API Reference, RestoreFromClusterSnapshot, "SnapshotClusterIdentifier".
fn restored(catalog: &Catalog, action: &Action, request: &Request<'_>) -> Option<Permission> {
    let cluster = name_of(request, "snapshotClusterIdentifier").map_or_else(|| "*".to_owned(), escape);
    let of_any = |arn: String| match arn.split_once(":snapshot:").map(|(head, rest)| (head, rest.split_once('/'))) {
        Some((head, Some((_, snapshot)))) if !request.parameters.has("snapshotArn") => {
            format!("{head}:snapshot:{cluster}/{snapshot}")
        }
        _ => arn,
    };
    let found = resources(catalog, action, request).into_iter().map(of_any).collect();
    Some(permission(action, found, "restored-cluster", "Redshift API Reference, RestoreFromClusterSnapshot"))
}
