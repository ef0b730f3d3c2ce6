//! One kind of event.

/// One kind of event.
#[derive(Clone, Copy, Debug)]
pub(in crate::synth) struct Event {
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
pub(super) const fn read(source: &'static str, name: &'static str, request: &'static str) -> Event {
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
pub(super) const fn write(
    source: &'static str,
    name: &'static str,
    request: &'static str,
    response: &'static str,
) -> Event {
    Event { read_only: false, response, ..read(source, name, request) }
}
