//! One assumption of a role, out of a record.
//!
//! Shapes: IAM User Guide, "Logging IAM and AWS STS API calls with AWS CloudTrail" (`cloudtrail-integration`);
//! CloudTrail User Guide, "CloudTrail userIdentity element". `SwitchRole` of `signin.amazonaws.com` and the calls of
//! EKS pod identity (`pods.eks.amazonaws.com`) are as public records have them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::role_name::RoleName;
use crate::iam::arn::Arn;
use crate::record::HIDDEN;

/// How a role was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// `AssumeRole`, also by the console's switch of roles.
    AssumeRole,
    /// `AssumeRoleWithSAML`.
    WithSaml,
    /// `AssumeRoleWithWebIdentity`.
    WithWebIdentity,
}

/// Who took it: as a trust policy can name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// A role, user or root by its ARN (not that of a session), and its account.
    Principal(String, String),
    /// Account and unique id (`AROA…`, `AIDA…`) of somebody in an account that is not logged.
    Unnamed(String, String),
    /// An AWS service.
    Service(String),
    /// An identity provider: an ARN, or a name such as `accounts.google.com`.
    Provider(String),
    /// Somebody that no trust policy can name: type and what else is known.
    Other(String, String),
}

/// What became of the call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Credentials were given out.
    Succeeded,
    /// It was denied.
    Denied,
    /// It failed before anybody decided; the error code.
    Failed(String),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// Microseconds since 1970-01-01 UTC.
    pub time_us: i64,
    /// `eventID`.
    pub event_id: String,
    /// How.
    pub call: Call,
    /// Whether it is the console's `SwitchRole`.
    pub is_switch: bool,
    /// The role.
    pub role: RoleName,
    /// ARN of the role, with its path where the record has it.
    pub role_arn: String,
    /// Who.
    pub who: Who,
    /// The caller's own session, where it has one.
    pub caller_session: Option<String>,
    /// The access key of the caller.
    pub caller_key: Option<String>,
    /// Name of the session that was made.
    pub session_name: Option<String>,
    /// Access key of the session that was made.
    pub issued_key: Option<String>,
    /// Unique id of the role, as `assumedRoleUser` tells it.
    pub role_id: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// `externalId`.
    pub external_id: Option<String>,
    /// Audience of the token or assertion.
    pub audience: Option<String>,
    /// Subject of the token or assertion.
    pub subject: Option<String>,
    /// Issuer of the assertion.
    pub issuer: Option<String>,
    /// `sourceIdentity`, set by this call or before.
    pub source_identity: Option<String>,
    /// Session tags: those that are passed and those that come along from the session before.
    pub tags: BTreeMap<String, String>,
    /// Keys of the tags that go on to sessions behind this one.
    pub transitive: BTreeSet<String>,
    /// Whether context is passed (`providedContexts`), as for trusted identity propagation.
    pub has_context: bool,
    /// Account of the resource for which a service acts.
    pub source_account: Option<String>,
    /// Whether the caller gave a second factor; `None` where nothing tells.
    pub mfa: Option<bool>,
    /// `sourceIPAddress`.
    pub source_ip: Option<String>,
    /// `awsRegion`.
    pub region: Option<String>,
}

/// What a record holds, as far as it matters here; empty texts are missing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row<'a> {
    pub time_us: i64,
    pub event_id: &'a str,
    pub event_source: &'a str,
    pub event_name: &'a str,
    pub region: Option<&'a str>,
    pub principal_arn: Option<&'a str>,
    pub principal_type: Option<&'a str>,
    pub principal_account: Option<&'a str>,
    pub session_name: Option<&'a str>,
    pub user_name: Option<&'a str>,
    pub access_key: Option<&'a str>,
    pub source_ip: Option<&'a str>,
    pub error_code: Option<&'a str>,
    pub error_message: Option<&'a str>,
    pub source_identity: Option<&'a str>,
    pub source_account: Option<&'a str>,
    pub session_arn: Option<&'a str>,
    pub mfa: Option<bool>,
    pub request: Option<&'a str>,
    pub response: Option<&'a str>,
    pub additional: Option<&'a str>,
}

impl Call {
    /// The action that a trust policy has to allow.
    pub fn action(self) -> &'static str {
        match self {
            Call::AssumeRole => "sts:AssumeRole",
            Call::WithSaml => "sts:AssumeRoleWithSAML",
            Call::WithWebIdentity => "sts:AssumeRoleWithWebIdentity",
        }
    }
}

impl Who {
    /// The role, user or root of an ARN, be it that of a session.
    pub fn of_arn(arn: &str) -> Option<Who> {
        let parsed = Arn::parse(arn)?;
        let account = parsed.account.to_owned();
        match (parsed.service, parsed.resource.split_once('/')) {
            ("iam", Some(("role" | "user", _))) => Some(Who::Principal(arn.to_owned(), account)),
            ("iam", None) if parsed.resource == "root" => Some(Who::Principal(arn.to_owned(), account)),
            ("sts", Some(("assumed-role", _))) => RoleName::of(arn).map(|role| Who::Principal(role.arn(arn), account)),
            _ => None,
        }
    }

    /// For people: the ARN, the id with its account, the service, the provider.
    pub fn text(&self) -> String {
        match self {
            Who::Principal(arn, _) => arn.clone(),
            Who::Unnamed(account, id) => format!("{id} of {account}"),
            Who::Service(name) | Who::Provider(name) => name.clone(),
            Who::Other(kind, text) => format!("{kind} {text}"),
        }
    }

    /// What it is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Who::Principal(..) => "principal",
            Who::Unnamed(..) => "unnamed-principal",
            Who::Service(_) => "service",
            Who::Provider(_) => "identity-provider",
            Who::Other(..) => "other",
        }
    }
}

/// Error codes of a denial (IAM User Guide and STS API Reference, "Common errors").
const DENIALS: [&str; 3] = ["AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"];

impl Assumption {
    /// Of a record; `None` where it is none, or does not say which role.
    pub(super) fn of(row: &Row<'_>) -> Option<Assumption> {
        let call = match (row.event_source, row.event_name) {
            ("sts.amazonaws.com", "AssumeRole") => Call::AssumeRole,
            ("sts.amazonaws.com", "AssumeRoleWithSAML") => Call::WithSaml,
            ("sts.amazonaws.com", "AssumeRoleWithWebIdentity") => Call::WithWebIdentity,
            ("signin.amazonaws.com", "SwitchRole") => return switch(row),
            _ => return None,
        };
        let (request, response) = (json(row.request), json(row.response));
        let asked = |key: &str| text(&request, key);
        let answered = |key: &str| text(&response, key);
        let role_arn = asked("roleArn").or_else(|| denied_role(row))?;
        let tags = tags(&request);
        let session = response.get("assumedRoleUser");
        let role_id = session.and_then(|user| text(user, "assumedRoleId"));
        let session_of_id = || role_id.as_deref().and_then(|id| id.split_once(':')).map(|(_, name)| name.to_owned());
        Some(Assumption {
            time_us: row.time_us,
            event_id: row.event_id.to_owned(),
            call,
            is_switch: false,
            role: RoleName::of(&role_arn)?,
            who: who(row, call, &request, &response),
            caller_session: row.session_name.filter(|_| call == Call::AssumeRole).map(str::to_owned),
            caller_key: row.access_key.map(str::to_owned),
            session_name: asked("roleSessionName").or_else(session_of_id),
            issued_key: response.get("credentials").and_then(|given| text(given, "accessKeyId")),
            role_id: role_id.map(|id| id.split(':').next().unwrap_or_default().to_owned()),
            outcome: outcome(row.error_code),
            external_id: asked("externalId"),
            audience: answered("audience"),
            subject: answered("subject")
                .or_else(|| answered("subjectFromWebIdentityToken"))
                .or_else(|| row.user_name.filter(|_| call != Call::AssumeRole).map(str::to_owned)),
            issuer: answered("issuer"),
            source_identity: asked("sourceIdentity")
                .or_else(|| answered("sourceIdentity"))
                .or_else(|| row.source_identity.map(str::to_owned)),
            tags,
            transitive: transitive(&request),
            has_context: request.get("providedContexts").is_some_and(|contexts| !is_empty(contexts)),
            source_account: row.source_account.map(str::to_owned),
            mfa: row.mfa.or_else(|| asked("serialNumber").map(|_| true)),
            source_ip: row.source_ip.map(str::to_owned),
            region: row.region.map(str::to_owned),
            role_arn,
        })
    }
}

/// The console's switch: the record is the new session's, and says whence.
fn switch(row: &Row<'_>) -> Option<Assumption> {
    let additional = json(row.additional);
    let from = text(&additional, "SwitchFrom")?;
    let role_arn = row.principal_arn.filter(|arn| RoleName::of(arn).is_some()).or(row.session_arn)?;
    let role = RoleName::of(role_arn)?;
    let is_done = text(&json(row.response), "SwitchRole").as_deref() == Some("Success");
    let caller_session = Arn::parse(&from)
        .filter(|arn| arn.service == "sts")
        .and_then(|arn| arn.resource.splitn(3, '/').nth(2))
        .map(str::to_owned);
    Some(Assumption {
        time_us: row.time_us,
        event_id: row.event_id.to_owned(),
        call: Call::AssumeRole,
        is_switch: true,
        role_arn: if role_arn.contains(":iam:") { role_arn.to_owned() } else { role.arn(role_arn) },
        role,
        who: Who::of_arn(&from).unwrap_or_else(|| Who::Other("SwitchFrom".to_owned(), from)),
        caller_session,
        caller_key: None,
        session_name: row.session_name.map(str::to_owned),
        issued_key: row.access_key.map(str::to_owned),
        role_id: None,
        outcome: if is_done { Outcome::Succeeded } else { Outcome::Failed("SwitchRole".to_owned()) },
        external_id: None,
        audience: None,
        subject: None,
        issuer: None,
        source_identity: None,
        tags: BTreeMap::new(),
        transitive: BTreeSet::new(),
        has_context: false,
        source_account: None,
        mfa: row.mfa,
        source_ip: row.source_ip.map(str::to_owned),
        region: row.region.map(str::to_owned),
    })
}

fn who(row: &Row<'_>, call: Call, request: &Value, response: &Value) -> Who {
    let other = || {
        let text = row.principal_arn.unwrap_or_default();
        Who::Other(row.principal_type.unwrap_or("unknown").to_owned(), text.to_owned())
    };
    let provider = match call {
        Call::AssumeRole => return caller(row).unwrap_or_else(other),
        Call::WithSaml => text(request, "principalArn"),
        Call::WithWebIdentity => text(response, "provider").or_else(|| row.principal_arn.map(str::to_owned)),
    };
    provider.map_or_else(other, Who::Provider)
}

fn caller(row: &Row<'_>) -> Option<Who> {
    let arn = row.principal_arn?;
    match row.principal_type? {
        "AWSService" => arn.ends_with(".amazonaws.com").then(|| Who::Service(arn.to_owned())),
        "AWSAccount" => {
            let account = row.principal_account?;
            (!arn.is_empty()).then(|| Who::Unnamed(account.to_owned(), arn.to_owned()))
        }
        // Whose federation token it is has no role of its own to be trusted.
        "FederatedUser" => None,
        _ => Who::of_arn(arn),
    }
}

fn outcome(error_code: Option<&str>) -> Outcome {
    match error_code {
        None => Outcome::Succeeded,
        Some(code) if DENIALS.contains(&code) => Outcome::Denied,
        Some(code) => Outcome::Failed(code.to_owned()),
    }
}

/// A denial has no parameters; its message names the role.
fn denied_role(row: &Row<'_>) -> Option<String> {
    let behind = row.error_message?.split_once(" on resource: ")?.1;
    let arn = behind.split([' ', ',']).next()?;
    RoleName::of(arn).map(|_| arn.to_owned())
}

fn json(text: Option<&str>) -> Value {
    text.and_then(|text| crate::util::json::value(text).ok()).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> Option<String> {
    let found = value.get(key)?.as_str()?;
    (!found.is_empty() && found != HIDDEN).then(|| found.to_owned())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// Most tags that a session can have (IAM User Guide, `id_session-tags`), those that come along among them.
const TAGS_MAX: usize = 100;

/// `tags` is a list of `key` and `value`; the tags of federation, and those that come along, are an object.
fn tags(request: &Value) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let listed = request.get("tags").and_then(Value::as_array).into_iter().flatten();
    for tag in listed.take(TAGS_MAX) {
        if let Some(key) = text(tag, "key") {
            tags.insert(key, text(tag, "value").unwrap_or_default());
        }
    }
    for name in ["principalTags", "incomingTransitiveTags"] {
        for (key, value) in request.get(name).and_then(Value::as_object).into_iter().flatten().take(TAGS_MAX) {
            tags.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
        }
    }
    tags
}

fn transitive(request: &Value) -> BTreeSet<String> {
    let listed = request.get("transitiveTagKeys").and_then(Value::as_array).into_iter().flatten();
    let came = request.get("incomingTransitiveTags").and_then(Value::as_object);
    let came = came.into_iter().flat_map(|tags| tags.keys().cloned());
    listed.filter_map(Value::as_str).map(str::to_owned).chain(came).take(TAGS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Row<'static> = Row {
        event_source: "sts.amazonaws.com",
        event_name: "AssumeRole",
        principal_arn: Some("arn:aws:iam::444455556666:user/ann"),
        principal_type: Some("IAMUser"),
        principal_account: Some("444455556666"),
        request: Some(
            r#"{"roleArn":"arn:aws:iam::111122223333:role/x/deploy","roleSessionName":"s","externalId":"e",
            "tags":[{"key":"team","value":"ops"}],"transitiveTagKeys":["team"],"sourceIdentity":"ann"}"#,
        ),
        response: Some(
            r#"{"credentials":{"accessKeyId":"ASIAX"},"assumedRoleUser":{"assumedRoleId":"AROAX:s","arn":"a"}}"#,
        ),
        time_us: 0,
        event_id: "e1",
        region: None,
        session_name: None,
        user_name: None,
        access_key: None,
        source_ip: None,
        error_code: None,
        error_message: None,
        source_identity: None,
        source_account: None,
        session_arn: None,
        mfa: None,
        additional: None,
    };

    #[test]
    fn a_call_tells_who_took_what_and_how() {
        let found = Assumption::of(&BASE).unwrap();
        assert_eq!((found.role.name.as_str(), found.role.account.as_str()), ("deploy", "111122223333"));
        assert_eq!(
            found.who,
            Who::Principal("arn:aws:iam::444455556666:user/ann".to_owned(), "444455556666".to_owned())
        );
        assert_eq!((found.issued_key.as_deref(), found.role_id.as_deref()), (Some("ASIAX"), Some("AROAX")));
        assert_eq!((found.external_id.as_deref(), found.source_identity.as_deref()), (Some("e"), Some("ann")));
        assert_eq!((found.tags["team"].as_str(), found.transitive.contains("team")), ("ops", true));
    }

    #[test]
    fn a_denial_names_the_role_in_its_message() {
        let message = "User: arn:aws:iam::1:user/b is not authorized to perform: sts:AssumeRole on resource: \
                       arn:aws:iam::1:role/c because no identity-based policy allows the sts:AssumeRole action";
        let row = Row {
            request: None,
            response: None,
            error_code: Some("AccessDenied"),
            error_message: Some(message),
            ..BASE
        };
        let found = Assumption::of(&row).unwrap();
        assert_eq!((found.role_arn.as_str(), found.outcome), ("arn:aws:iam::1:role/c", Outcome::Denied));
        assert!(Assumption::of(&Row { error_message: None, ..row }).is_none());
    }

    #[test]
    fn a_switch_in_the_console_tells_whence() {
        let row = Row {
            event_source: "signin.amazonaws.com",
            event_name: "SwitchRole",
            principal_arn: Some("arn:aws:iam::111122223333:role/deploy"),
            principal_type: Some("AssumedRole"),
            session_name: Some("ann"),
            request: None,
            response: Some(r#"{"SwitchRole":"Success"}"#),
            additional: Some(r#"{"SwitchFrom":"arn:aws:sts::444455556666:assumed-role/people/ann@x"}"#),
            ..BASE
        };
        let found = Assumption::of(&row).unwrap();
        assert_eq!(found.who.text(), "arn:aws:iam::444455556666:role/people");
        assert_eq!((found.caller_session.as_deref(), found.is_switch), (Some("ann@x"), true));
    }

    #[test]
    fn what_is_odd_is_no_panic() {
        for request in ["", "[]", "{\"roleArn\":7}", "{\"roleArn\":\"arn:aws:iam::1:role/\"}", "{\"tags\":{}}", "\"x\""]
        {
            assert!(Assumption::of(&Row { request: Some(request), ..BASE }).is_none(), "{request}");
        }
        let odd = Row { principal_type: Some("Directory"), principal_arn: None, ..BASE };
        assert_eq!(Assumption::of(&odd).unwrap().who, Who::Other("Directory".to_owned(), String::new()));
        let internal = Row { principal_type: Some("AWSService"), principal_arn: Some("AWS Internal"), ..BASE };
        assert!(matches!(Assumption::of(&internal).unwrap().who, Who::Other(..)));
    }
}
