//! `swf`: what is particular to it.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // With the region, as the service's guide writes it, and without, as the authorization reference does.
    // Source: SWF Developer Guide, "Amazon SWF IAM Policies": `arn:aws:swf:Region:AccountID:/domain/DomainName`.
    policy_arns: Some(|_, arn, request| {
        let there = request
            .event
            .aws_region
            .and_then(|region| arn.contains(":swf::").then(|| arn.replacen(":swf::", &format!(":swf:{region}:"), 1)));
        there.into_iter().chain([arn]).collect()
    }),
    ..ServiceRules::new("swf")
};
