//! CloudTrail's fields from OCSF's.
//!
//! Source: `github.com/ocsf/examples` at commit 45c82e3, `mappings/markdown/AWS/v{1.0.0-rc.2,1.1.0,1.5.0}/CloudTrail`,
//! which Security Lake's documentation names as its mapping, and `mappings/bloblang/AWS/CloudTrail` of the community. A
//! field of that mapping that is made of several, under conditions, is mapped back only where its value tells which.
//! `docs/forms.md` has the table.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::super::athena;
use super::tree::{at, is_nothing, set, text_at};
use crate::util::json;

/// CloudTrail's field, and where OCSF has it: the first that says something. Texts as they are.
const TEXTS: [(&str, &[&str]); 18] = [
    ("eventVersion", &["metadata.product.version"]),
    ("userIdentity.type", &["actor.user.type"]),
    ("userIdentity.accountId", &["actor.user.account.uid", "actor.user.account_uid"]),
    ("userIdentity.invokedBy", &["actor.invoked_by"]),
    ("userIdentity.sessionContext.sessionIssuer.arn", &["actor.session.issuer"]),
    ("eventSource", &["api.service.name"]),
    ("eventName", &["api.operation"]),
    ("awsRegion", &["cloud.region"]),
    ("sourceIPAddress", &["src_endpoint.ip", "src_endpoint.domain"]),
    ("userAgent", &["http_request.user_agent"]),
    ("errorCode", &["api.response.error"]),
    ("errorMessage", &["api.response.message", "api.response.error_message"]),
    ("requestID", &["api.request.uid"]),
    ("eventID", &["metadata.uid"]),
    ("apiVersion", &["api.version"]),
    ("recipientAccountId", &["cloud.account.uid", "cloud.account_uid"]),
    ("vpcEndpointId", &["src_endpoint.uid"]),
    ("additionalEventData.LoginTo", &["dst_endpoint.svc_name"]),
];

/// Fields of requests and responses that stand beside `api.request.data` and `api.response.data` as well.
const PARTS: [(&str, &str); 4] = [
    ("requestParameters.policyArn", "policy.uid"),
    ("responseElements.credentials.accessKeyId", "session.credential_uid"),
    ("responseElements.assumedRoleUser.arn", "session.uid"),
    ("responseElements.assumedRoleUser.assumedRoleId", "session.uid_alt"),
];

/// Categories of events; another text says that there was none.
const CATEGORIES: [&str; 4] = ["Management", "Data", "Insight", "NetworkActivity"];

/// The event, as far as it can be had.
pub(super) fn event(ocsf: &Value) -> Value {
    let mut event = unmapped(ocsf);
    data(&mut event, "requestParameters", at(ocsf, "api.request.data"));
    data(&mut event, "responseElements", at(ocsf, "api.response.data"));
    for (field, path) in PARTS {
        let top = field.split('.').next().unwrap_or(field);
        let is_free = event.get(top).is_none_or(|value| value.is_null() || value.is_object());
        if let Some(text) = text_at(ocsf, path).filter(|_| is_free) {
            set(&mut event, field, json!(text));
        }
    }
    for (field, paths) in TEXTS {
        if let Some(text) = paths.iter().find_map(|path| text_at(ocsf, path)) {
            set(&mut event, field, json!(text));
        }
    }
    identity(&mut event, ocsf);
    session(&mut event, ocsf);
    if let Some(time) = time_at(ocsf, "time").or_else(|| time_at(ocsf, "time_dt")) {
        set(&mut event, "eventTime", json!(time));
    }
    // Of one mapping the event's name is its code.
    let kind = ["metadata.event_code", "metadata.log_name"].iter().filter_map(|path| text_at(ocsf, path));
    if let Some(kind) = kind.into_iter().find(|kind| kind.starts_with("Aws")) {
        set(&mut event, "eventType", json!(kind));
    }
    if let Some(category) = text_at(ocsf, "metadata.product.feature.name").filter(|name| CATEGORIES.contains(name)) {
        set(&mut event, "eventCategory", json!(category));
    }
    sign_in(&mut event, ocsf);
    if let Some(resources) = resources(ocsf) {
        set(&mut event, "resources", resources);
    }
    Value::Object(event)
}

/// What wasn't mapped: an object, its JSON, or a list of keys and values; keys may be paths, and values texts.
fn unmapped(ocsf: &Value) -> Map<String, Value> {
    let mut event = Map::new();
    let parsed;
    let members: Vec<(&str, &Value)> = match at(ocsf, "unmapped") {
        Some(Value::Object(members)) => members.iter().map(|(key, value)| (key.as_str(), value)).collect(),
        Some(Value::Array(pairs)) => {
            pairs.iter().filter_map(|pair| Some((pair.get("key")?.as_str()?, pair.get("value")?))).collect()
        }
        Some(Value::String(text)) => {
            parsed = json::value(text).unwrap_or_default();
            parsed.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in members.into_iter().filter(|(_, value)| !is_nothing(value)) {
        let value = match (key, value) {
            ("readOnly" | "managementEvent", Value::String(text)) => {
                text.parse().map_or_else(|_| json!(text), Value::Bool)
            }
            // What is named by a path is a part, whose text may well be JSON.
            _ if key.contains('.') => value.clone(),
            _ => athena::field(key, value.clone()),
        };
        set(&mut event, key, value);
    }
    event
}

/// The request or the response: an object, its JSON, or another text.
fn data(event: &mut Map<String, Value>, field: &str, data: Option<&Value>) {
    let data = match data {
        Some(Value::String(text)) => json::value(text).unwrap_or_else(|_| json!(text)),
        Some(value) => value.clone(),
        None => Value::Null,
    };
    if !is_nothing(&data) {
        // It is whole, which what is in `unmapped` need not be.
        event.insert(field.to_owned(), data);
    }
}

/// Who it was. Which of `uid`, `uuid` and `uid_alt` is the ARN depends on OCSF's version; its value tells.
fn identity(event: &mut Map<String, Value>, ocsf: &Value) {
    let ids = ["actor.user.uid", "actor.user.uuid", "actor.user.uid_alt"].map(|path| text_at(ocsf, path));
    let is_of_center = text_at(ocsf, "actor.user.type") == Some("IdentityCenterUser");
    let arn = ids.iter().flatten().find(|id| id.starts_with("arn:"));
    let principal = ids.iter().flatten().find(|id| !id.starts_with("arn:"));
    let (principal_id, key, name) = match is_of_center {
        true => ("onBehalfOf.userId", "credentialId", "additionalEventData.UserName"),
        false => ("principalId", "accessKeyId", "userIdentity.userName"),
    };
    let mut set_identity = |field: &str, text: Option<&str>| {
        if let Some(text) = text {
            set(event, &format!("userIdentity.{field}"), json!(text));
        }
    };
    set_identity(principal_id, principal.copied());
    set_identity("arn", arn.copied());
    set_identity(key, text_at(ocsf, "actor.user.credential_uid"));
    if is_of_center {
        set_identity("onBehalfOf.identityStoreArn", text_at(ocsf, "actor.idp.uid"));
    }
    let kind = text_at(ocsf, "actor.user.type");
    let provider = match kind {
        Some("SAMLUser" | "WebIdentityUser") => "identityProvider",
        _ => "sessionContext.webIdFederationData.federatedProvider",
    };
    set_identity(provider, text_at(ocsf, "actor.idp.name"));
    if let Some(text) = text_at(ocsf, "actor.user.name") {
        set(event, name, json!(text));
    }
}

/// When its session began and whether with a second factor, which CloudTrail writes as text.
fn session(event: &mut Map<String, Value>, ocsf: &Value) {
    let session = "userIdentity.sessionContext.attributes";
    let began = time_at(ocsf, "actor.session.created_time_dt").or_else(|| time_at(ocsf, "actor.session.created_time"));
    if let Some(began) = began {
        set(event, &format!("{session}.creationDate"), json!(began));
        let is_mfa =
            at(ocsf, "actor.session.is_mfa").or_else(|| at(ocsf, "actor.session.mfa")).and_then(Value::as_bool);
        if let Some(is_mfa) = is_mfa {
            set(event, &format!("{session}.mfaAuthenticated"), json!(is_mfa.to_string()));
        }
    }
}

/// What only signing in to the console has.
fn sign_in(event: &mut Map<String, Value>, ocsf: &Value) {
    if text_at(ocsf, "api.operation") != Some("ConsoleLogin") {
        return;
    }
    if let Some(is_mfa) = at(ocsf, "is_mfa").or_else(|| at(ocsf, "mfa")).and_then(Value::as_bool) {
        set(event, "additionalEventData.MFAUsed", json!(if is_mfa { "Yes" } else { "No" }));
    }
    let status = text_at(ocsf, "status").filter(|status| ["Success", "Failure"].contains(status));
    let is_free = event.get("responseElements").is_none_or(|value| value.is_null() || value.is_object());
    if let Some(status) = status.filter(|_| is_free) {
        set(event, "responseElements.ConsoleLogin", json!(status));
    }
}

fn resources(ocsf: &Value) -> Option<Value> {
    let resource = |from: &Value| {
        let mut to = Map::new();
        for (field, paths) in
            [("accountId", &["owner.account.uid", "account_uid"][..]), ("type", &["type"]), ("ARN", &["uid"])]
        {
            if let Some(text) = paths.iter().find_map(|path| text_at(from, path)) {
                to.insert(field.to_owned(), json!(text));
            }
        }
        Value::Object(to)
    };
    let list = at(ocsf, "resources")?.as_array().filter(|list| !list.is_empty())?;
    Some(Value::Array(list.iter().map(resource).collect()))
}

/// A number of milliseconds since 1970, or of seconds or microseconds: which of them its size tells. 0 says nothing.
fn epoch(number: i64) -> Option<DateTime<Utc>> {
    const SECONDS_MAX: i64 = 100_000_000_000;
    const MILLIS_MAX: i64 = 100_000_000_000_000;
    match number {
        ..=0 => None,
        1..SECONDS_MAX => DateTime::from_timestamp_secs(number),
        SECONDS_MAX..MILLIS_MAX => DateTime::from_timestamp_millis(number),
        _ => DateTime::from_timestamp_micros(number),
    }
}

/// A time in CloudTrail's form, of a number or of ISO 8601.
fn time_at(ocsf: &Value, path: &str) -> Option<String> {
    let time = match at(ocsf, path)? {
        Value::Number(number) => epoch(number.as_i64()?)?,
        Value::String(text) => crate::time::parse_time(text).and_then(DateTime::<Utc>::from_timestamp_micros)?,
        _ => return None,
    };
    Some(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
