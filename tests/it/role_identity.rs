//! One role is one principal, whether or not a record holds its path; a role that was made again is said to be one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::rightsize::run;

const ACCOUNT: &str = "111122223333";

/// A record of an event in a minute of the day, with an id that says which.
fn record(minute: u32, last: u8, (source, name): (&str, &str), who: Value) -> Value {
    json!({
        "eventVersion": "1.09", "eventTime": format!("2024-03-01T{:02}:{:02}:00Z", minute / 60, minute % 60),
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "eu-west-1",
        "eventType": "AwsApiCall", "eventID": format!("{minute:08x}-0000-4000-8000-00000000000{last}"),
        "recipientAccountId": ACCOUNT, "requestParameters": null, "responseElements": null, "userIdentity": who
    })
}

/// A call in a session of a role; with `issuer` the record has the role's own ARN, and its unique id.
fn call(minute: u32, operation: (&str, &str), role: &str, issuer: Option<(&str, &str)>) -> Value {
    let arn = |path: &str| format!("arn:aws:iam::{ACCOUNT}:role/{path}{role}");
    let id = issuer.map_or("AROAUNKNOWN", |(_, id)| id);
    let mut who = json!({"type": "AssumedRole", "principalId": format!("{id}:run"), "accountId": ACCOUNT,
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/run")});
    if let Some((path, id)) = issuer {
        who["sessionContext"] = json!({"sessionIssuer": {"type": "Role", "principalId": id, "arn": arn(path),
            "accountId": ACCOUNT, "userName": role}});
    }
    record(minute, 0, operation, who)
}

/// Somebody takes a role, or fails to.
fn taken(minute: u32, role_path: &str, error: Option<&str>) -> Value {
    let role_arn = format!("arn:aws:iam::{ACCOUNT}:role/{role_path}");
    let who = json!({
        "type": "IAMUser", "principalId": "AIDAANN", "arn": format!("arn:aws:iam::{ACCOUNT}:user/ann"),
        "accountId": ACCOUNT, "accessKeyId": "AKIAANN", "userName": "ann"
    });
    let mut made = record(minute, 1, ("sts", "AssumeRole"), who);
    made["requestParameters"] = json!({"roleArn": role_arn, "roleSessionName": "run"});
    if let Some(code) = error {
        made["errorCode"] = json!(code);
        made["errorMessage"] = json!("User is not authorized to perform: sts:AssumeRole");
    }
    made
}

const LIST: (&str, &str) = ("s3", "ListBuckets");
const DESCRIBE: (&str, &str) = ("ec2", "DescribeInstances");

fn store(folder: &Path, records: &[Value]) -> String {
    let logs = folder.join("logs");
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join("a.json"), json!({"Records": records}).to_string()).unwrap();
    let store = folder.join("store").to_str().unwrap().to_owned();
    let (code, _, said) = run(&["ingest", logs.to_str().unwrap(), "--store", &store]);
    assert_eq!(code, 0, "{said}");
    store
}

fn json_of(args: &[&str]) -> Value {
    let (code, printed, said) = run(args);
    assert!(matches!(code, 0 | 3), "{args:?}: {said}");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{args:?}: {error}\n{printed}"))
}

/// Principals whose ARN ends so, by `actions`.
fn principals(store: &str, end: &str) -> Vec<String> {
    let rows = json_of(&["actions", "--principal", "*", "--format", "json", "--store", store]);
    let arns = rows.as_array().unwrap().iter().map(|row| row["principal_arn"].as_str().unwrap().to_owned());
    let mut arns: Vec<String> = arns.filter(|arn| arn.ends_with(end)).collect();
    arns.sort();
    arns.dedup();
    arns
}

fn granted(store: &str, args: &[&str]) -> String {
    let all: Vec<&str> = ["policy", "--store", store].into_iter().chain(args.iter().copied()).collect();
    let (code, printed, said) = run(&all);
    assert_eq!(code, 0, "{args:?}: {said}");
    printed
}

#[test]
fn a_session_without_its_issuer_is_of_the_same_role() {
    let folder = tempfile::tempdir().unwrap();
    let team = Some(("team/a/", "AROADEPLOY"));
    let sso = "AWSReservedSSO_Ops_0123456789abcdef";
    let reserved = Some(("aws-reserved/sso.amazonaws.com/eu-west-1/", "AROASSO"));
    let records = [
        call(1, LIST, "deploy", team),
        call(2, DESCRIBE, "deploy", None),
        call(3, LIST, sso, reserved),
        call(4, DESCRIBE, sso, None),
        // Nothing but a call that took it tells this one's path.
        taken(5, "jobs/nightly", None),
        call(6, LIST, "nightly", None),
        // What somebody asked for in vain tells nothing.
        taken(7, "made/up/plain", Some("AccessDenied")),
        call(8, LIST, "plain", None),
    ];
    let store = store(folder.path(), &records);
    let whole = format!("arn:aws:iam::{ACCOUNT}:role/team/a/deploy");
    assert_eq!(principals(&store, "/deploy"), std::slice::from_ref(&whole));
    assert_eq!(principals(&store, sso).len(), 1);
    assert_eq!(principals(&store, "/nightly"), [format!("arn:aws:iam::{ACCOUNT}:role/jobs/nightly")]);
    assert_eq!(principals(&store, "/plain"), [format!("arn:aws:iam::{ACCOUNT}:role/plain")]);
    let short = format!("arn:aws:iam::{ACCOUNT}:role/deploy");
    for whom in
        [["--role", "deploy"], ["--role", &whole], ["--role", &short], ["--principal", &whole], ["--principal", &short]]
    {
        let policy = granted(&store, &whom);
        assert!(
            policy.contains("s3:ListAllMyBuckets") && policy.contains("ec2:DescribeInstances"),
            "{whom:?}: {policy}"
        );
    }
    // The proof that goes back to events sees the same role.
    let args = ["--principal", &whole, "--prove", "events"];
    assert!(granted(&store, &args).contains("ec2:DescribeInstances"));
    let report = json_of(&["report", "--store", &store, "--format", "json", "--out", "-"]);
    let of_deploy = |one: &&Value| one["arn"].as_str().unwrap().ends_with("/deploy");
    let found: Vec<&Value> = report["principals"].as_array().unwrap().iter().filter(of_deploy).collect();
    assert_eq!((found.len(), &found[0]["counts"]["allowed"]), (1, &json!(2)));
    assert_eq!(found[0]["days"].as_object().unwrap().values().next().unwrap(), 2);
}

#[test]
fn a_name_with_two_paths_is_left_as_records_have_it() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        call(1, LIST, "deploy", Some(("a/", "AROAONE"))),
        call(2, DESCRIBE, "deploy", Some(("b/", "AROATWO"))),
        call(3, ("sqs", "ListQueues"), "deploy", None),
    ];
    let store = store(folder.path(), &records);
    assert_eq!(principals(&store, "/deploy").len(), 3);
    let policy = granted(&store, &["--role", "deploy"]);
    for action in ["s3:ListAllMyBuckets", "ec2:DescribeInstances", "sqs:ListQueues"] {
        assert!(policy.contains(action), "{policy}");
    }
    assert!(!granted(&store, &["--role", &format!("arn:aws:iam::{ACCOUNT}:role/a/deploy")]).contains("ec2:"));
}

fn details(folder: &Path, created: &str) -> PathBuf {
    let path = folder.join("details.json");
    let statement = json!({"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    let role = json!({
        "RoleName": "deploy", "RoleId": "AROATWO", "Arn": format!("arn:aws:iam::{ACCOUNT}:role/deploy"), "Path": "/",
        "CreateDate": created, "AttachedManagedPolicies": [],
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": policy}]
    });
    let all = json!({
        "UserDetailList": [], "GroupDetailList": [], "Policies": [], "IsTruncated": false, "RoleDetailList": [role]
    });
    fs::write(&path, all.to_string()).unwrap();
    path
}

/// The document that `rightsize` writes of the role.
fn cut(store: &str, details: &str, folder: &Path) -> String {
    let out = folder.join("cuts");
    let to = out.to_str().unwrap();
    let (code, _, said) =
        run(&["rightsize", "--store", store, "--out", to, "--authorization-details", details, "--min-days", "1"]);
    assert_eq!(code, 0, "{said}");
    fs::read_to_string(out.join(format!("roles/{ACCOUNT}-deploy/document.json"))).unwrap()
}

#[test]
fn a_role_that_was_made_again_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        call(1, LIST, "deploy", Some(("", "AROAONE"))),
        call(2, LIST, "deploy", Some(("", "AROAONE"))),
        call(60, DESCRIBE, "deploy", Some(("", "AROATWO"))),
        call(61, LIST, "other", Some(("", "AROAOTHER"))),
    ];
    let store = store(folder.path(), &records);
    let lives = json!([
        {"unique_id": "AROAONE", "first_time": "2024-03-01T00:01:00Z", "last_time": "2024-03-01T00:02:00Z"},
        {"unique_id": "AROATWO", "first_time": "2024-03-01T01:00:00Z", "last_time": "2024-03-01T01:00:00Z"},
    ]);
    let id = "00000001-0000-4000-8000-000000000000";
    assert_eq!(json_of(&["explain", id, "--format", "json", "--store", &store])[0]["made_again"], lives);
    let (_, printed, _) = run(&["explain", id, "--store", &store]);
    assert!(printed.contains("made again") && printed.contains("AROATWO"), "{printed}");
    let (_, printed, _) = run(&["explain", "0000003d-0000-4000-8000-000000000000", "--store", &store]);
    assert!(!printed.contains("made again"), "{printed}");
    let details = details(folder.path(), "2024-03-01T00:30:00+00:00");
    let details = details.to_str().unwrap();
    let unused = json_of(&["unused", "--authorization-details", details, "--format", "json", "--store", &store]);
    assert_eq!(unused[0]["made_again"], lives);
    let (_, printed, _) = run(&["unused", "--authorization-details", details, "--store", &store]);
    assert!(printed.contains("deleted and made again under its name: AROAONE"), "{printed}");
    let document: Value = serde_json::from_str(&cut(&store, details, folder.path())).unwrap();
    assert_eq!(document["wave"], "ask");
    let reasons = document["reasons"].to_string();
    assert!(reasons.contains("deleted and made again under its name: AROAONE from 2024-03-01T00:01:00Z"), "{reasons}");
}

/// One id in the log, and the file says that the role is younger than its first use.
#[test]
fn a_role_that_is_younger_than_its_first_use_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &[call(1, DESCRIBE, "deploy", Some(("", "AROAONE")))]);
    let details = details(folder.path(), "2024-03-01T00:30:00+00:00");
    let document = cut(&store, details.to_str().unwrap(), folder.path());
    assert!(document.contains("an earlier role had its name"), "{document}");
}
