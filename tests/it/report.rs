//! `trailpare report`: its figures are those of the other commands, and names from a log can do nothing in its page.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::rightsize::command::SAMPLE;

fn trailpare(store: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.arg("--quiet").args(args).arg("--store").arg(store);
    command.env_remove("TRAILPARE_STORE").env_remove("TRAILPARE_CATALOG").output().expect("it runs")
}

fn json_of(store: &Path, args: &[&str]) -> Value {
    let out = trailpare(store, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

fn sample() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let out = trailpare(folder.path(), &["ingest", "sample-logs"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    folder
}

/// Principal → (allowed, denied, undecided, in need of no permission), by `actions`.
fn counts_of_actions(store: &Path) -> BTreeMap<String, [u64; 4]> {
    let mut counts: BTreeMap<String, [u64; 4]> = BTreeMap::new();
    for line in json_of(store, &["actions", "--principal", "*", "--format", "json"]).as_array().expect("a list") {
        let place = match (line["action"].is_null(), text(line, "outcome")) {
            (true, _) => 3,
            (_, "allowed") => 0,
            (_, "denied") => 1,
            _ => 2,
        };
        counts.entry(text(line, "principal_arn").to_owned()).or_default()[place] +=
            line["event_count"].as_u64().expect("a number");
    }
    counts
}

#[test]
fn figures_are_those_of_the_other_commands() {
    let folder = sample();
    let store = folder.path();
    let report = json_of(store, &["report", "--format", "json", "--out", "-"]);
    let status = json_of(store, &["status", "--format", "json"]);
    assert_eq!(report["evidence"]["events"], status["events"]);
    assert_eq!(report["evidence"]["objects"], status["objects"]);
    let events = |value: &Value| -> BTreeMap<String, u64> {
        let accounts = value["accounts"].as_array().expect("a list").iter();
        let of = |one: &Value| (text(one, "account_id").to_owned(), one["events"].as_u64().expect("a number"));
        accounts.map(of).filter(|(_, events)| *events > 0).collect()
    };
    assert_eq!(events(&report), events(&status));

    let counts = counts_of_actions(store);
    let principals = report["principals"].as_array().expect("a list");
    assert_eq!(principals.len(), counts.len());
    for principal in principals {
        let arn = text(principal, "arn");
        let of = |key: &str| principal["counts"][key].as_u64().expect("a number");
        let shown = ["allowed", "denied", "undecided", "without_permission"].map(of);
        assert_eq!(Some(&shown), counts.get(arn), "{arn}");
        let days: u64 = principal["days"].as_object().expect("days").values().filter_map(Value::as_u64).sum();
        assert_eq!(days, shown.iter().sum::<u64>(), "the days of {arn}");
        let services: u64 = principal["services"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|service| {
                ["allowed", "denied", "undecided"].iter().filter_map(|key| service["counts"][key].as_u64()).sum::<u64>()
            })
            .sum();
        assert_eq!(services, shown[..3].iter().sum::<u64>(), "the services of {arn}");
    }
}

#[test]
fn policies_are_those_of_the_policy_command() {
    let folder = sample();
    let report = json_of(folder.path(), &["report", "--format", "json", "--out", "-"]);
    let mut compared = 0;
    for principal in report["principals"].as_array().expect("a list") {
        let arn = text(principal, "arn");
        let out = trailpare(folder.path(), &["policy", "--principal", arn]);
        if principal["policy"]["state"] == "none" {
            assert!(!out.status.success(), "{arn}");
            continue;
        }
        let printed: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|error| panic!("{arn}: {error}"));
        let documents: Vec<Value> = match printed {
            Value::Array(list) => list.into_iter().map(|one| one["PolicyDocument"].clone()).collect(),
            one => vec![one],
        };
        let shown: Vec<Value> = principal["policy"]["documents"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| serde_json::from_str(text(one, "text")).expect("JSON"))
            .collect();
        assert_eq!(shown, documents, "{arn}");
        assert_eq!(principal["policy"]["is_incomplete"], json!(out.status.code() == Some(5)), "{arn}");
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn what_is_granted_is_said_as_unused_says_it() {
    let folder = sample();
    let report = json_of(folder.path(), &["report", "--format", "json", "--out", "-"]);
    let roles: Vec<&str> = report["principals"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| text(one, "arn"))
        .filter(|arn| arn.contains(":role/") && !arn.contains("aws-service-role"))
        .collect();
    let role = |arn: &str| {
        json!({
            "Arn": arn, "RoleName": arn.rsplit('/').next(), "AttachedManagedPolicies": [],
            "RolePolicyList": [{"PolicyName": "all", "PolicyDocument": {
                "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "ec2:Describe*"], "Resource": "*"}],
            }}],
        })
    };
    let idle = "arn:aws:iam::451962865797:role/never-used";
    let list: Vec<Value> = roles.iter().copied().chain([idle]).map(role).collect();
    let path = folder.path().with_extension("details.json");
    fs::write(&path, json!({"RoleDetailList": list, "UserDetailList": []}).to_string()).expect("written");
    let details = path.to_str().expect("text");
    let report =
        json_of(folder.path(), &["report", "--format", "json", "--out", "-", "--authorization-details", details]);
    let unused = json_of(folder.path(), &["unused", "--format", "json", "--authorization-details", details]);
    let mut compared = 0;
    for entity in unused.as_array().expect("a list") {
        let arn = text(entity, "arn");
        let principals = report["principals"].as_array().expect("a list");
        let principal = principals.iter().find(|one| one["arn"] == arn).unwrap_or_else(|| panic!("no {arn}"));
        let granted = &principal["granted"];
        for (mine, theirs) in [
            ("granted_actions", "granted_actions"),
            ("used_actions", "used_actions"),
            ("unused_by_access_level", "unused_by_access_level"),
            ("unused_policies", "unused_policies"),
        ] {
            assert_eq!(granted[mine], entity[theirs], "{mine} of {arn}");
        }
        let by_service: u64 =
            granted["unused_by_service"].as_object().expect("services").values().filter_map(Value::as_u64).sum();
        let unused =
            entity["granted_actions"].as_u64().expect("a number") - entity["used_actions"].as_u64().expect("one");
        assert_eq!(by_service, unused, "{arn}");
        compared += 1;
    }
    assert_eq!(compared, roles.len() + 1);
    fs::remove_file(&path).expect("removed");
}

/// What an attacker would write into a log to be run in somebody's browser.
const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "</title></style></script><svg onload=alert(3)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(4)//\u{202e}evil",
];

#[test]
fn hostile_names_are_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    fs::create_dir(&logs).expect("made");
    let record = |(number, name): (usize, &str)| {
        json!({
            "eventVersion": "1.09", "eventTime": "2024-03-01T10:00:00Z", "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject", "awsRegion": "eu-west-1", "eventID": format!("{name}{number}"), "eventType": "AwsApiCall",
            "recipientAccountId": "111122223333", "requestParameters": {"bucketName": "b", "key": name},
            "userIdentity": {"type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{name}"),
                "accountId": "111122223333", "principalId": format!("AROAEXAMPLE:{name}"),
                "sessionContext": {"sessionIssuer": {"type": "Role", "accountId": "111122223333", "userName": name,
                    "arn": format!("arn:aws:iam::111122223333:role/{name}")}}},
        })
    };
    let records: Vec<Value> = HOSTILE.into_iter().enumerate().map(record).collect();
    fs::write(logs.join("a.json"), json!({"Records": records}).to_string()).expect("written");
    let store = folder.path().join("store");
    let path = logs.to_str().expect("text");
    let out = trailpare(&store, &["report", "--archive", path, "--out", "-", "--title", HOSTILE[0]]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let page = String::from_utf8(out.stdout).expect("UTF-8");
    assert_eq!(page.matches("<script>").count(), 1, "the page's own script alone");
    for bad in ["<img", "<svg onload", "onerror=alert(2)>", "49", "\u{202e}", "href=\"javascript"] {
        let shown = page.replace("\"49\"", "");
        let is_digits = bad == "49";
        assert!(is_digits || !shown.contains(bad), "{bad}");
    }
    assert!(page.contains("{{ 7 * 7 }}"), "a template's marks are text");
    assert!(page.contains("&lt;script&gt;alert(1)"), "names are there");
}

#[test]
fn the_same_store_gives_the_same_page() {
    let folder = sample();
    let page = || trailpare(folder.path(), &["report", "--out", "-"]).stdout;
    let first = page();
    assert!(first.starts_with(b"<!DOCTYPE html>"));
    assert_eq!(first, page());
    let japanese = String::from_utf8(trailpare(folder.path(), &["report", "--out", "-", "--language", "ja"]).stdout);
    let japanese = japanese.expect("UTF-8");
    assert!(japanese.contains("<html lang=\"ja\">") && japanese.contains("プリンシパル"));
    for url in ["http:", "https:", "@import", "url("] {
        assert!(!String::from_utf8_lossy(&first).contains(url), "{url}");
    }
}

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    args.iter().chain(more).copied().collect()
}

#[test]
fn what_to_cut_is_said_as_rightsize_says_it() {
    let folder = sample();
    let beside = tempfile::tempdir().expect("a folder");
    let out = beside.path().join("cuts");
    let args = with(&["rightsize", "--out", out.to_str().expect("text")], &SAMPLE);
    let ran = trailpare(folder.path(), &args);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let read =
        |path: &str| -> Value { serde_json::from_str(&fs::read_to_string(out.join(path)).expect(path)).expect("JSON") };
    let report = json_of(folder.path(), &with(&["report", "--format", "json", "--out", "-"], &SAMPLE));
    let summary = read("summary.json");
    assert_eq!(report["rightsize"]["summary"], summary);
    let subjects = report["rightsize"]["subjects"].as_array().expect("a list");
    let principals = summary["principals"].as_array().expect("a list");
    assert_eq!(subjects.len(), principals.len());
    for (subject, entry) in subjects.iter().zip(principals) {
        assert_eq!(*subject, read(&format!("{}/document.json", text(entry, "folder"))), "{entry}");
    }
    // Exit code 5 where a trust policy is in doubt.
    let args = ["trust", "--format", "json", "--authorization-details", "sample-organization/iam"];
    let trusts: Value = serde_json::from_slice(&trailpare(folder.path(), &args).stdout).expect("JSON");
    let mut compared = 0;
    for subject in subjects.iter().filter(|subject| !subject["trust"].is_null()) {
        let arn = &subject["trust"]["role_arn"];
        assert!(trusts.as_array().expect("a list").contains(&subject["trust"]), "{arn}");
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

#[test]
fn the_page_shows_waves_trust_and_personas() {
    let folder = sample();
    for (language, words) in [
        ("en", ["Where to cut", "Who took it", "Persona", "Trust policy proposed", "Risk: what could be removed"]),
        ("ja", ["削減できる権限", "引き受けた者", "ペルソナ", "提案する信頼ポリシー", "リスク: 手放せるもの"]),
    ] {
        let args = with(&["report", "--out", "-", "--language", language], &SAMPLE);
        let out = trailpare(folder.path(), &args);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let page = String::from_utf8(out.stdout).expect("UTF-8");
        words.iter().for_each(|word| assert!(page.contains(word), "{language}: {word}"));
        for wave in ["w-delete", "w-tighten", "w-ask", "w-keep"] {
            assert!(page.contains(&format!("class=\"wave {wave}\"")), "{wave}");
        }
        // Every link within the page leads somewhere.
        for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
        }
        assert!(page.contains("<del>") && page.contains("<ins>"), "the difference is marked");
    }
}

/// What `rightsize` could not make use of, `report` couldn't either; what it would not look at, it refuses.
#[test]
fn it_ends_as_rightsize_does() {
    let folder = sample();
    let beside = tempfile::tempdir().expect("a folder");
    let broken = beside.path().join("broken.json");
    fs::write(&broken, r#"{"Of":"arn:aws:sso:::permissionSet/i/ps-1","Answer":{"InlinePolicy":"{"}}"#)
        .expect("written");
    let (broken, cuts) = (broken.to_string_lossy(), beside.path().join("cuts"));
    let cuts = cuts.to_string_lossy();
    let codes = [vec!["rightsize", "--out", &*cuts], vec!["report", "--out", "-"]].map(|mut args| {
        args.extend(["--assignments", &*broken]);
        trailpare(folder.path(), &args).status.code()
    });
    assert_eq!(codes, [Some(3), Some(3)]);
    let named = ["report", "--out", "-", "--permission-set", "*", "--people"];
    let out = trailpare(folder.path(), &named);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("leave out who the report is about"));
}
