//! `es`: operations whose actions depend on the request; whom its roles are for.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, member_text, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| Some(vec![connected(call)?])),
    passed_to: &[
        passed_to(&[], &["masterbackendrole", "roleskey", "backendrole"], NOT_PASSED),
        passed_to(
            &["AddDirectQueryDataSource", "UpdateDirectQueryDataSource", "AddDataSource", "UpdateDataSource"],
            &[],
            // OpenSearch Service Developer Guide, "Direct queries": the roles trust this principal.
            &["directquery.opensearchservice"],
        ),
        passed_to(
            &["CreateApplication", "UpdateApplication"],
            &[],
            &["application.opensearchservice", "opensearchservice"],
        ),
        passed_to(&[], &[], &["es", "opensearchservice"]),
    ],
    ..ServiceRules::new("es")
};

/// A connection is made from a domain of the caller's; the remote one's owner accepts it.
/// Source: OpenSearch Service API Reference, CreateOutboundConnection.
fn connected(call: &Call<'_, '_>) -> Option<Permission> {
    let made = ["CreateOutboundConnection", "CreateOutboundCrossClusterSearchConnection"];
    let action = made.iter().find_map(|name| call.only("es", name))?;
    let local = call.request.parameters.get("localDomainInfo");
    // The older version has the domain's name right there.
    let local = local.or_else(|| call.request.parameters.get("sourceDomainInfo"))?;
    let inner = local.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case("awsDomainInformation"));
    let domain = member_text(inner.map_or(&local, |(_, inner)| inner), "domainName")
        .filter(|name| !name.contains(['/', ':']))?;
    let arn = format!("{}:domain/{}", call.request.event.arn("es"), escape(domain));
    let source = "OpenSearch Service API Reference, CreateOutboundConnection";
    Some(permission(action, vec![arn], "local-domain", source))
}
