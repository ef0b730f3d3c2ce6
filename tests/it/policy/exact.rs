//! What is granted is what was used: names, PassRole, conditions of requests, the proof by events, as the command says
//! it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use trailpare::iam::Catalog;
use trailpare::policy::prove::prove;
use trailpare::policy::replay::{policy_set, replay};
use trailpare::policy::{Generalize, Kind, Made, Options, explain, make};
use trailpare::usage::UsageRow;

use super::{made, options, provenance, row};

pub(super) fn granted(made: &Made) -> BTreeSet<(String, String)> {
    let statements = made.documents.iter().flat_map(|document| &document.policy.statements);
    statements
        .flat_map(|statement| {
            let actions = statement.actions.patterns().iter();
            actions.flat_map(|action| statement.resources.patterns().iter().map(|r| (action.clone(), r.clone())))
        })
        .collect()
}

#[test]
fn a_name_that_cannot_be_grants_nothing() {
    let catalog = Catalog::embedded();
    let good = row("iam:DeleteRole", "arn:aws:iam::111122223333:role/app");
    for (action, resource) in [
        ("iam:DeleteRole", "arn:aws:iam::111122223333:role/\u{1f600}"),
        ("iam:DeleteRole", "arn:aws:iam::111122223333:role/?"),
        ("iam:DeleteRole", "arn:aws:iam::\u{1f600}:role/app"),
        ("s3:PutBucketPolicy", "arn:aws:s3:::\u{1f600}"),
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-central-1:111122223333:table/\u{1f600}"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:q\u{202e}"),
    ] {
        let odd = row(action, resource);
        let with = make(&[good.clone(), odd.clone()], &options(), catalog).unwrap();
        let without = make(std::slice::from_ref(&good), &options(), catalog).unwrap();
        assert_eq!(granted(&with), granted(&without), "{resource}");
        assert_eq!((with.impossible.len(), with.excess.total()), (1, 0), "{resource}");
        let said = explain::summary(&with, &provenance(), None).join("\n");
        assert!(said.contains("1 on names that no resource can have"), "{said}");
        let proof = replay(&policy_set(&with), &[good.clone(), odd], catalog);
        assert!(proof.is_proof() && proof.impossible == 2, "{proof:?}");
    }
}

/// What a policy cannot hold is said with one `?` a character, counted and shown.
#[test]
fn what_cannot_be_said_exactly_is_said() {
    let rows = [row("s3:GetObject", "arn:aws:s3:::data-lake/\u{65e5}\u{672c}.txt")];
    let made = made(&rows, &Options { generalize: Generalize::None, ..options() });
    let expected = ("s3:GetObject".to_owned(), "arn:aws:s3:::data-lake/??.txt".to_owned());
    assert_eq!(granted(&made), BTreeSet::from([expected]));
    assert_eq!((made.excess.characters, made.excess.total()), (1, 1));
    assert!(replay(&policy_set(&made), &rows, Catalog::embedded()).is_proof());
    let said = explain::summary(&made, &provenance(), None).join("\n");
    assert!(said.contains("opens s3:GetObject on arn:aws:s3:::data-lake/??.txt (? for characters"), "{said}");
}

#[test]
fn what_is_opened_is_said_in_words() {
    let rows: Vec<UsageRow> =
        (0..9).map(|n| row("s3:GetObject", &format!("arn:aws:s3:::data-lake/2024/0{n}.json"))).collect();
    let wide = made(&rows, &Options { generalize: Generalize::Broad, ..options() });
    let said = explain::summary(&wide, &provenance(), None).join("\n");
    assert!(said.contains("opens s3:GetObject on everything in data-lake (events named 9)"), "{said}");
    let roles = [row("iam:AttachRolePolicy", "arn:aws:iam::111122223333:role/app")];
    let said = explain::summary(&made(&roles, &options()), &provenance(), None).join("\n");
    assert!(said.contains("grants a way to more: iam:AttachRolePolicy (gives a role any policy)"), "{said}");
}

#[test]
fn a_role_is_passed_to_every_service_that_may_be_meant() {
    let pass = |role: &str, service: Option<&str>| UsageRow {
        passed_to_service: service.map(Into::into),
        event_source: "batch.amazonaws.com".into(),
        event_name: "RegisterJobDefinition".into(),
        ..row("iam:PassRole", &format!("arn:aws:iam::111122223333:role/{role}"))
    };
    let rows = [pass("job", Some("ecs-tasks.amazonaws.com")), pass("job", Some("batch.amazonaws.com"))];
    let both = made(&rows, &options());
    let text = both.documents[0].policy.pretty();
    let services: Value = serde_json::from_str::<Value>(&text).unwrap()["Statement"][0]["Condition"].clone();
    let expected = json!({"StringEquals": {"iam:PassedToService": ["batch.amazonaws.com", "ecs-tasks.amazonaws.com"]}});
    assert_eq!(services, expected);
    assert!(both.incomplete.is_empty() && replay(&policy_set(&both), &rows, Catalog::embedded()).is_proof());
    // None can be named: said, and granted only when asked for.
    let rows = [row("s3:GetObject", "arn:aws:s3:::data-lake/x"), pass("who", None)];
    let left = made(&rows, &options());
    assert_eq!(left.incomplete.len(), 1);
    assert!(!granted(&left).iter().any(|(action, _)| action == "iam:PassRole"));
    let said = explain::summary(&left, &provenance(), None).join("\n");
    let role = "arn:aws:iam::111122223333:role/who";
    let expected = format!("INCOMPLETE: needed and not granted: iam:PassRole on {role}: RegisterJobDefinition");
    assert!(said.contains(&expected), "{said}");
    // Nor is a service that no condition can hold a reason to leave the condition out.
    let odd = make(&[pass("who", Some("*"))], &options(), Catalog::embedded());
    assert!(odd.is_err(), "{odd:?}");
    let any = made(&rows, &Options { pass_role_any_service: true, ..options() });
    assert!(any.incomplete.is_empty());
    assert!(granted(&any).iter().any(|(action, role)| action == "iam:PassRole" && role.ends_with("role/who")));
    // It is proved like everything else: a policy without it fails.
    let options = Options { pass_role_any_service: true, ..options() };
    let proved = |made: &Made| {
        let requests = trailpare::usage::RequestValues::default();
        prove(made, &policy_set(made), &rows, &requests, &options, Catalog::embedded())
    };
    assert!(proved(&any).holds() && proved(&any).replay.incomplete == 0);
    assert!(!proved(&left).holds() && proved(&left).replay.denied == 2);
}

/// Tags at creation are bound to the creation; where tags were also set alone, nothing is.
#[test]
fn tags_are_bound_to_their_creation() {
    let instance = "arn:aws:ec2:eu-central-1:111122223333:instance/*";
    let tags = |event: &str| UsageRow { event_name: event.into(), ..row("ec2:CreateTags", instance) };
    let condition = |made: &Made| {
        let value: Value = serde_json::from_str(&made.documents[0].policy.pretty()).unwrap();
        value["Statement"][0]["Condition"].clone()
    };
    let rows = [tags("RunInstances"), tags("CreateFleet")];
    let bound = made(&rows, &options());
    let expected = json!({"StringEquals": {"ec2:CreateAction": ["CreateFleet", "RunInstances"]}});
    assert_eq!(condition(&bound), expected);
    assert!(replay(&policy_set(&bound), &rows, Catalog::embedded()).is_proof());
    let alone = [tags("RunInstances"), tags("CreateTags")];
    assert_eq!(condition(&made(&alone, &options())), Value::Null);
    assert_eq!(condition(&made(&rows, &Options { request_conditions: false, ..options() })), Value::Null);
    // What is bound does not allow what was not used.
    assert!(!replay(&policy_set(&bound), &[tags("CreateTags")], Catalog::embedded()).is_proof());
}

pub(super) fn record(n: u32, source: &str, name: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.09", "eventTime": format!("2024-03-01T10:{:02}:00Z", n % 60), "awsRegion": "eu-central-1",
        "eventSource": source, "eventName": name, "eventType": "AwsApiCall", "eventCategory": "Management",
        "managementEvent": true, "sourceIPAddress": "203.0.113.5", "userAgent": "aws-cli",
        "eventID": format!("00000000-0000-4000-8000-{n:012}"), "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAEXAMPLE:s", "accountId": "111122223333",
            "arn": "arn:aws:sts::111122223333:assumed-role/app/s",
            "sessionContext": {"sessionIssuer": {
                "type": "Role", "arn": "arn:aws:iam::111122223333:role/app", "accountId": "111122223333",
                "userName": "app"
            }}
        }
    });
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

pub(super) struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    pub(super) fn of(records: &[Value]) -> Store {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("archive");
        fs::create_dir(&archive).unwrap();
        for (n, part) in records.chunks(7).enumerate() {
            fs::write(archive.join(format!("{n}.json")), json!({"Records": part}).to_string()).unwrap();
        }
        let store = Store { folder };
        let output = store.run(&["ingest", archive.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        store
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
        command.args(args).arg("--store").arg(self.path("store")).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
        command.output().unwrap()
    }

    /// Exit code, the one document, and what is said.
    pub(super) fn policy(&self, more: &[&str]) -> (i32, Value, String) {
        let output = self.run(&[&["policy", "--role", "app", "--max-policies", "1"], more].concat());
        let document = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap(), document, String::from_utf8(output.stderr).unwrap())
    }
}

pub(super) fn object(n: u32, name: &str, key: &str, more: Value) -> Value {
    let mut record = record(
        n,
        "s3.amazonaws.com",
        name,
        json!({
            "eventCategory": "Data", "managementEvent": false,
            "requestParameters": {"bucketName": "lake", "key": key},
            "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::lake/{key}")}]
        }),
    );
    for (key, value) in more.as_object().unwrap() {
        record[key] = value.clone();
    }
    record
}

/// `none` reads every name from the events, however many there are in one container, and the events themselves prove
/// it.
#[test]
fn none_is_none_and_events_prove_it() {
    let mut records: Vec<Value> = (0..700).map(|n| object(n, "GetObject", &format!("k/{n}.json"), json!({}))).collect();
    records.push(object(701, "DeleteObject", "k1", json!({})));
    let denied = json!({
        "errorCode": "AccessDenied", "errorMessage": "Access Denied",
        "requestParameters": {"bucketName": "lake", "delete": ""}, "resources": []
    });
    records.push(object(702, "DeleteObjects", "", denied));
    let store = Store::of(&records);
    let none = ["--generalize", "none", "--max-size", "200000", "--prove", "events"];
    let (code, policy, said) = store.policy(&none);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("proved by the events themselves"), "{said}");
    let statements = policy["Statement"].as_array().unwrap();
    let of = |action: &str| -> BTreeSet<String> {
        let named = statements.iter().filter(|s| s["Action"].as_array().unwrap().iter().any(|a| a == action));
        let texts = named.flat_map(|s| s["Resource"].as_array().unwrap());
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("s3:GetObject"), (0..700).map(|n| format!("arn:aws:s3:::lake/k/{n}.json")).collect());
    assert_eq!(of("s3:DeleteObject"), BTreeSet::from(["arn:aws:s3:::lake/k1".to_owned()]));
    let (_, policy, said) = store.policy(&["--generalize", "balanced"]);
    assert!(policy.to_string().contains("arn:aws:s3:::lake/k/*.json"), "{policy}");
    assert!(said.contains("opens s3:GetObject on arn:aws:s3:::lake/k/*.json (events named 700)"), "{said}");
}

#[test]
fn requests_bind_what_they_tell() {
    let attach = |n: u32, policy: &str| {
        let parameters = json!({"requestParameters": {"roleName": "web", "policyArn": policy}});
        record(n, "iam.amazonaws.com", "AttachRolePolicy", parameters)
    };
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let denied = json!({
        "errorCode": "AccessDenied", "errorMessage": "no",
        "requestParameters": {"roleName": "web", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    });
    // Refused for a value that nothing can have: it must not take the condition off, nor be granted.
    let odd = |n: u32, role: &str| {
        let failed = json!({
            "errorCode": "ValidationException", "errorMessage": "x",
            "requestParameters": {"roleName": role, "policyArn": "arn:aws:iam::aws:policy/\u{1f600}"}
        });
        record(n, "iam.amazonaws.com", "AttachRolePolicy", failed)
    };
    let slr = json!({"requestParameters": {"aWSServiceName": "ecs.amazonaws.com"}});
    let mapping = json!({
        "requestParameters": {"functionName": "f", "eventSourceArn": "arn:aws:sqs:eu-central-1:111122223333:q"},
        "responseElements": {"uUID": "0a", "functionArn": "arn:aws:lambda:eu-central-1:111122223333:function:f"}
    });
    let store = Store::of(&[
        attach(1, read_only),
        attach(2, read_only),
        record(3, "iam.amazonaws.com", "AttachRolePolicy", denied),
        odd(6, "web"),
        odd(7, "other"),
        record(4, "iam.amazonaws.com", "CreateServiceLinkedRole", slr),
        record(5, "lambda.amazonaws.com", "CreateEventSourceMapping20150331", mapping),
    ]);
    let (code, policy, said) = store.policy(&["--prove", "events"]);
    assert_eq!(code, 0, "{said}");
    let condition = |policy: &Value, action: &str| -> Value {
        let statements = policy["Statement"].as_array().unwrap();
        let of = statements.iter().find(|s| s["Action"].as_array().unwrap().iter().any(|a| a == action));
        of.unwrap_or_else(|| panic!("{action}: {policy}"))["Condition"].clone()
    };
    assert_eq!(condition(&policy, "iam:AttachRolePolicy"), json!({"ArnEquals": {"iam:PolicyARN": [read_only]}}));
    assert!(!policy.to_string().contains("role/other"), "{policy}");
    let service = json!({"StringEquals": {"iam:AWSServiceName": ["ecs.amazonaws.com"]}});
    assert_eq!(condition(&policy, "iam:CreateServiceLinkedRole"), service);
    let function = json!({"ArnLike": {"lambda:FunctionArn": ["arn:aws:lambda:eu-central-1:111122223333:function:f"]}});
    assert_eq!(condition(&policy, "lambda:CreateEventSourceMapping"), function);
    assert!(said.contains(" 0 denied, 0 depend"), "{said}");
    let (_, free, _) = store.policy(&["--no-request-conditions"]);
    assert_eq!(condition(&free, "iam:AttachRolePolicy"), Value::Null);
    // What was attached decides what a check says.
    let given = store.path("given.json");
    let check = |arn: &str| {
        let condition = json!({"ArnEqualsIfExists": {"iam:PolicyARN": arn}});
        let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
        fs::write(&given, json!({"Version": "2012-10-17", "Statement": [allow]}).to_string()).unwrap();
        let output = store.run(&["check", "--policy", given.to_str().unwrap(), "--role", "app"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert!(check("arn:aws:iam::aws:policy/Other").1.contains("iam:AttachRolePolicy on"), "denied");
    assert_eq!(check("arn:aws:iam::aws:policy/Other").0, Some(4));
}

/// What a log knows of a request decides what a check says.
#[test]
fn a_check_uses_what_the_log_knows() {
    let listing = |n: u32, prefix: Option<&str>| {
        let mut parameters = json!({"bucketName": "lake"});
        if let Some(prefix) = prefix {
            parameters["prefix"] = prefix.into();
        }
        record(n, "s3.amazonaws.com", "ListObjects", json!({"eventCategory": "Data", "requestParameters": parameters}))
    };
    let tag = json!({"requestParameters": {
        "resourcesSet": {"items": [{"resourceId": "i-0123456789abcdef0"}]},
        "tagSet": {"items": [{"key": "team", "value": "x"}, {"key": "stage", "value": "y"}]}
    }});
    let store = Store::of(&[
        listing(1, Some("home/app/")),
        listing(2, Some("home/app/")),
        record(3, "ec2.amazonaws.com", "CreateTags", tag),
    ]);
    let given = store.path("given.json");
    let check = |action: &str, condition: Value| {
        let statements = json!([
            {"Effect": "Allow", "NotAction": action, "Resource": "*"},
            {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}
        ]);
        fs::write(&given, json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap();
        let output = store.run(&["check", "--strict", "--policy", given.to_str().unwrap(), "--role", "app"]);
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said.contains(" 0 depend"))
    };
    let (allowed, denied) = ((0, true), (4, true));
    assert_eq!(check("s3:ListBucket", json!({"StringLike": {"s3:prefix": "home/app/*"}})), allowed);
    assert_eq!(check("s3:ListBucket", json!({"StringLike": {"s3:prefix": "home/other/*"}})), denied);
    assert_eq!(check("s3:ListBucket", json!({"StringLike": {"aws:userid": "AROAEXAMPLE:*"}})), allowed);
    assert_eq!(check("s3:ListBucket", json!({"StringLike": {"aws:userid": "*:other"}})), denied);
    let keys = |keys: &[&str]| json!({"ForAllValues:StringEquals": {"aws:TagKeys": keys}});
    assert_eq!(check("ec2:CreateTags", keys(&["team", "stage"])), allowed);
    assert_eq!(check("ec2:CreateTags", keys(&["team"])), denied);
    assert_eq!(check("ec2:CreateTags", json!({"StringEquals": {"ec2:Region": "eu-central-1"}})), allowed);
    assert_eq!(
        check("ec2:CreateTags", json!({"DateGreaterThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"}})),
        allowed
    );
    assert_eq!(check("ec2:CreateTags", json!({"DateLessThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"}})), denied);
}

/// One document or a list: the options decide, never how much there is to say.
#[test]
fn the_options_decide_the_form() {
    let queue = |n: u32| {
        let url = format!("https://sqs.eu-central-1.amazonaws.com/111122223333/a-queue-number-{n}");
        let parameters = json!({"requestParameters": {"queueUrl": url}});
        record(n, "sqs.amazonaws.com", "SetQueueAttributes", parameters)
    };
    let (small, large) = (Store::of(&[queue(1)]), Store::of(&(0..200).map(queue).collect::<Vec<_>>()));
    for store in [&small, &large] {
        let output = store.run(&["policy", "--role", "app"]);
        let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(list.len() > 1, std::ptr::eq(store, &large));
        assert!(list.iter().all(|named| named["PolicyDocument"]["Statement"].is_array()));
        let out = store.path("out");
        let output = store.run(&["policy", "--role", "app", "--each", "--out", out.to_str().unwrap()]);
        assert!(output.status.success());
        for entry in fs::read_dir(&out).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            assert!(serde_json::from_str::<Value>(&text).unwrap()["Statement"].is_array());
        }
    }
    let (code, document, _) = small.policy(&[]);
    assert!(code == 0 && document["Statement"].is_array());
    let (code, document, said) = large.policy(&[]);
    assert!(code == 1 && document.is_null(), "{said}");
    assert!(
        said.contains(
            "`--granularity action`: 1 policy, opens sqs:SetQueueAttributes on everything (events named 200)"
        ),
        "{said}"
    );
    let output = large.run(&["policy", "--role", "app"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("fewer policies, and what that costs:\n  `--granularity action`: 1 policy"), "{said}");
}

#[test]
fn a_window_may_be_said_from_now_on() {
    let now = chrono::Utc::now();
    let at = |hours: i64| (now - chrono::Duration::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let queue = |n: u32, hours: i64| {
        let parameters = json!({
            "eventTime": at(hours),
            "requestParameters": {"queueUrl": format!("https://sqs.eu-central-1.amazonaws.com/111122223333/q{n}")}
        });
        record(n, "sqs.amazonaws.com", "SetQueueAttributes", parameters)
    };
    let store = Store::of(&[queue(1, 1), queue(2, 24 * 10), queue(3, 24 * 100)]);
    let queues = |more: &[&str]| {
        let (_, policy, said) = store.policy(more);
        policy["Statement"][0]["Resource"].as_array().unwrap_or_else(|| panic!("{said}")).len()
    };
    assert_eq!((queues(&["--from", "90d"]), queues(&["--from", "24h"]), queues(&["--to", "2w"])), (2, 1, 1));
    for command in [&["actions", "--role", "app"][..], &["check", "--role", "app", "--policy", "x"]] {
        let output = store.run(&[command, &["--from", "a while ago"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains("hint: write 2023-07-10"), "{said}");
    }
}

/// A service control policy may have 10,240 characters, and ten may be attached; a boundary is one.
#[test]
fn limits() {
    use trailpare::policy::Limits;
    let of = |kind| Limits::of(&Options { kind, ..options() });
    assert_eq!((of(Kind::Scp).size_max, of(Kind::Scp).policies_max), (10_240, 10));
    assert_eq!(of(Kind::Boundary).policies_max, 1);
}

/// Nothing of the cases handed over grants more than their good call.
#[test]
fn odd_names_of_public_kinds() {
    let Some(data) = crate::data::dir() else { return };
    for (case, expected) in [
        ("ddb-emoji-ValidationException", "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"),
        ("iam-role-emoji-ValidationException", "arn:aws:iam::123456789012:role/app"),
        ("s3-bucket-emoji-InvalidBucketName", "arn:aws:s3:::my-bucket"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
            command.args(args).arg("--store").arg(folder.path().join("store")).env_remove("TRAILPARE_STORE");
            command.stdin(Stdio::null()).output().unwrap()
        };
        let archive: &Path = &data.join("cases/odd-names").join(case);
        run(&["ingest", archive.to_str().unwrap()]);
        let output = run(&["policy", "--role", "App", "--max-policies", "1", "--generalize", "none"]);
        let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 1, "{policy}");
        // A role of any path, where the record does not tell it.
        let of_any_path = expected.replace("role/", "role/*/");
        let resources = policy["Statement"][0]["Resource"].as_array().unwrap();
        assert!(resources.iter().all(|text| text == expected || *text == of_any_path.as_str()), "{policy}");
    }
}
