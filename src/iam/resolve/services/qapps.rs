//! `qapps`: how policies write its ARNs.

use crate::iam::request::Request;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    policy_arns: Some(|_, arn, request| {
        let app = app_of_item(&arn, request);
        app.into_iter().chain([arn]).collect()
    }),
    ..ServiceRules::new("qapps")
};

/// An item of the library is some app of the instance, which the request doesn't name.
/// Source: Service Authorization Reference, Q Apps: GetLibraryItem and the like are on an app, by whose state
/// conditions ask; Q Apps API Reference, GetLibraryItem.
fn app_of_item(arn: &str, request: &Request<'_>) -> Option<String> {
    let is_of_item = request.parameters.has("libraryItemId") && !request.parameters.has("appId");
    let application = arn.split_once(":qbusiness:").filter(|(_, rest)| is_of_item && rest.contains(":application/"));
    application.map(|(head, rest)| format!("{head}:qapps:{rest}/qapp/*"))
}
