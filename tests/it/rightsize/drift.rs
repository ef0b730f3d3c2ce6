//! `watch`, `diff` and `check --everyone`, each against an answer found another way.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::command::{SAMPLE, store};
use super::run;

/// Policies made of the first two days.
fn deployed() -> &'static Path {
    static OUT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = OUT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cuts");
        let mut args = vec!["rightsize", "--store", store(), "--to", "2024-03-02", "--out", path.to_str().unwrap()];
        args.extend(SAMPLE);
        let (code, _, said) = run(&args);
        assert_eq!(code, 0, "{said}");
        (folder, path)
    });
    path
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in super::files(from) {
        let place = to.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, bytes).unwrap();
    }
}

fn watch(policies: &Path, args: &[&str]) -> (i32, String, String) {
    let mut all = vec!["watch", "--store", store(), "--policies", policies.to_str().unwrap()];
    all.extend(args);
    run(&all)
}

fn sql(query: &str) -> Vec<Value> {
    let (code, printed, said) = run(&["sql", "--store", store(), "--format", "json", query]);
    assert_eq!(code, 0, "{said}");
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn what_was_done_since_is_found_and_mended() {
    let (code, printed, said) = watch(deployed(), &["--format", "json", "--unused-after", "2"]);
    assert_eq!(code, 5, "{said}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let of = |rule: &str| findings.iter().filter(|finding| finding["rule"] == rule).count();
    assert!(of("would-be-denied") > 3 && of("fell-unused") > 0 && of("break-glass-used") == 0, "{printed}");
    // A policy of the whole time denies nothing.
    let (code, printed, _) = watch(super::command::sample(), &["--format", "json"]);
    assert_eq!(code, 0, "{printed}");
    let whole: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(whole["findings"].as_array().unwrap().len(), 0, "{printed}");
    assert!(whole["nothing_said_of_unused_permissions"].as_str().unwrap().contains("3 days"));
    // What is missing, put beside what is deployed, mends it.
    let folder = tempfile::tempdir().unwrap();
    copy(deployed(), folder.path());
    for finding in findings.iter().filter(|finding| finding["rule"] == "would-be-denied") {
        for (number, policy) in finding["missing_policies"].as_array().unwrap().iter().enumerate() {
            let name = format!("policy-{}.json", number + 90);
            fs::write(folder.path().join(finding["folder"].as_str().unwrap()).join(name), policy.to_string()).unwrap();
        }
    }
    let (_, printed, _) = watch(folder.path(), &["--format", "json"]);
    let mended: Value = serde_json::from_str(&printed).unwrap();
    let left: Vec<&Value> =
        mended["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "would-be-denied").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn drift_for_schedulers() {
    let (code, junit, _) = watch(deployed(), &["--format", "junit"]);
    assert_eq!(code, 5);
    let count = |what: &str| junit.matches(what).count();
    assert!(junit.contains(&format!("failures=\"{}\"", count("<failure"))) && count("<failure") == count("</failure>"));
    let (_, sarif, _) = watch(deployed(), &["--format", "sarif"]);
    let log: Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["runs"][0]["results"].as_array().unwrap().iter().any(|result| result["ruleId"] == "would-be-denied"));
    let (code, _, said) = watch(Path::new("src"), &[]);
    assert!(code == 1 && said.contains("document.json") && said.contains("hint:"), "{said}");
    // One principal that cannot be read is said, the others are looked at.
    let folder = tempfile::tempdir().unwrap();
    copy(super::command::sample(), folder.path());
    fs::write(folder.path().join("permission-sets/DatabaseAdministrator/policy.json"), "{").unwrap();
    let (code, _, said) = watch(folder.path(), &[]);
    assert!(code == 3 && said.contains("DatabaseAdministrator: policy.json"), "{code} {said}");
}

/// Nobody is forgotten: without a policy, and for emergencies only.
#[test]
fn who_has_no_policy_is_told() {
    let folder = tempfile::tempdir().unwrap();
    copy(super::command::sample(), folder.path());
    fs::remove_dir_all(folder.path().join("permission-sets/AdministratorAccess")).unwrap();
    let user = folder.path().join("roles/451962865797-lambda-objects-3");
    let text = fs::read_to_string(user.join("document.json")).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["reasons"] = json!(["excluded: break-glass: tried twice a year"]);
    fs::write(user.join("document.json"), document.to_string()).unwrap();
    let (code, printed, _) = watch(folder.path(), &["--since", "2024-03-01", "--format", "json"]);
    assert_eq!(code, 5);
    let report: Value = serde_json::from_str(&printed).unwrap();
    let found: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap(), finding["name"].as_str().unwrap()))
        .collect();
    assert_eq!(found, [("no-policy", "AdministratorAccess"), ("break-glass-used", "lambda-objects-3")], "{printed}");
}

/// Against SQL: actions of one window that are not in the other.
#[test]
fn differences_are_those_of_sql() {
    let (code, printed, said) =
        run(&["diff", "2024-03-01..2024-03-02", "2024-03-03..", "--store", store(), "--format", "json"]);
    assert_eq!(code, 0, "{said}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for one in report["principals"].as_array().unwrap() {
        let actions: Vec<String> = one["new_actions"].as_object().unwrap().keys().cloned().collect();
        if !actions.is_empty() {
            found.insert(one["who"].as_str().unwrap().to_owned(), actions);
        }
    }
    let who = "coalesce('permission-set ' || permission_set, \
               split_part(split_part(principal_arn, ':', 6), '/', 1) || ' ' || reverse(split_part(reverse(principal_arn), '/', 1)) || ' of ' || account_id)";
    let used = |test: &str| {
        format!(
            "SELECT DISTINCT {who} AS who, action FROM usage WHERE outcome = 'allowed' AND confidence <> 'unverified' AND action IS NOT NULL \
             AND (principal_arn LIKE '%:role/%' OR principal_arn LIKE '%:user/%') AND principal_arn NOT LIKE '%aws-service-role%' AND {test}"
        )
    };
    let query = format!(
        "SELECT who, action FROM (({}) EXCEPT ({})) ORDER BY 1, 2",
        used("event_date >= DATE '2024-03-03'"),
        used("event_date < DATE '2024-03-03'")
    );
    let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in sql(&query) {
        expected
            .entry(row["who"].as_str().unwrap().to_owned())
            .or_default()
            .push(row["action"].as_str().unwrap().to_owned());
    }
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}

#[test]
fn sides_of_every_kind() {
    let diff = |first: &str, second: &str| run(&["diff", first, second, "--store", store(), "--format", "json"]);
    let report = |first: &str, second: &str| -> Value {
        let (code, printed, said) = diff(first, second);
        assert_eq!(code, 0, "{said}");
        serde_json::from_str(&printed).unwrap()
    };
    for (first, second) in [("..", ".."), ("@1", "@1"), (store(), ".."), ("..", "2024-03-01..2024-03-03")] {
        let same = report(first, second);
        assert_eq!(same["principals"].as_array().unwrap().len(), 0, "{first} {second}: {same}");
        assert!(same["principals_that_are_the_same"].as_u64().unwrap() > 10);
    }
    // Policies of two days against the third: what is new is what `watch` says would be denied, as far as it is an action.
    let folder = report(deployed().to_str().unwrap(), "2024-03-03..");
    let (_, printed, _) = watch(deployed(), &["--format", "json"]);
    let watched: Value = serde_json::from_str(&printed).unwrap();
    for one in folder["principals"].as_array().unwrap().iter().filter(|one| one["how"] == "changed") {
        for action in one["new_actions"].as_object().unwrap().keys() {
            assert!(watched["findings"].to_string().contains(action), "{action}");
        }
    }
    for (first, second) in [("nowhere", ".."), ("2024-03-03..2024-03-01", ".."), ("..", "x..")] {
        let (code, _, said) = diff(first, second);
        assert!(code == 2, "{first} {second}: {said}");
    }
}

/// Whom a policy that denies regions would have stopped, and how often, counted by SQL over `usage`.
#[test]
fn everyone_under_a_control_policy_as_sql_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scp.json");
    let scp = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Regions", "Effect": "Deny", "NotAction": ["iam:*", "s3:*", "sts:*", "ce:*", "organizations:*"], "Resource": "*",
         "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}},
        {"Sid": "NoSessions", "Effect": "Deny", "Action": "ssm:StartSession", "Resource": "*"}]});
    fs::write(&path, scp.to_string()).unwrap();
    let (code, printed, said) = run(&[
        "check",
        "--everyone",
        "--scp",
        path.to_str().unwrap(),
        "--store",
        store(),
        "--format",
        "json",
        "--limit",
        "1000",
    ]);
    assert_eq!(code, 4, "{said}");
    let report: Value = serde_json::from_str(&printed).unwrap();
    let found: BTreeMap<String, u64> = report["whom"]
        .as_array()
        .unwrap()
        .iter()
        .map(|whom| (whom["principal_arn"].as_str().unwrap().to_owned(), whom["denied"].as_u64().unwrap()))
        .collect();
    let query = "SELECT principal_arn, sum(event_count) AS denied FROM usage WHERE outcome = 'allowed' AND confidence <> 'unverified' \
        AND action IS NOT NULL AND principal_type <> 'AWSService' AND principal_arn NOT LIKE '%aws-service-role%' \
        AND (action = 'ssm:StartSession' OR (aws_region <> 'eu-west-1' AND split_part(action, ':', 1) NOT IN ('iam', 's3', 'sts', 'ce', 'organizations'))) \
        GROUP BY 1";
    let expected: BTreeMap<String, u64> = sql(query)
        .iter()
        .map(|row| (row["principal_arn"].as_str().unwrap().to_owned(), row["denied"].as_u64().unwrap()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(report["stopped"].as_u64().unwrap(), expected.len() as u64);
    assert_eq!(report["denied"].as_u64().unwrap(), expected.values().sum::<u64>());
    for whom in report["whom"].as_array().unwrap() {
        let example = &whom["examples"][0];
        assert!(["Regions", "NoSessions"].contains(&example["statement"].as_str().unwrap()));
        let (_, explained, _) = run(&["explain", example["example_event_id"].as_str().unwrap(), "--store", store()]);
        assert!(explained.contains(example["action"].as_str().unwrap()), "{example}\n{explained}");
    }
    // The account that no control policy binds is left out.
    let (_, printed, _) = run(&[
        "check",
        "--everyone",
        "--scp",
        path.to_str().unwrap(),
        "--store",
        store(),
        "--format",
        "json",
        "--management-account",
        "451962865797",
    ]);
    let report: Value = serde_json::from_str(&printed).unwrap();
    assert!(report["whom"].as_array().unwrap().iter().all(|whom| whom["account_id"] != "451962865797"));
    let (code, _, said) = run(&["check", "--everyone", "--store", store()]);
    assert!(code == 2 && said.contains("hint:"), "{said}");
}

/// A person's own policy is compared with what that person did, by option only.
#[test]
fn people_are_watched_by_option() {
    let findings = |args: &[&str]| -> Vec<Value> {
        let mut all = vec!["--since", "2024-03-01", "--format", "json"];
        all.extend(args);
        let (_, printed, said) = watch(deployed(), &all);
        let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{said}"));
        report["findings"].as_array().unwrap().clone()
    };
    let of = |found: &[Value], kind: &str| found.iter().filter(|finding| finding["kind"] == kind).count();
    assert_eq!(of(&findings(&[]), "person"), 0);
    let found = findings(&["--people"]);
    assert!(of(&found, "person") > 0, "{found:?}");
    // Who did something on the third day that the first two do not hold, by SQL.
    let query = "SELECT DISTINCT session_name AS who FROM usage WHERE permission_set IS NOT NULL AND outcome = 'allowed' AND confidence \
                 <> 'unverified' AND action IS NOT NULL AND event_date = DATE '2024-03-03'";
    let active: Vec<String> = sql(query).iter().map(|row| row["who"].as_str().unwrap().to_owned()).collect();
    for finding in found.iter().filter(|finding| finding["kind"] == "person") {
        assert!(active.contains(&finding["name"].as_str().unwrap().to_owned()), "{finding}");
        assert!(finding["folder"].as_str().unwrap().starts_with("people/"));
    }
    // Policies of the whole time deny nobody anything.
    let (code, printed, _) =
        watch(super::command::sample(), &["--since", "2024-03-01", "--format", "json", "--people"]);
    assert_eq!(code, 0, "{printed}");
}

/// The organisation's own answers: each account is bound by its levels, the management account by none.
#[test]
fn an_organisations_answers_bind_each_account() {
    let answers = "sample-organization/organizations/answers.json";
    let args = ["check", "--everyone", "--scp", answers, "--store", store(), "--format", "json"];
    let (code, printed, said) = run(&args);
    assert!(code == 0 || code == 4, "{said}");
    let found: Value = serde_json::from_str(&printed).unwrap();
    assert!(found["principals"].as_u64().unwrap() > 10, "{printed}");
    // Only with --everyone accounts are told apart.
    let (code, _, said) = run(&["check", "--scp", answers, "--store", store(), "--principal", "*"]);
    assert!(code == 2 && said.contains("hint: give --everyone"), "{code} {said}");
    // Denied to one account alone.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.json");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]});
    let own = json!([
        {"Organization": {"Id": "o-1", "MasterAccountId": "999900001111"}},
        {"Roots": [{"Id": "r-1"}]},
        {"Of": "r-1", "Answer": {"Accounts": [{"Id": "098024949548", "Name": "a"}, {"Id": "451962865797", "Name": "b"}]}},
        {"Policy": {"PolicySummary": {"Id": "p-1", "Type": "SERVICE_CONTROL_POLICY"}, "Content": policy.to_string()}},
        {"Of": "p-1", "Answer": {"Targets": [{"TargetId": "098024949548", "Type": "ACCOUNT"}]}},
    ]);
    fs::write(&path, own.to_string()).unwrap();
    let args = [
        "check",
        "--everyone",
        "--scp",
        path.to_str().unwrap(),
        "--store",
        store(),
        "--format",
        "json",
        "--limit",
        "500",
    ];
    let (code, printed, said) = run(&args);
    assert_eq!(code, 4, "{said}");
    let found: Value = serde_json::from_str(&printed).unwrap();
    let whom = found["whom"].as_array().unwrap();
    assert!(!whom.is_empty() && whom.iter().all(|one| one["account_id"] == "098024949548"), "{printed}");
}

/// Answers that lack units or targets: who may be bound by what they lack is not said to be free.
#[test]
fn what_an_organisations_answers_lack_is_said() {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}
    ]});
    let root = json!({"Roots": [{"Id": "r-1"}]});
    let accounts: Vec<Value> = ["098024949548", "451962865797"].map(|id| json!({"Id": id, "Name": id})).to_vec();
    let text = json!({"Policy": {
        "PolicySummary": {"Id": "p-1", "Type": "SERVICE_CONTROL_POLICY"}, "Content": policy.to_string()
    }});
    let below = json!({"Of": "ou-1", "Answer": {"Accounts": accounts}});
    let units = json!({"Of": "r-1", "Answer": {"OrganizationalUnits": [{"Id": "ou-1"}]}});
    let targets = json!({"Of": "p-1", "Answer": {"Targets": [{"TargetId": "ou-1", "Type": "ORGANIZATIONAL_UNIT"}]}});
    let folder = tempfile::tempdir().unwrap();
    let check = |answers: &[&Value]| -> (i32, Value, String) {
        // Several files are one organisation.
        let mut args = vec!["check".to_owned(), "--everyone".to_owned(), "--scp".to_owned()];
        for (number, answer) in answers.iter().enumerate() {
            let path = folder.path().join(format!("{number}.json"));
            fs::write(&path, answer.to_string()).unwrap();
            args.push(path.to_str().unwrap().to_owned());
        }
        args.extend(["--store", store(), "--format", "json"].map(str::to_owned));
        for account in ["098024949548", "451962865797"] {
            args.extend(["--account", account].map(str::to_owned));
        }
        let (code, printed, said) = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        (code, serde_json::from_str(&printed).unwrap_or_default(), said)
    };
    let (code, whole, said) = check(&[&root, &units, &below, &text, &targets]);
    assert_eq!((code, whole["stopped"].as_u64(), whole["not_known"].as_u64()), (0, Some(0), Some(0)), "{said}");
    assert!(whole["allowed"].as_u64().unwrap() > 100);
    for (answers, gap) in [
        (vec![&root, &units, &below, &text], "policy p-1: no answer tells to what it is attached"),
        (vec![&root, &below, &text, &targets], "account 098024949548: no answer tells what is above ou-1"),
        (vec![&root, &units, &text, &targets], "account 098024949548: no answer tells in which unit it is"),
    ] {
        let (code, found, said) = check(&answers);
        assert_eq!((code, found["stopped"].as_u64(), found["allowed"].as_u64()), (3, Some(0), Some(0)), "{said}");
        assert!(found["not_known"].as_u64().unwrap() > 100, "{found}");
        assert!(found["gaps"].to_string().contains(gap) && said.contains(gap), "{gap}: {found} {said}");
    }
    let (code, _, said) = check(&[&root, &units, &below]);
    assert!(code == 2 && said.contains("hold no service control policy") && said.contains("hint:"), "{code} {said}");
}
