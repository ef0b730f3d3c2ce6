//! `servicecatalog`: tags that its calls take away; whom its roles are for; where requests hold roles; what its ids
//! begin with; how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, IdPrefix, NamedRole, ServiceRules, member_text, passed_to};
use crate::util::json;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(|call| untagged(call).into_iter().collect()),
    passed_to: &[passed_to(&[], &[], &["servicecatalog"])],
    named_roles: Some(|call| {
        let is_it = call.is("CreateConstraint") || call.is("UpdateConstraint");
        if is_it { constraint(call.request) } else { Vec::new() }
    }),
    id_prefixes: &[("Portfolio", IdPrefix::Text("port-")), ("Product", IdPrefix::Text("prod-"))],
    policy_arns: Some(|_, arn, request| vec![of_registry(arn, request)]),
    ..ServiceRules::new("servicecatalog")
};

/// Source: Service Catalog API Reference, UpdatePortfolio, UpdateProduct, "RemoveTags"; Service Authorization
/// Reference, operations of Service Catalog.
fn untagged(call: &Call<'_, '_>) -> Option<Permission> {
    let updates = ["UpdatePortfolio", "UpdateProduct"];
    let action = updates.iter().find_map(|update| call.only("servicecatalog", update))?;
    let has_tags = call.request.parameters.has("removeTags");
    let untag = call.catalog.action("servicecatalog:UntagResource").filter(|_| has_tags)?;
    let source = "Service Authorization Reference, operations of Service Catalog";
    Some(permission(untag, call.resources(action), "removed-tags", source))
}

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

/// Applications and attribute groups of AppRegistry may be named by their names, while their ARNs end with ids: some of
/// their calls answer with the ARN.
/// Source: AppRegistry API Reference, AssociateAttributeGroup, "application": name, id or ARN; the pattern of ids.
fn of_registry(arn: String, request: &Request<'_>) -> String {
    for (kind, parameter, key) in [
        (":/applications/", "application", "applicationArn"),
        (":/attribute-groups/", "attributeGroup", "attributeGroupArn"),
    ] {
        let Some((head, _)) = arn.split_once(kind) else { continue };
        let named = request.parameters.text(parameter).filter(|text| !text.contains(':') && !is_id(text));
        return match (named, request.answered(key).as_slice()) {
            (None, _) => arn,
            (Some(_), [only]) if only.contains(kind) && only.starts_with(head) => escape(only),
            (Some(_), _) => format!("{head}{kind}*"),
        };
    }
    arn
}

/// `0aqmvxvgmry0ecc4mjhwypun6i`; `app-02oc` of CloudTrail's samples.
fn is_id(text: &str) -> bool {
    let is_counted = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let has_digit = |text: &str| text.bytes().any(|b| b.is_ascii_digit());
    text.len() == 26 && is_counted(text)
        || text.strip_prefix("app-").is_some_and(|rest| is_counted(rest) && has_digit(rest))
}
