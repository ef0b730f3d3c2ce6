//! Logs that services hand to CloudWatch Logs for delivery: whoever sets that up needs actions of CloudWatch Logs and of
//! where the logs go.
//!
//! Source: CloudWatch Logs User Guide, "Logging that requires additional permissions [V1]": always `logs:CreateLogDelivery`,
//! and for a delivery stream `firehose:TagDeliveryStream`; the rest only where the destination's own policy isn't there yet.
//! Where a service's guide asks for more, its line says so.

use std::collections::BTreeSet;

use crate::iam::arn::{Arn, escape};
use crate::iam::catalog::{Catalog, Service};
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;

/// Operations of a service that set up a delivery.
struct Delivery {
    prefix: &'static str,
    operations: &'static [&'static str],
    /// Parameters that hold where the logs go.
    parameters: &'static [&'static str],
    /// The destinations of which that is so: others are written to by a role.
    of: &'static [Kind],
    actions: &'static [&'static str],
    source: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bucket,
    Group,
    Stream,
}

const ANY: &[Kind] = &[Kind::Bucket, Kind::Group, Kind::Stream];
const CREATE: &[&str] = &["logs:CreateLogDelivery"];
const ALL: &[&str] = &[
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
];

const DELIVERIES: &[Delivery] = &[
    Delivery {
        prefix: "ec2",
        operations: &["CreateFlowLogs"],
        parameters: &["LogDestination"],
        of: &[Kind::Bucket, Kind::Stream],
        actions: CREATE,
        source: "VPC User Guide, Permissions for IAM principals that publish flow logs to Amazon S3",
    },
    Delivery {
        prefix: "ec2",
        operations: &["ModifyVerifiedAccessInstanceLoggingConfiguration"],
        parameters: &["BucketName", "LogGroup", "DeliveryStream"],
        of: ANY,
        actions: ALL,
        source: "Verified Access User Guide, Logging permissions",
    },
    Delivery {
        prefix: "wafv2",
        operations: &["PutLoggingConfiguration"],
        parameters: &["logDestinationConfigs"],
        // Streams are written to by a service-linked role of WAF's own.
        of: &[Kind::Bucket, Kind::Group],
        actions: CREATE,
        source: "WAF Developer Guide, Permissions to publish logs",
    },
    Delivery {
        prefix: "network-firewall",
        operations: &["UpdateLoggingConfiguration"],
        parameters: &["bucketName", "logGroup", "deliveryStream"],
        of: ANY,
        actions: ALL,
        source: "Network Firewall Developer Guide, Permissions to configure AWS Network Firewall logging",
    },
    Delivery {
        prefix: "elasticache",
        operations: &["CreateCacheCluster", "CreateReplicationGroup", "ModifyCacheCluster", "ModifyReplicationGroup"],
        parameters: &["logGroup", "deliveryStream"],
        of: ANY,
        actions: ALL,
        source: "ElastiCache User Guide, Permissions to configure logging",
    },
    Delivery {
        prefix: "apigateway",
        operations: &["CreateStage", "UpdateStage"],
        // Of version 2: version 1 writes by the role of the account.
        parameters: &["destinationArn"],
        of: &[Kind::Group],
        actions: ALL,
        source: "API Gateway Developer Guide, Configure logging for HTTP APIs",
    },
    Delivery {
        prefix: "kafka",
        operations: &["CreateCluster", "CreateClusterV2", "UpdateMonitoring"],
        parameters: &["bucket", "logGroup", "deliveryStream"],
        of: ANY,
        actions: CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]",
    },
    Delivery {
        prefix: "kafkaconnect",
        operations: &["CreateConnector"],
        parameters: &["bucket", "logGroup", "deliveryStream"],
        of: ANY,
        actions: CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]",
    },
    Delivery {
        prefix: "globalaccelerator",
        operations: &["UpdateAcceleratorAttributes", "UpdateCustomRoutingAcceleratorAttributes"],
        parameters: &["flowLogsS3Bucket"],
        of: ANY,
        actions: CREATE,
        source: "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]",
    },
    Delivery {
        prefix: "vpc-lattice",
        operations: &["CreateAccessLogSubscription"],
        parameters: &["destinationArn"],
        of: ANY,
        actions: &["logs:CreateLogDelivery", "logs:GetLogDelivery"],
        source: "Service Authorization Reference, VPC Lattice, dependent actions",
    },
];

fn delivery(service: &Service, operation: &str) -> Option<&'static Delivery> {
    DELIVERIES.iter().find(|known| known.prefix == service.prefix() && known.operations.contains(&operation))
}

/// The kinds of what the request says the logs go to, each with its text.
fn destinations<'a>(delivery: &Delivery, request: &Request<'a>) -> Vec<(Kind, &'a str)> {
    let kind = |parameter: &str, text: &str| match Arn::parse(text).map(|arn| arn.service) {
        Some("s3") => Some(Kind::Bucket),
        Some("logs") => Some(Kind::Group),
        Some("firehose") => Some(Kind::Stream),
        Some(_) => None,
        None => {
            let name = parameter.to_ascii_lowercase();
            let words = [("bucket", Kind::Bucket), ("group", Kind::Group), ("stream", Kind::Stream)];
            words.into_iter().find(|(word, _)| name.contains(word)).map(|(_, kind)| kind)
        }
    };
    let of = |parameter: &&'static str| {
        let texts = request.parameters.texts_anywhere(parameter).into_iter();
        texts.filter_map(|text| Some((kind(parameter, text)?, text))).collect::<Vec<_>>()
    };
    delivery.parameters.iter().flat_map(of).filter(|(kind, _)| delivery.of.contains(kind)).collect()
}

/// Newer services are asked whether their resource's logs may be delivered.
/// Source: CloudWatch Logs API Reference, ConfigurationTemplate, `allowedActionForAllowVendedLogsDeliveryForResource`.
fn allowed(catalog: &Catalog, request: &Request<'_>) -> Option<Permission> {
    let text = request.parameters.text("resourceArn")?;
    let action = catalog.action(&format!("{}:AllowVendedLogDeliveryForResource", Arn::parse(text)?.service))?;
    let resource = Some(escape(text)).filter(|arn| catalog.does_take(action, arn));
    let source = "CloudWatch Logs API Reference, ConfigurationTemplate";
    Some(permission(action, vec![resource.unwrap_or_else(|| "*".to_owned())], "log-source", source))
}

/// What setting up the delivery needs.
pub(in crate::iam) fn needed(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> Vec<Permission> {
    if (service.prefix(), operation) == ("logs", "PutDeliverySource") {
        return allowed(catalog, request).into_iter().collect();
    }
    let Some(delivery) = delivery(service, operation) else { return Vec::new() };
    let destinations = destinations(delivery, request);
    if destinations.is_empty() {
        return Vec::new();
    }
    let of =
        |name: &str, resources| Some(permission(catalog.action(name)?, resources, "log-delivery", delivery.source));
    let mut needed: Vec<Permission> =
        delivery.actions.iter().filter_map(|name| of(name, vec!["*".to_owned()])).collect();
    let streams = destinations.iter().filter(|(kind, _)| *kind == Kind::Stream);
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
pub(in crate::iam) fn suggested(
    catalog: &Catalog,
    service: &Service,
    operation: &str,
    request: &Request<'_>,
) -> Vec<Permission> {
    let of =
        |name: &&str, source| Some(permission(catalog.action(name)?, vec!["*".to_owned()], "log-delivery", source));
    if let ("ec2", "DeleteFlowLogs") | ("wafv2", "DeleteLoggingConfiguration") = (service.prefix(), operation) {
        return of(&"logs:DeleteLogDelivery", "VPC User Guide; WAF Developer Guide, permissions to publish logs")
            .into_iter()
            .collect();
    }
    let Some(delivery) = delivery(service, operation) else { return Vec::new() };
    let kinds: Vec<Kind> = destinations(delivery, request).into_iter().map(|(kind, _)| kind).collect();
    let names = |kind: &Kind| -> &[&str] {
        match kind {
            Kind::Bucket => &["s3:GetBucketPolicy", "s3:PutBucketPolicy"],
            Kind::Group => &["logs:DescribeLogGroups", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"],
            Kind::Stream => &["iam:CreateServiceLinkedRole"],
        }
    };
    let names: BTreeSet<&str> = kinds.iter().flat_map(names).copied().collect();
    let source = "CloudWatch Logs User Guide, Logging that requires additional permissions [V1]";
    names.iter().filter_map(|name| of(name, source)).collect()
}
