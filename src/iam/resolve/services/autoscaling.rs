//! EC2 Auto Scaling and Application Auto Scaling.

use crate::iam::event::Permission;
use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::{Call, ServiceRules, passed_to};

pub(in crate::iam) const APPLICATION_AUTOSCALING: ServiceRules =
    ServiceRules { special: Some(of_application), ..ServiceRules::new("application-autoscaling") };

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    special: Some(of_application),
    passed_to: &[
        passed_to(&[], &["instanceprofile", "instanceprofilename"], &["ec2"]),
        passed_to(&[], &["servicelinkedrolearn"], &["autoscaling"]),
        passed_to(&["PutLifecycleHook", "UpdateAutoScalingGroup"], &[], &["autoscaling"]),
        passed_to(&[], &[], &["autoscaling", "ec2"]),
    ],
    ..ServiceRules::new("autoscaling")
};

/// Application Auto Scaling logs under the source of EC2 Auto Scaling and shares names with it; it alone is told what
/// is scaled. ARNs of scalable targets have a number of their own, no `ResourceId`.
/// Source: Application Auto Scaling API Reference, `ServiceNamespace`; User Guide, identity-based policies, resources.
fn of_application(call: &Call<'_, '_>) -> Option<Vec<Permission>> {
    let Call { catalog, request, operation: name, .. } = *call;
    let action = catalog.action(&format!("application-autoscaling:{name}"))?;
    if !request.parameters.has("serviceNamespace") {
        return None;
    }
    let target = format!("{}:scalable-target/*", request.event.arn("application-autoscaling"));
    let resource = Some(target).filter(|target| catalog.does_take(action, target));
    let resources = vec![resource.unwrap_or_else(|| "*".to_owned())];
    let source = "Application Auto Scaling API Reference, ServiceNamespace";
    Some(vec![permission(action, resources, "service-namespace", source)])
}
