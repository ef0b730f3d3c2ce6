//! `mediatailor`: how policies write its ARNs.

use crate::iam::arn::escape;
use crate::iam::request::Request;
use crate::iam::resolve::service_rules::ServiceRules;

pub(in crate::iam) const RULES: ServiceRules = ServiceRules {
    policy_arns: Some(|_, arn, request| vec![of_configuration(arn, request)]),
    ..ServiceRules::new("mediatailor")
};

/// Prefetch schedules are within a playback configuration, which the tables don't say:
/// `prefetchSchedule/configuration/name`.
/// Source: MediaTailor API Reference, GetPrefetchSchedule: names are unique in a configuration only, and both are in
/// its path; ARNs as responses have them.
fn of_configuration(arn: String, request: &Request<'_>) -> String {
    let schedule = arn.split_once(":prefetchSchedule/").filter(|(_, name)| !name.contains('/'));
    let configuration = request.parameters.text("PlaybackConfigurationName").filter(|name| !name.contains(['/', ':']));
    match schedule.zip(configuration) {
        Some(((head, name), configuration)) => format!("{head}:prefetchSchedule/{}/{name}", escape(configuration)),
        None => arn,
    }
}
