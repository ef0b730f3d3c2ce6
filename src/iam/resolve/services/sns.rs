//! `sns`: operations whose actions depend on the request; where requests hold roles.

use crate::iam::arn::is_role_arn;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, NamedRole, ServiceRules};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| if call.is("Publish") { text_message(call) } else { None }),
    named_roles: Some(|call| attribute(call.request)),
    // A subscription's ARN is its topic's with more behind, and the topic is what is asked for.
    // Source: denials of SNS, `SNS:Unsubscribe on resource: arn:aws:sns:…:topic`.
    followed_types: &["topic"],
    ..ServiceRules::new("sns")
};

/// Text messages go to no topic. Source: SNS Developer Guide, SMS: policies name `*`.
fn text_message(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, .. } = *call;
    let has = |name: &str| request.parameters.has(name);
    if !has("phoneNumber") || has("topicArn") || has("targetArn") {
        return None;
    }
    let action = catalog.action("sns:Publish")?;
    Some(vec![permission(action, vec!["*".to_owned()], "sms", "SNS Developer Guide, SMS")])
}

/// Source: SNS API Reference, SetSubscriptionAttributes, SetTopicAttributes: attributes named after the roles that they
/// hold.
fn attribute(request: &Request<'_>) -> Vec<NamedRole> {
    let name = request.parameters.text("attributeName").filter(|name| name.ends_with("RoleArn"));
    let value = request.parameters.text("attributeValue").filter(|value| is_role_arn(value));
    name.zip(value).map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect()
}
