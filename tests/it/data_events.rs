//! Which data events could have been seen: what trails were told to log, and what there is.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use trailpare::store::Store;
use trailpare::time::parse_time;
use trailpare::usage::{Logged, TimeRange, data_sight};

fn event(account: &str, time: &str, source: &str, name: &str, parameters: &Value) -> Value {
    json!({"eventVersion": "1.08", "eventTime": time, "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
        "eventID": format!("{account}-{time}-{name}"), "eventType": "AwsApiCall", "recipientAccountId": account,
        "userIdentity": {"type": "AssumedRole", "accountId": account,
            "arn": format!("arn:aws:sts::{account}:assumed-role/app/s"),
            "sessionContext": {"sessionIssuer": {"type": "Role", "accountId": account,
                "arn": format!("arn:aws:iam::{account}:role/app"), "userName": "app"}}},
        "requestParameters": parameters})
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailpare")).args(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const TRAIL: &str = "cloudtrail.amazonaws.com";
const S3: &str = "s3.amazonaws.com";

/// One account with all objects of S3 logged from some day on, one with those of a bucket, one of which nothing is known and that
/// has some, one without.
fn store(folder: &Path) -> Store {
    let object = json!({"bucketName": "b", "key": "k"});
    let all = json!({"trailName": "arn:aws:cloudtrail:eu-west-1:111111111111:trail/main", "eventSelectors": [
        {"readWriteType": "All", "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3"]}]}]});
    let before = json!({"trailName": "main", "eventSelectors": [
        {"dataResources": [{"type": "AWS::Lambda::Function", "values": ["arn:aws:lambda"]}]}]});
    let some = json!({"trailName": "main", "advancedEventSelectors": [{"fieldSelectors": [
        {"field": "eventCategory", "equals": ["Data"]}, {"field": "resources.type", "equals": ["AWS::S3::Object"]},
        {"field": "resources.ARN", "startsWith": ["arn:aws:s3:::b/"]}]}]});
    let mut denied = event("444444444444", "2024-03-02T01:00:00Z", TRAIL, "PutEventSelectors", &all);
    denied["errorCode"] = json!("AccessDenied");
    let records = [
        event("111111111111", "2024-03-02T00:00:00Z", TRAIL, "PutEventSelectors", &all),
        event("111111111111", "2024-03-01T00:00:00Z", TRAIL, "PutEventSelectors", &before),
        event("222222222222", "2024-03-02T00:00:00Z", TRAIL, "PutEventSelectors", &some),
        event("222222222222", "2024-03-03T00:00:00Z", S3, "GetObject", &object),
        event("333333333333", "2024-03-03T00:00:00Z", S3, "GetObject", &object),
        event("444444444444", "2024-03-03T00:00:00Z", S3, "ListBuckets", &json!(null)),
        denied,
    ];
    let archive = folder.join("events.json");
    fs::write(&archive, json!({ "Records": records }).to_string()).expect("written");
    let store = folder.join("store");
    let out = run(&["ingest", archive.to_str().expect("text"), "--store", store.to_str().expect("text")]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    Store::open(&store).expect("a store")
}

#[test]
fn what_trails_were_told_to_log_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let sight = data_sight(&store(folder.path()).snapshot(None).expect("a snapshot")).expect("read");
    assert_eq!(sight.trails.len(), 2, "{sight:?}");
    let main = &sight.trails[0];
    assert_eq!((main.account_id.as_str(), Some(main.since_us)), ("111111111111", parse_time("2024-03-02")));
    assert_eq!(main.logged.iter().map(|(source, logged)| (*source, *logged)).collect::<Vec<_>>(), [(S3, Logged::All)]);
    assert_eq!(sight.trails[1].logged[S3], Logged::Some);
    assert_eq!(sight.seen[S3].iter().map(String::as_str).collect::<Vec<_>>(), ["222222222222", "333333333333"]);
    let since = |day: &str| TimeRange { from_us: parse_time(day), to_us: None };
    for (account, range, expected) in [
        ("111111111111", since("2024-03-02"), true),
        ("111111111111", since("2024-03-01"), false),
        ("222222222222", since("2024-03-02"), false),
        ("333333333333", TimeRange::default(), true),
        ("444444444444", TimeRange::default(), false),
    ] {
        assert_eq!(sight.shows(account, "s3:GetObject", &range), expected, "{account} {range}");
        assert!(sight.shows(account, "s3:CreateBucket", &range));
        assert!(!sight.shows(account, "lambda:InvokeFunction", &range));
    }
}

#[test]
fn nothing_is_said_of_what_could_not_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path());
    let role = |account: &str| {
        json!({"Arn": format!("arn:aws:iam::{account}:role/app"), "RoleName": "app", "AttachedManagedPolicies": [],
            "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Action": ["s3:PutObject", "s3:CreateBucket", "lambda:InvokeFunction"], "Resource": "*"}]}}]})
    };
    let roles: Vec<Value> = ["111111111111", "222222222222", "333333333333", "444444444444"].map(role).into();
    let details = folder.path().join("details.json");
    fs::write(
        &details,
        json!({"RoleDetailList": roles, "UserDetailList": [], "GroupDetailList": [], "Policies": []}).to_string(),
    )
    .expect("written");
    let (details, store) = (details.to_str().expect("text"), folder.path().join("store"));
    let store = store.to_str().expect("text");
    let unseen = |args: &[&str]| -> Vec<(String, Vec<String>, u64)> {
        let all = ["unused", "--authorization-details", details, "--store", store, "--format", "json"];
        let out = run(&[&all[..], args].concat());
        let value: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|_| panic!("{}", text(&out.stderr)));
        let texts = |list: &Value| {
            list.as_array().expect("a list").iter().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let of = |entity: &Value| {
            let levels = entity["unused_by_access_level"].as_object().expect("an object");
            let unused = levels.values().filter_map(Value::as_u64).sum();
            (entity["arn"].as_str().unwrap()[13..25].to_owned(), texts(&entity["unseen_actions"]), unused)
        };
        let mut found: Vec<_> = value.as_array().expect("a list").iter().map(of).collect();
        found.sort();
        found
    };
    let (lambda, put) = ("lambda:InvokeFunction".to_owned(), "s3:PutObject".to_owned());
    let both = vec![lambda.clone(), put];
    let lambda = vec![lambda];
    let expected = |account: &str, unseen: &Vec<String>| (account.to_owned(), unseen.clone(), 3 - unseen.len() as u64);
    assert_eq!(
        unseen(&[]),
        [
            expected("111111111111", &both),
            expected("222222222222", &both),
            expected("333333333333", &lambda),
            expected("444444444444", &both),
        ]
    );
    assert_eq!(unseen(&["--from", "2024-03-02"])[0], expected("111111111111", &lambda));
    // A policy says what trails were told.
    let out = run(&["policy", "--account", "333333333333", "--explain", "--store", store]);
    let words = text(&out.stderr);
    assert!(words.contains("main in 222222222222 since 2024-03-02T00:00:00Z: some S3 objects"), "{words}");
}
