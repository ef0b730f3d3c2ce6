//! `codeartifact`: repositories that others are fed by.

use serde_json::Value;

use crate::iam::arn::{escape, is_account_id, partition_of};
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, member_text};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| upstream(call).into_iter().collect()),
    ..ServiceRules::new("codeartifact")
};

/// What a repository is fed by is asked for too.
/// Source: Service Authorization Reference, AssociateWithDownstreamRepository: the permission to make a repository the
/// upstream of another one; CodeArtifact API Reference, "upstreams".
fn upstream(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let action = catalog.action("codeartifact:AssociateWithDownstreamRepository")?;
    let upstreams =
        request.parameters.get("upstreams").filter(|_| matches!(operation, "CreateRepository" | "UpdateRepository"))?;
    let is_name = |name: &&str| !name.contains(['/', ':']);
    let names =
        upstreams.as_array()?.iter().filter_map(|one: &Value| member_text(one, "repositoryName").filter(is_name));
    let domain = request.parameters.plain_name("domain").map_or_else(|| "*".to_owned(), escape);
    let owner = request.parameters.text("domainOwner").filter(|owner| is_account_id(owner));
    let (partition, region) = (partition_of(request.event.aws_region), request.event.region());
    let here = format!("arn:{partition}:codeartifact:{region}:{}", owner.unwrap_or(request.event.account()));
    let arns: Vec<String> = names.map(|name| format!("{here}:repository/{domain}/{}", escape(name))).collect();
    let source = "Service Authorization Reference, CodeArtifact, AssociateWithDownstreamRepository";
    (!arns.is_empty()).then(|| permission(action, arns, "upstream-repository", source))
}
