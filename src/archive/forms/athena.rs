//! `{"eventversion":…,"useridentity":…}`: rows of the table that Athena's documentation has people create. Hive's names
//! are lower case; what is free content comes as JSON in a string, and so does `useridentity` where a query cast it.
//!
//! Source: Amazon Athena User Guide, "Query AWS CloudTrail logs"; the names are those of the CloudTrail User Guide,
//! "CloudTrail record contents" and "CloudTrail userIdentity element".

use serde_json::{Map, Value};

use super::form::{Content, Form};
use super::object::Object;
use crate::util::json;

pub(super) const FORM: Form = Form { name: "Athena", read };

/// CloudTrail's names.
const NAMES: [&str; 66] = [
    "accessKeyId",
    "accountId",
    "addendum",
    "additionalEventData",
    "apiVersion",
    "assumedRoot",
    "attributes",
    "awsRegion",
    "cipherSuite",
    "clientProvidedHostHeader",
    "creationDate",
    "credentialId",
    "credentialsIssuedTo",
    "ec2RoleDelivery",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "federatedProvider",
    "identityProvider",
    "identityStoreArn",
    "inScopeOf",
    "insightContext",
    "insightDetails",
    "insightType",
    "invokedBy",
    "issuerType",
    "managementEvent",
    "mfaAuthenticated",
    "onBehalfOf",
    "originalEventID",
    "originalRequestID",
    "principalId",
    "readOnly",
    "recipientAccountId",
    "requestContext",
    "requestID",
    "requestParameters",
    "responseElements",
    "serviceEventDetails",
    "sessionContext",
    "sessionCredentialFromConsole",
    "sessionIssuer",
    "sharedEventID",
    "sourceAccount",
    "sourceArn",
    "sourceIPAddress",
    "sourceIdentity",
    "tagContext",
    "tlsDetails",
    "tlsVersion",
    "updatedFields",
    "userAgent",
    "userId",
    "userIdentity",
    "userName",
    "vpcEndpointAccountId",
    "vpcEndpointId",
    "webIdFederationData",
];

/// Columns by which the documentation has people partition the table: no part of an event.
const PARTITIONS: [&str; 7] = ["timestamp", "region", "year", "month", "day", "date", "account"];

/// Fields whose content is the caller's: what is in them keeps its names.
const FREE: [&str; 4] = ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails"];

/// Fields that are objects or lists, and may come as JSON in a string.
const NESTED: [&str; 7] =
    ["userIdentity", "resources", "tlsDetails", "addendum", "insightDetails", "eventContext", "edgeDeviceDetails"];

fn read<'a>(object: &Object<'a>) -> Option<Content<'a>> {
    let is_form = object.has("eventversion") || object.has("eventsource") && object.has("eventname");
    if !is_form {
        return None;
    }
    let mut event = Map::new();
    for (key, value) in object.members().filter(|(key, _)| !PARTITIONS.contains(key)) {
        let name = name_of(key);
        // What serde_json can't read (nested too deep, a lone surrogate) can't be renamed either.
        let Ok(value) = json::value(value.get()) else {
            return Some(Content::Foreign("a row of Athena's table that can't be read"));
        };
        event.insert(name.to_owned(), field(name, value));
    }
    Some(Content::Written(Value::Object(event).to_string()))
}

pub(super) fn name_of(key: &str) -> &str {
    NAMES.iter().find(|name| name.eq_ignore_ascii_case(key)).copied().unwrap_or(key)
}

/// A field's value with CloudTrail's names.
pub(super) fn field(name: &str, value: Value) -> Value {
    let is_free = FREE.contains(&name);
    match value {
        Value::String(text)
            if (is_free || NESTED.contains(&name)) && text.trim_start().starts_with(['{', '[', 'n']) =>
        {
            // In a string it is as CloudTrail wrote it.
            json::value(&text).unwrap_or(Value::String(text))
        }
        value if is_free => value,
        Value::Array(resources) if name == "resources" => Value::Array(resources.into_iter().map(resource).collect()),
        value => renamed(value),
    }
}

/// In a resource CloudTrail writes `ARN`, elsewhere `arn`.
fn resource(value: Value) -> Value {
    let Value::Object(members) = renamed(value) else { return Value::Null };
    let name = |key: String| if key.eq_ignore_ascii_case("arn") { "ARN".to_owned() } else { key };
    Value::Object(members.into_iter().map(|(key, value)| (name(key), value)).collect())
}

fn renamed(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(key, value)| (name_of(&key).to_owned(), renamed(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(renamed).collect()),
        scalar => scalar,
    }
}
