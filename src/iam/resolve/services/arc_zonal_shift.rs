//! `arc-zonal-shift`: types of which a call is on one; actions on one type at a time.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // A shift is of one load balancer, be it an application's or a network's.
    // Source: ARC Zonal Shift API Reference, StartZonalShift, "resourceIdentifier".
    is_of_any: true,
    alternatives: &[("ALB", "NLB")],
    ..ServiceRules::new("arc-zonal-shift")
};
