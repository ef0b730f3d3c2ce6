//! CloudTrail's events in OCSF's form, after the published mapping: the way that the program goes back.
//!
//! Source: `github.com/ocsf/examples`, `mappings/markdown/AWS/v{1.0.0-rc.2,1.1.0,1.5.0}/CloudTrail`.

use serde_json::{Map, Value, json};

/// An event's OCSF of one version.
pub fn of(event: &Value, version: &str) -> Value {
    let is_old = version == "1.0.0-rc.2";
    let mut to = Builder { ocsf: json!({}), rest: super::samples::without_nulls(event) };
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (class, name) = match text("/eventName").as_str() {
        "ConsoleLogin" => (3002, "Authentication"),
        "CreateUser" => (3001, "Account Change"),
        _ => (if is_old { 3005 } else { 6003 }, "API Activity"),
    };
    to.ocsf["class_uid"] = json!(class);
    to.ocsf["class_name"] = json!(name);
    to.ocsf["observables"] = json!([{"name": "src_endpoint.ip", "type_id": 2, "value": "x"}]);
    to.ocsf["metadata"] = json!({"version": version, "product": {"name": "CloudTrail", "vendor_name": "AWS"}});
    to.ocsf["cloud"] = json!({"provider": "AWS"});
    let (arn, principal, account) = match is_old {
        true => ("actor.user.uuid", "actor.user.uid", "actor.user.account_uid"),
        false => ("actor.user.uid", "actor.user.uid_alt", "actor.user.account.uid"),
    };
    let address =
        if text("/sourceIPAddress").contains("amazonaws") { "src_endpoint.domain" } else { "src_endpoint.ip" };
    let texts = [
        ("/userIdentity/arn", arn),
        ("/userIdentity/principalId", principal),
        ("/userIdentity/accountId", account),
        ("/userIdentity/accessKeyId", "actor.user.credential_uid"),
        ("/userIdentity/userName", "actor.user.name"),
        ("/userIdentity/type", "actor.user.type"),
        ("/userIdentity/sessionContext/sessionIssuer/arn", "actor.session.issuer"),
        ("/sourceIPAddress", address),
        ("/requestID", "api.request.uid"),
        ("/eventSource", "api.service.name"),
        ("/eventName", "api.operation"),
        ("/awsRegion", "cloud.region"),
        ("/userAgent", "http_request.user_agent"),
        ("/eventVersion", "metadata.product.version"),
        ("/eventID", "metadata.uid"),
        ("/errorCode", "api.response.error"),
        ("/errorMessage", "api.response.message"),
        ("/eventCategory", "metadata.product.feature.name"),
        ("/additionalEventData/LoginTo", "dst_endpoint.svc_name"),
    ];
    texts.into_iter().for_each(|(from, path)| to.take(from, path, |value| value));
    if !is_old {
        to.take("/eventType", "metadata.event_code", |value| value);
        to.take("/requestParameters", "api.request.data", |value| json!(value.to_string()));
        to.take("/responseElements", "api.response.data", |value| json!(value.to_string()));
    }
    if version == "1.5.0" {
        to.take("/recipientAccountId", "cloud.account.uid", |value| value);
    }
    let millis = |value: Value| {
        let Some(Ok(time)) = value.as_str().map(str::parse::<chrono::DateTime<chrono::Utc>>) else { return value };
        json!(time.timestamp_millis())
    };
    // As the samples write it: local time with its offset.
    let offset = |value: Value| {
        let time: chrono::DateTime<chrono::Utc> = value.as_str().expect("a time").parse().expect("a time");
        json!((time - chrono::Duration::hours(4)).format("%Y-%m-%dT%H:%M:%S.000-04:00").to_string())
    };
    to.take("/eventTime", "time", millis);
    let attributes = "/userIdentity/sessionContext/attributes";
    match is_old {
        true => to.take(&format!("{attributes}/creationDate"), "actor.session.created_time", millis),
        false => to.take(&format!("{attributes}/creationDate"), "actor.session.created_time_dt", offset),
    }
    let mfa = if is_old { "mfa" } else { "is_mfa" };
    to.take(&format!("{attributes}/mfaAuthenticated"), &format!("actor.session.{mfa}"), |value| json!(value == "true"));
    if class == 3002 {
        to.take("/additionalEventData/MFAUsed", mfa, |value| json!(value == "Yes"));
        to.ocsf["status"] = json!("Success");
    }
    to.resources(is_old);
    to.finish()
}

struct Builder {
    ocsf: Value,
    /// What wasn't mapped.
    rest: Value,
}

impl Builder {
    fn take(&mut self, from: &str, path: &str, change: impl Fn(Value) -> Value) {
        let (parent, name) = from.rsplit_once('/').expect("a path");
        let taken =
            self.rest.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|members| members.remove(name));
        if let Some(value) = taken {
            set(&mut self.ocsf, path, change(value));
        }
    }

    fn resources(&mut self, is_old: bool) {
        let Some(Value::Array(list)) = self.rest.get("resources").cloned() else { return };
        self.rest.as_object_mut().expect("an object").remove("resources");
        let resource = |from: &Value| {
            let mut to = json!({"uid": from["ARN"], "type": from["type"]});
            if let Some(account) = from.get("accountId") {
                set(&mut to, if is_old { "account_uid" } else { "owner.account.uid" }, account.clone());
            }
            to
        };
        self.ocsf["resources"] = Value::Array(list.iter().map(resource).collect());
    }

    /// What is left goes to `unmapped`, each by its path, as text.
    fn finish(mut self) -> Value {
        let mut unmapped = Map::new();
        flatten(&self.rest, "", &mut unmapped);
        self.ocsf["unmapped"] = Value::Object(unmapped);
        self.ocsf
    }
}

fn flatten(value: &Value, path: &str, to: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            flatten(value, &path, to);
        }),
        Value::String(text) => drop(to.insert(path.to_owned(), json!(text))),
        other => drop(to.insert(path.to_owned(), json!(other.to_string()))),
    }
}

fn set(value: &mut Value, path: &str, to: Value) {
    let place = path.split('.').fold(value, |value, name| {
        if !value.is_object() {
            *value = json!({});
        }
        &mut value[name]
    });
    *place = to;
}
