//! `ssm-contacts`: further actions of its calls; how policies write its ARNs.

use std::collections::BTreeSet;

use crate::iam::arn::escape;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    further_actions: Some(|call| planned(call).into_iter().collect()),
    policy_arns: Some(|action, arn, request| vec![of_contact(action, arn, request)]),
    ..ServiceRules::new("ssm-contacts")
};

/// A contact's plan names others, which are associated with it.
/// Source: Service Authorization Reference, Incident Manager Contacts, CreateContact, UpdateContact: dependent actions;
/// API Reference, ContactTargetInfo.
fn planned(call: &Call<'_, '_>) -> Option<Permission> {
    let Call { catalog, request, .. } = *call;
    let action = catalog.action("ssm-contacts:AssociateContact")?;
    if !call.is("CreateContact") && !call.is("UpdateContact") {
        return None;
    }
    let own = request.parameters.text("ContactId");
    let others = request.parameters.texts_anywhere("ContactId").into_iter().filter(|contact| Some(*contact) != own);
    let others: BTreeSet<String> = others.map(escape).filter(|arn| catalog.does_take(action, arn)).collect();
    let source = "Service Authorization Reference, CreateContact, UpdateContact, dependent actions";
    (!others.is_empty()).then(|| permission(action, others.into_iter().collect(), "planned-contacts", source))
}

/// What is made or changed is the contact itself, not those that its plan names.
fn of_contact(action: &str, arn: String, request: &Request<'_>) -> String {
    let alias = || request.parameters.plain_name("Alias");
    let named = match action {
        "ssm-contacts:CreateContact" => {
            alias().map(|alias| format!("{}:contact/{}", request.event.arn("ssm-contacts"), escape(alias)))
        }
        "ssm-contacts:UpdateContact" => request.parameters.text("ContactId").map(escape),
        _ => None,
    };
    named.filter(|named| named.contains(":contact/") && arn.contains(":contact/")).unwrap_or(arn)
}
