//! A made-up archive of two accounts, with a third that is not logged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// The account whose roles are taken.
pub const OWN: &str = "111122223333";
/// An account that calls, and is logged as well.
pub const CALLER: &str = "444455556666";
/// An account that calls and is not logged.
pub const VENDOR: &str = "777788889999";

const GITHUB: &str = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com";
const SAML: &str = "arn:aws:iam::111122223333:saml-provider/Corp";
const SSO_SAML: &str = "arn:aws:iam::444455556666:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE";
pub const SSO: &str = "AWSReservedSSO_Ops_0123456789abcdef";

fn merged(mut base: Value, more: Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        base[key] = value.clone();
    }
    base
}

/// An event at this minute of the day.
fn event(minute: u32, account: &str, more: Value) -> Value {
    let id = format!("{:08x}-0000-4000-8000-{:012x}", minute, account.parse::<u64>().unwrap());
    let base = json!({
        "eventVersion": "1.10", "eventTime": format!("2024-03-01T{:02}:{:02}:00Z", minute / 60, minute % 60),
        "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2", "eventID": id, "eventType": "AwsApiCall",
        "managementEvent": true, "readOnly": true, "eventCategory": "Management", "recipientAccountId": account,
        "requestParameters": null, "responseElements": null,
    });
    merged(base, more)
}

fn asked(role: &str, session: &str, more: Value) -> Value {
    let base = json!({"roleArn": format!("arn:aws:iam::{OWN}:role/{role}"), "roleSessionName": session});
    merged(base, more)
}

fn answered(role: &str, session: &str, key: &str, more: Value) -> Value {
    let name = role.rsplit('/').next().unwrap();
    let base = json!({
        "credentials": {"accessKeyId": key, "sessionToken": "SECRETSECRET", "expiration": "Mar 1, 2024, 11:00:00 PM"},
        "assumedRoleUser": {"assumedRoleId": format!("AROA{}:{session}", name.to_uppercase()),
            "arn": format!("arn:aws:sts::{OWN}:assumed-role/{name}/{session}")},
    });
    merged(base, more)
}

fn user(name: &str) -> Value {
    json!({"type": "IAMUser", "principalId": format!("AIDA{}", name.to_uppercase()),
        "arn": format!("arn:aws:iam::{CALLER}:user/team/{name}"), "accountId": CALLER, "accessKeyId": "AKIALONG",
        "userName": name})
}

fn session(account: &str, role: &str, name: &str, key: &str, more: Value) -> Value {
    let short = role.rsplit('/').next().unwrap();
    let base = json!({"type": "AssumedRole", "principalId": format!("AROA{}:{name}", short.to_uppercase()),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{short}/{name}"), "accountId": account,
        "accessKeyId": key, "sessionContext": {"sessionIssuer": {"type": "Role",
            "principalId": format!("AROA{}", short.to_uppercase()),
            "arn": format!("arn:aws:iam::{account}:role/{role}"), "accountId": account, "userName": short},
            "attributes": {"creationDate": "2024-03-01T08:00:00Z", "mfaAuthenticated": "false"}}});
    let mut base = base;
    for (key, value) in more.as_object().unwrap() {
        base["sessionContext"][key] = value.clone();
    }
    base
}

fn lists(minute: u32, account: &str, who: Value) -> Value {
    let more = json!({"eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "userIdentity": who});
    event(minute, account, more)
}

fn web(minute: u32, subject: &str, error: Option<&str>) -> Value {
    let identity = json!({"type": "WebIdentityUser", "principalId": format!("{GITHUB}:sts.amazonaws.com:{subject}"),
        "userName": subject, "identityProvider": GITHUB});
    let mut made = event(
        minute,
        OWN,
        json!({
            "eventName": "AssumeRoleWithWebIdentity", "userIdentity": identity,
            "requestParameters": asked("ci/deploy", "run", json!({})),
            "responseElements": answered("ci/deploy", "run", "ASIADEPLOY", json!({"provider": GITHUB,
                "audience": "sts.amazonaws.com", "subjectFromWebIdentityToken": subject})),
        }),
    );
    if let Some(code) = error {
        made["errorCode"] = json!(code);
        made["responseElements"] = Value::Null;
    }
    made
}

fn pod(minute: u32, namespace: &str, account: &str) -> Value {
    let tags = json!([{"key": "eks-cluster-arn", "value": "arn:aws:eks:eu-west-1:111122223333:cluster/main"},
        {"key": "kubernetes-namespace", "value": namespace}, {"key": "kubernetes-service-account", "value": account},
        {"key": "kubernetes-pod-uid", "value": format!("uid-{minute}")}]);
    event(
        minute,
        OWN,
        json!({
            "userIdentity": {"type": "AWSService", "invokedBy": "pods.eks.amazonaws.com"},
            "requestParameters": asked("pod", "eks-main", json!({"tags": tags, "transitiveTagKeys": ["kubernetes-namespace"]})),
            "responseElements": answered("pod", "eks-main", &format!("ASIAPOD{minute}"), json!({})),
        }),
    )
}

fn vendor(minute: u32, external_id: Option<&str>, error: Option<&str>) -> Value {
    let parameters = external_id.map_or(json!({}), |id| json!({"externalId": id}));
    let mut made = event(
        minute,
        OWN,
        json!({
            "userIdentity": {"type": "AWSAccount", "principalId": "AROAVENDORROLE:scan", "accountId": VENDOR},
            "sharedEventID": format!("shared-{minute}"),
            "requestParameters": asked("vendor", "scan", parameters),
            "responseElements": answered("vendor", "scan", "ASIAVENDOR", json!({})),
        }),
    );
    if let Some(code) = error {
        made["errorCode"] = json!(code);
        made["responseElements"] = Value::Null;
    }
    made
}

/// A call of ann's that both accounts logged.
fn ann(minute: u32) -> [Value; 2] {
    let common = json!({
        "sharedEventID": format!("shared-{minute}"),
        "requestParameters": asked("audit", "ann", json!({"sourceIdentity": "ann", "serialNumber": "arn:aws:iam::444455556666:mfa/ann"})),
        "responseElements": answered("audit", "ann", "ASIAAUDIT", json!({"sourceIdentity": "ann"})),
    });
    let stranger = json!({"type": "AWSAccount", "principalId": "AIDAANN", "accountId": CALLER});
    [
        event(minute, CALLER, merged(common.clone(), json!({"userIdentity": user("ann")}))),
        event(minute, OWN, merged(common, json!({"userIdentity": stranger}))),
    ]
}

/// All records.
pub fn records() -> Vec<Value> {
    let mut records = vec![
        web(480, "repo:o/a:ref:refs/heads/main", None),
        web(481, "repo:o/a:ref:refs/heads/main", None),
        web(482, "repo:o/a:environment:prod", None),
        web(483, "repo:evil/x:ref:refs/heads/main", Some("AccessDenied")),
        vendor(490, Some("ext-1"), None),
        vendor(491, Some("ext-1"), None),
        vendor(492, None, Some("AccessDenied")),
        pod(500, "a", "x"),
        pod(501, "b", "y"),
    ];
    records.extend(ann(510));
    let chained = session(OWN, "audit", "ann", "ASIAAUDIT", json!({"sourceIdentity": "ann"}));
    records.push(event(
        511,
        OWN,
        json!({
            "userIdentity": chained,
            "requestParameters": asked("audit2", "deeper", json!({})),
            "responseElements": answered("audit2", "deeper", "ASIADEEP", json!({"sourceIdentity": "ann"})),
        }),
    ));
    let deep = session(OWN, "audit2", "deeper", "ASIADEEP", json!({"sourceIdentity": "ann"}));
    records.extend((512..515).map(|minute| lists(minute, OWN, deep.clone())));
    records.push(event(
        520,
        OWN,
        json!({
            "userIdentity": {"type": "AWSService", "invokedBy": "ec2.amazonaws.com"},
            "requestParameters": asked("batch", "i-0abc", json!({})),
            "responseElements": answered("batch", "i-0abc", "ASIABATCH", json!({})),
        }),
    ));
    records.push(event(530, OWN, json!({
        "eventName": "AssumeRoleWithSAML",
        "userIdentity": {"type": "SAMLUser", "principalId": "Q=:pat", "userName": "pat", "identityProvider": "Q="},
        "requestParameters": asked("people", "pat", json!({"principalArn": SAML, "principalTags": {"team": "x"}})),
        "responseElements": answered("people", "pat", "ASIAPAT", json!({"subject": "pat", "subjectType": "persistent",
            "issuer": "https://idp.example.com", "audience": "https://signin.aws.amazon.com/saml", "nameQualifier": "Q="})),
    })));
    // Nothing says who took this one.
    records.push(lists(540, OWN, session(OWN, "lost", "somebody", "ASIALOST", json!({}))));
    records.push(lists(541, OWN, session(OWN, "instance", "i-1", "ASIAINST", json!({"ec2RoleDelivery": "2.0"}))));
    // Ben comes through Identity Center, and goes on into a role of the other account.
    let sso = format!("aws-reserved/sso.amazonaws.com/{SSO}");
    records.push(event(550, CALLER, json!({
        "eventName": "AssumeRoleWithSAML",
        "userIdentity": {"type": "SAMLUser", "principalId": "Q=:ben@example.com", "userName": "ben@example.com", "identityProvider": "Q="},
        "requestParameters": {"roleArn": format!("arn:aws:iam::{CALLER}:role/{sso}"), "roleSessionName": "ben@example.com", "principalArn": SSO_SAML},
        "responseElements": {"credentials": {"accessKeyId": "ASIABEN"}, "assumedRoleUser": {"assumedRoleId": "AROASSO:ben@example.com",
            "arn": format!("arn:aws:sts::{CALLER}:assumed-role/{SSO}/ben@example.com")}, "subject": "ben@example.com",
            "audience": "https://signin.aws.amazon.com/saml"},
    })));
    records.push(event(551, CALLER, json!({
        "userIdentity": session(CALLER, &sso, "ben@example.com", "ASIABEN", json!({})), "sharedEventID": "shared-551",
        "requestParameters": asked("ops", "ben-ops", json!({})),
        "responseElements": answered("ops", "ben-ops", "ASIAOPS", json!({})),
    })));
    records.push(lists(552, OWN, session(OWN, "ops", "ben-ops", "ASIAOPS", json!({}))));
    // Eve switches roles in the console.
    records.push(event(
        560,
        OWN,
        json!({
            "eventSource": "signin.amazonaws.com", "eventName": "SwitchRole", "eventType": "AwsConsoleSignIn",
            "userIdentity": {"type": "AssumedRole", "principalId": "AROACONSOLE:eve",
                "arn": format!("arn:aws:sts::{OWN}:assumed-role/console/eve"), "accountId": OWN},
            "responseElements": {"SwitchRole": "Success"},
            "additionalEventData": {"SwitchFrom": format!("arn:aws:iam::{CALLER}:user/eve")},
        }),
    ));
    records
}

/// Today's roles of the account.
pub fn details() -> Value {
    let role = |path: &str, name: &str, trust: Value| {
        json!({"Path": path, "RoleName": name, "RoleId": format!("AROA{}", name.to_uppercase()),
            "Arn": format!("arn:aws:iam::{OWN}:role{path}{name}"), "CreateDate": "2020-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust}, "RolePolicyList": [],
            "AttachedManagedPolicies": [], "Tags": []})
    };
    let allow = |who: Value, action: &str| json!({"Effect": "Allow", "Principal": who, "Action": action});
    json!({"UserDetailList": [], "GroupDetailList": [], "Policies": [], "IsTruncated": false, "RoleDetailList": [
        role("/ci/", "deploy", json!([allow(json!({"Federated": GITHUB}), "sts:AssumeRoleWithWebIdentity"),
            allow(json!({"AWS": format!("arn:aws:iam::{OWN}:root")}), "sts:AssumeRole")])),
        role("/", "vendor", json!([allow(json!({"AWS": VENDOR}), "sts:AssumeRole")])),
        role("/", "audit", json!([allow(json!({"Service": "lambda.amazonaws.com"}), "sts:AssumeRole")])),
        role("/", "idle", json!([allow(json!({"Service": "ec2.amazonaws.com"}), "sts:AssumeRole")])),
    ]})
}

/// Where it all is.
pub struct World {
    pub store: String,
    pub details: String,
}

pub fn write_archive(folder: &Path, records: &[Value]) -> PathBuf {
    let logs = folder.join("logs");
    fs::create_dir_all(&logs).unwrap();
    for account in [OWN, CALLER] {
        let own: Vec<&Value> = records.iter().filter(|record| record["recipientAccountId"] == account).collect();
        let name = format!("{account}_CloudTrail_eu-west-1_20240301T2355Z_aaaaaaaaaaaaaaaa.json");
        fs::write(logs.join(name), json!({"Records": own}).to_string()).unwrap();
    }
    logs
}

/// Made once; nobody writes to it.
pub fn world() -> &'static World {
    static WORLD: OnceLock<(tempfile::TempDir, World)> = OnceLock::new();
    let (_, world) = WORLD.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let logs = write_archive(folder.path(), &records());
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("details.json"), details().to_string()).unwrap();
        let (code, _, said) = super::run(&["ingest", logs.to_str().unwrap(), "--store", &path("store")]);
        assert_eq!(code, 0, "{said}");
        let world = World { store: path("store"), details: path("details.json") };
        (folder, world)
    });
    world
}
