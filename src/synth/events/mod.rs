//! What can happen: for each pair of service and event the fields that a real record of it has.
//!
//! Sources of the field sets: the services' pages on logging with CloudTrail, and the service models of the API.
//! Texts may have holes, see [`super::template`].

mod compute;
mod data;
mod identity;
mod operations;
mod storage;

/// One kind of event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// `s3` for `s3.amazonaws.com`.
    pub source: &'static str,
    /// `eventName`
    pub name: &'static str,
    /// `readOnly`
    pub read_only: bool,
    /// A data event: no `managementEvent`, left out when these are not wanted.
    pub data: bool,
    /// Of a service that logs in us-east-1 only.
    pub global: bool,
    /// `eventType`
    pub event_type: &'static str,
    /// The IAM action where it isn't `source:name`.
    pub action: &'static str,
    /// What a denial names as the resource.
    pub on: &'static str,
    /// `requestParameters`
    pub request: &'static str,
    /// `responseElements`
    pub response: &'static str,
    /// `resources`; empty: the record has none.
    pub resources: &'static str,
    /// `additionalEventData`; empty: the record has none.
    pub additional: &'static str,
    /// `apiVersion`; empty: the record has none.
    pub api_version: &'static str,
    /// Host in `tlsDetails` where it isn't `source.region.amazonaws.com`.
    pub host: &'static str,
    /// An error that is no denial, `code|message`; empty: it doesn't fail.
    pub fault: &'static str,
}

/// A call that reads.
const fn read(source: &'static str, name: &'static str, request: &'static str) -> Event {
    Event {
        source,
        name,
        read_only: true,
        data: false,
        global: false,
        event_type: "AwsApiCall",
        action: "",
        on: "*",
        request,
        response: "null",
        resources: "",
        additional: "",
        api_version: "",
        host: "",
        fault: "",
    }
}

/// A call that changes something.
const fn write(source: &'static str, name: &'static str, request: &'static str, response: &'static str) -> Event {
    Event { read_only: false, response, ..read(source, name, request) }
}

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
