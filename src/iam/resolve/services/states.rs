//! `states`: how policies write its ARNs.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { policy_arns: Some(|_, arn, _| vec![of_state_machine(arn)]), ..ServiceRules::new("states") };

/// Versions and aliases are authorised on their state machine; which one it is stands in
/// `states:StateMachineQualifier`.
/// Source: Resolver Functions Developer Guide, "Authorization for versions and aliases".
fn of_state_machine(mut resource: String) -> String {
    const KIND: &str = ":stateMachine:";
    let begin = resource.find(KIND).map(|at| at + KIND.len());
    let name = begin.and_then(|begin| Some((begin, resource.get(begin..)?.find(':')?)));
    if let Some((begin, end)) = name {
        resource.truncate(begin + end);
    }
    resource
}
