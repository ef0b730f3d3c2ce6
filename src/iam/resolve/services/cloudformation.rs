//! `cloudformation`: further actions of its calls; whom its roles are for.

use crate::iam::event::Permission;
use crate::iam::resolve::s3_reads::{of_url, read};
use crate::iam::resolve::service_rules::{Call, NOT_PASSED, ServiceRules, passed_to};

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    also_needed: Some(fetched_template),
    passed_to: &[
        passed_to(&["RegisterType", "ActivateType"], &[], &["resources.cloudformation"]),
        // CloudFormation User Guide, "Grant self-managed permissions": the administration role takes it on.
        passed_to(&[], &["executionrolename"], NOT_PASSED),
    ],
    ..ServiceRules::new("cloudformation")
};

/// The template that CloudFormation fetches in the caller's name.
fn fetched_template(call: &Call<'_, '_>) -> Vec<Permission> {
    let object = call.request.parameters.text("templateURL").and_then(of_url);
    let source = "AWS Prescriptive Guidance, Sample identity-based policies for CloudFormation";
    object.and_then(|object| read(call, &object, source)).into_iter().collect()
}
