//! `iot`, `iotjobsdata`: what is particular to them.

use crate::iam::arn::{escape, partition_of};
use crate::iam::catalog::Action;
use crate::iam::event::Permission;
use crate::iam::request::Request;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Reading, ServiceRules, ValueReader, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(|call| {
        let action = call.only("iot", "DescribeManagedJobTemplate")?;
        Some(vec![managed_template(action, call.request)?])
    }),
    passed_to: &[passed_to(&["CreateRoleAlias", "UpdateRoleAlias"], &[], &["credentials.iot", "iot"])],
    read: Some(read),
    policy_arns: Some(|action, arn, request| vec![shadow(action, arn, request)]),
    // Users may give names with colons. Source: patterns of IoT API Reference, "thingName".
    ends_with_colons: &["*"],
    ..ServiceRules::new("iot")
};

pub(in crate::iam) const IOTJOBSDATA: ServiceRules =
    ServiceRules { ends_with_colons: &["*"], ..ServiceRules::new("iotjobsdata") };

/// Metrics of AWS's own are no custom ones. Source: IoT Device Defender Developer Guide, "Cloud-side metrics".
fn read(kind: &str, _: &str) -> Option<ValueReader> {
    let reader = ValueReader::new(|text| if text.starts_with("aws:") { Reading::Other } else { Reading::Name(text) });
    (kind == "custommetric").then_some(reader)
}

/// A shadow that has a name stands behind its thing's.
/// Source: IoT Core Developer Guide, "AWS IoT Core action resources".
fn shadow(action: &str, arn: String, request: &Request<'_>) -> String {
    let is_of_shadow = action.ends_with("ThingShadow") && arn.contains(":thing/");
    match request.parameters.plain_name("shadowName").filter(|_| is_of_shadow) {
        Some(name) => format!("{arn}/{}", escape(name)),
        None => arn,
    }
}

/// Templates of jobs that AWS keeps have no account, and a version.
/// Source: IoT Developer Guide, "Managed templates": `arn:aws:iot:region::jobtemplate/AWS-Reboot:1.0`.
fn managed_template(action: &Action, request: &Request<'_>) -> Option<Permission> {
    let name = escape(request.parameters.plain_name("templateName")?);
    let version = request.name_or_any("templateVersion");
    let (partition, region) = (partition_of(request.event.aws_region), request.event.region());
    let arn = format!("arn:{partition}:iot:{region}::jobtemplate/{name}:{version}");
    Some(permission(action, vec![arn], "managed-template", "IoT Developer Guide, Managed templates"))
}
