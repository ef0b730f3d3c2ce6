//! `servicecatalog`: whom its roles are for; where requests hold roles; what its ids begin with.

use crate::iam::request::Request;
use crate::iam::resolve::service_rules::{IdPrefix, NamedRole, ServiceRules, member_text, passed_to};
use crate::util::json;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    passed_to: &[passed_to(&[], &[], &["servicecatalog"])],
    named_roles: Some(|call| {
        let is_it = call.is("CreateConstraint") || call.is("UpdateConstraint");
        if is_it { constraint(call.request) } else { Vec::new() }
    }),
    id_prefixes: &[("Portfolio", IdPrefix::Text("port-")), ("Product", IdPrefix::Text("prod-"))],
    ..ServiceRules::new("servicecatalog")
};

/// Source: Service Catalog API Reference, CreateConstraint, `Parameters`: JSON of a LAUNCH or STACKSET constraint.
fn constraint(request: &Request<'_>) -> Vec<NamedRole> {
    let parsed = request.parameters.text("parameters").and_then(|json| json::value(json).ok());
    let names = ["RoleArn", "LocalRoleName", "AdminRole"];
    let role = |name: &&str| {
        let parsed = parsed.as_ref()?;
        let found = member_text(parsed, name).or_else(|| member_text(parsed.get("Properties")?, name))?;
        Some(((*name).to_owned(), found.to_owned()))
    };
    names.iter().filter_map(role).collect()
}
