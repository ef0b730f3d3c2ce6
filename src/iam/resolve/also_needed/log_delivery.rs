//! Logs that services hand to CloudWatch Logs for delivery: whoever sets that up needs actions of CloudWatch Logs and of
//! where the logs go.
//!
//! Source: CloudWatch Logs User Guide, "Logging that requires additional permissions [V1]": always `logs:CreateLogDelivery`,
//! and for a delivery stream `firehose:TagDeliveryStream`; the rest only where the destination's own policy isn't there yet.
//! Where a service's guide asks for more, its line says so.

use std::collections::BTreeSet;

use crate::iam::arn::{Arn, escape};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, Destination, LogDelivery, ServiceRules};

/// How an operation sets up a delivery, if it does.
fn delivery<'r>(call: &Call<'_, '_>, rules: &'r ServiceRules) -> Option<&'r LogDelivery> {
    rules.log_deliveries.iter().find(|known| known.operations.contains(&call.operation))
}

/// The kinds of what the request says the logs go to, each with its text.
fn destinations<'a>(delivery: &LogDelivery, request: &Request<'a>) -> Vec<(Destination, &'a str)> {
    let kind = |parameter: &str, text: &str| match Arn::parse(text).map(|arn| arn.service) {
        Some("s3") => Some(Destination::Bucket),
        Some("logs") => Some(Destination::Group),
        Some("firehose") => Some(Destination::Stream),
        Some(_) => None,
        None => {
            let name = parameter.to_ascii_lowercase();
            let words =
                [("bucket", Destination::Bucket), ("group", Destination::Group), ("stream", Destination::Stream)];
            words.into_iter().find(|(word, _)| name.contains(word)).map(|(_, kind)| kind)
        }
    };
    let of = |parameter: &&'static str| {
        let texts = request.parameters.texts_anywhere(parameter).into_iter();
        texts.filter_map(|text| Some((kind(parameter, text)?, text))).collect::<Vec<_>>()
    };
    delivery.parameters.iter().flat_map(of).filter(|(kind, _)| delivery.of.contains(kind)).collect()
}

/// What setting up the delivery needs.
pub(in crate::iam) fn needed(call: &Call<'_, '_>, rules: &ServiceRules) -> Vec<Permission> {
    let Call { catalog, request, .. } = *call;
    let Some(delivery) = delivery(call, rules) else { return Vec::new() };
    let destinations = destinations(delivery, request);
    if destinations.is_empty() {
        return Vec::new();
    }
    let of =
        |name: &str, resources| Some(permission(catalog.action(name)?, resources, "log-delivery", delivery.source));
    let mut needed: Vec<Permission> =
        delivery.actions.iter().filter_map(|name| of(name, vec!["*".to_owned()])).collect();
    let streams = destinations.iter().filter(|(kind, _)| *kind == Destination::Stream);
    let streams: BTreeSet<String> = streams.map(|(_, text)| stream_arn(text, request)).collect();
    if let Some(action) = catalog.action("firehose:TagDeliveryStream").filter(|_| !streams.is_empty()) {
        let taken: Vec<String> = streams.into_iter().filter(|arn| catalog.does_take(action, arn)).collect();
        let resources = if taken.is_empty() { vec!["*".to_owned()] } else { taken };
        needed.push(permission(action, resources, "log-delivery", delivery.source));
    }
    needed
}

fn stream_arn(text: &str, request: &Request<'_>) -> String {
    match Arn::parse(text) {
        Some(_) => escape(text),
        None => format!("{}:deliverystream/{}", request.event.arn("firehose"), escape(text)),
    }
}

/// What it may have needed: to let the delivery write to its destination, and to take a delivery back, whose destination a
/// request doesn't say.
pub(in crate::iam) fn suggested(call: &Call<'_, '_>, rules: &ServiceRules) -> Vec<Permission> {
    let Call { catalog, request, operation, .. } = *call;
    let of =
        |name: &&str, source| Some(permission(catalog.action(name)?, vec!["*".to_owned()], "log-delivery", source));
    if rules.ends_log_delivery.contains(&operation) {
        return of(&"logs:DeleteLogDelivery", "VPC User Guide; WAF Developer Guide, permissions to publish logs")
            .into_iter()
            .collect();
    }
    let Some(delivery) = delivery(call, rules) else { return Vec::new() };
    let kinds: Vec<Destination> = destinations(delivery, request).into_iter().map(|(kind, _)| kind).collect();
    let names = |kind: &Destination| -> &[&str] {
        match kind {
            Destination::Bucket => &["s3:GetBucketPolicy", "s3:PutBucketPolicy"],
            Destination::Group => {
                &["logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"]
            }
            Destination::Stream => &["iam:CreateServiceLinkedRole"],
        }
    };
    let names: BTreeSet<&str> = kinds.iter().flat_map(names).copied().collect();
    let source = "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]";
    names.iter().filter_map(|name| of(name, source)).collect()
}
