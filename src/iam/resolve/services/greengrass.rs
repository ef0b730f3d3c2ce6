//! `greengrass`: operations whose actions depend on the request.

use crate::iam::resolve::operation_match::permission;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    // The second version's deployments are to things, those of the first to its groups.
    // Source: Service Authorization Reference, IoT Greengrass V2: no resource type.
    special: Some(|call| {
        let action = call.only("greengrass", "CreateDeployment")?;
        let is_second = call.request.parameters.has("targetArn");
        let source = "Service Authorization Reference, AWS IoT Greengrass V2";
        is_second.then(|| vec![permission(action, vec!["*".to_owned()], "greengrass-v2", source)])
    }),
    ..ServiceRules::new("greengrass")
};
