//! `iotfleetwise`: types of which a call is on one; names with colons.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // Users may give names with colons. Source: patterns of IoT FleetWise API Reference, "vehicleName".
    ends_with_colons: &["*"],
    // Source: IoT FleetWise API Reference, CreateCampaign, "targetArn": "The ARN of the vehicle or fleet".
    alternatives: &[("fleet", "vehicle")],
    ..ServiceRules::new("iotfleetwise")
};
