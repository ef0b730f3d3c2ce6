//! `signer`: how policies write its ARNs.

use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules =
    ServiceRules { policy_arns: Some(|_, arn, _| vec![of_profile(arn)]), ..ServiceRules::new("signer") };

/// A version of a profile is asked for as the profile.
/// Source: Service Authorization Reference, Signer: profiles' ARNs end with the name, `signer:ProfileVersion` is a
/// condition.
fn of_profile(arn: String) -> String {
    const PROFILES: &str = ":/signing-profiles/";
    match arn.split_once(PROFILES).and_then(|(head, rest)| Some((head, rest.split_once('/')?.0))) {
        Some((head, name)) => format!("{head}{PROFILES}{name}"),
        None => arn,
    }
}
