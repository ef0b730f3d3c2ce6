//! `arc-zonal-shift`: types of which a call is on one; actions on one type at a time.

use crate::iam::arn::escape;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // A shift is of one load balancer, be it an application's or a network's.
    // Source: ARC Zonal Shift API Reference, StartZonalShift, "resourceIdentifier".
    is_of_any: true,
    alternatives: &[("ALB", "NLB")],
    // What the response tells is the one. Source: the same, CancelZonalShift, response, "resourceIdentifier".
    policy_arns: Some(|_, arn, request| {
        let is_other = match request.answered("resourceIdentifier").as_slice() {
            [one] => one.starts_with("arn:") && escape(one) != arn,
            _ => false,
        };
        if is_other { Vec::new() } else { vec![arn] }
    }),
    ..ServiceRules::new("arc-zonal-shift")
};
