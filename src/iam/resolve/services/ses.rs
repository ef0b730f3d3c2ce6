//! `ses`: operations whose actions depend on the request; how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| if call.is("SendEmail") { raw_mail(call) } else { None }),
    policy_arns: Some(|action, arn, request| {
        let tenant = (action == "ses:DeleteTenantResourceAssociation").then(|| tenant(&arn, request)).flatten();
        tenant.into_iter().chain([arn]).collect()
    }),
    ..ServiceRules::new("ses")
};

/// The tenant that something is taken from, beside that.
/// Source: Service Authorization Reference, DeleteTenantResourceAssociation: tenant, and what it has.
fn tenant(arn: &str, request: &Request<'_>) -> Option<String> {
    let name = request.parameters.text("TenantName").filter(|name| !name.contains(['/', ':']))?;
    let is_other = !arn.contains(":tenant/") && request.parameters.has("ResourceArn");
    is_other.then(|| format!("{}:tenant/{}/*", request.event.arn("ses"), escape(name)))
}

/// Version 2's SendEmail of a message as it is needs what version 1's SendRawEmail needs.
/// Source: denials that its callers met: aws/aws-actionmailer-ses-ruby#10, nodemailer/nodemailer#1734.
fn raw_mail(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let content = request.parameters.get("content")?;
    let is_raw = |name: &str| content.get(name).is_some_and(|raw| !raw.is_null());
    if !is_raw("raw") && !is_raw("Raw") {
        return None;
    }
    let action = catalog.action("ses:SendRawEmail")?;
    let resources = call.resources(action);
    Some(vec![permission(action, resources, "raw-mail", "what denials of SendEmail name")])
}
