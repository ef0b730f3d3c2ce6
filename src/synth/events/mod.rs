//! What can happen: for each pair of service and event the fields that a real record of it has.
//!
//! Sources of the field sets: the services' pages on logging with CloudTrail, and the service models of the API.
//! Texts may have holes, see [`super::template`].

mod compute;
mod data;
mod event;
mod identity;
mod operations;
mod storage;

pub(in crate::synth) use event::Event;

/// Every kind of event.
pub(super) fn all() -> Vec<Event> {
    [storage::EVENTS, compute::EVENTS, identity::EVENTS, data::EVENTS, operations::EVENTS].concat()
}

/// The error code with which a service refuses.
pub(super) fn denial_code(source: &str) -> &'static str {
    match source {
        "ec2" => "Client.UnauthorizedOperation",
        "athena" | "bedrock" | "config" | "ecs" | "glue" | "lambda" | "organizations" | "ssm" | "states" => {
            "AccessDeniedException"
        }
        _ => "AccessDenied",
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::Template;
    use super::*;

    #[test]
    fn varied() {
        let all = all();
        let pairs: std::collections::BTreeSet<_> = all.iter().map(|e| (e.source, e.name)).collect();
        let sources: std::collections::BTreeSet<_> = all.iter().map(|e| e.source).collect();
        assert_eq!(pairs.len(), all.len(), "a pair stands twice");
        assert!(pairs.len() >= 120 && sources.len() >= 30, "{} pairs of {} services", pairs.len(), sources.len());
    }

    #[test]
    fn every_text_has_holes_that_can_be_filled() {
        for event in all() {
            for text in [event.on, event.request, event.response, event.resources, event.additional, event.host] {
                Template::parse(text).unwrap_or_else(|error| panic!("{}:{}: {error}", event.source, event.name));
            }
            assert!(event.fault.is_empty() || event.fault.contains('|'), "{}", event.name);
        }
    }
}
