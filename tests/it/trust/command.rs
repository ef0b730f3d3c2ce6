//! `trailpare trust` as it is called.

use std::collections::BTreeMap;

use serde_json::Value;

use super::judge::{allows, request};
use super::run;
use super::world::{CALLER, OWN, SSO, VENDOR, records, world};

/// What is said of every role, by its name.
fn roles(more: &[&str]) -> (i32, BTreeMap<String, Value>) {
    let mut args = vec!["trust", "--store", &world().store, "--format", "json", "--quiet"];
    args.extend(more);
    let (code, printed, said) = run(&args);
    let list: Vec<Value> = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{said}"));
    (code, list.into_iter().map(|role| (role["name"].as_str().unwrap().to_owned(), role)).collect())
}

fn policy(role: &Value) -> &Value {
    &role["proposed"]["policy"]
}

#[test]
fn every_assumption_is_allowed_and_no_other() {
    let (_, roles) = roles(&[]);
    let records = records();
    let is_assumption = |record: &&Value| {
        let name = record["eventName"].as_str().unwrap();
        name.starts_with("AssumeRole") || name == "SwitchRole"
    };
    let (mut allowed, mut refused) = (0, 0);
    for record in records.iter().filter(is_assumption) {
        let arn = record["requestParameters"]["roleArn"].as_str();
        let name = arn.map_or("console", |arn| arn.rsplit('/').next().unwrap());
        // The copy of the role's account does not know ann; the other one does.
        if name == SSO || name == "audit" && record["recipientAccountId"] == OWN {
            continue;
        }
        let ask = request(record);
        let judged = allows(policy(&roles[name]), &ask);
        assert_eq!(judged, record["errorCode"].is_null(), "{name}: {record}\n{}", policy(&roles[name]));
        if judged { allowed += 1 } else { refused += 1 }
    }
    assert_eq!((allowed, refused), (13, 2));
}

/// What is near to what was done, and was not done.
#[test]
fn what_nobody_did_is_not_allowed() {
    let (_, roles) = roles(&[]);
    let record = |role: &str| {
        let is_it = |record: &&Value| {
            record["requestParameters"]["roleArn"].as_str().is_some_and(|arn| arn.ends_with(&format!("/{role}")))
                && record["errorCode"].is_null()
        };
        records().iter().find(is_it).cloned().unwrap()
    };
    let asks = |role: &str, change: &dyn Fn(&mut super::judge::Request)| {
        let mut ask = request(&record(role));
        assert!(allows(policy(&roles[role]), &ask), "{role}");
        change(&mut ask);
        !allows(policy(&roles[role]), &ask)
    };
    let set = |key: &'static str, value: &'static str| {
        move |ask: &mut super::judge::Request| drop(ask.keys.insert(key.to_owned(), value.to_owned()))
    };
    assert!(asks("deploy", &set("token.actions.githubusercontent.com:sub", "repo:o/a:pull_request")));
    assert!(asks("deploy", &set("token.actions.githubusercontent.com:aud", "other")));
    assert!(asks("vendor", &set("sts:externalid", "ext-2")));
    assert!(asks("vendor", &|ask| drop(ask.keys.remove("sts:externalid"))));
    assert!(asks("vendor", &set("aws:userid", "AROAOTHER:scan")));
    assert!(!asks("vendor", &set("aws:userid", "AROAVENDORROLE:another-session")));
    assert!(asks("people", &set("saml:aud", "urn:amazon:webservices")));
    assert!(asks("batch", &|ask| ask.is = vec![("Service".to_owned(), "lambda.amazonaws.com".to_owned())]));
    assert!(asks("batch", &|ask| ask.actions.push("sts:TagSession".to_owned())));
    let other = ("AWS".to_owned(), format!("arn:aws:iam::{CALLER}:user/team/bob"));
    let account = ("AWS".to_owned(), format!("arn:aws:iam::{CALLER}:root"));
    assert!(asks("audit", &|ask| ask.is = vec![other.clone(), account.clone()]));
    // Namespace a with the service account of namespace b.
    assert!(asks("pod", &set("aws:requesttag/kubernetes-service-account", "y")));
    assert!(asks("pod", &set("aws:requesttag/kubernetes-namespace", "b")));
}

#[test]
fn who_took_a_role_is_said() {
    let (_, roles) = roles(&[]);
    let ways = |role: &str| roles[role]["assumed_by"].as_array().unwrap().clone();
    let deploy = ways("deploy");
    assert_eq!(deploy.len(), 2);
    assert_eq!(deploy.iter().map(|way| way["calls"].as_u64().unwrap()).sum::<u64>(), 3);
    assert_eq!(roles["deploy"]["role_arn"], format!("arn:aws:iam::{OWN}:role/ci/deploy"));
    assert_eq!(roles["deploy"]["refused"][0]["subject"], "repo:evil/x:ref:refs/heads/main");
    // Two copies are one call, and the caller's account knows who it was.
    let audit = ways("audit");
    assert_eq!((audit.len(), &audit[0]["calls"]), (1, &Value::from(1)));
    assert_eq!(audit[0]["who"], format!("arn:aws:iam::{CALLER}:user/team/ann"));
    assert_eq!(
        (&audit[0]["mfa"], &audit[0]["source_identities"]["some"][0]),
        (&Value::from(true), &Value::from("ann"))
    );
    assert_eq!(ways("vendor")[0]["account"], VENDOR);
    assert_eq!(ways("audit2")[0]["who"], format!("arn:aws:iam::{OWN}:role/audit"));
    assert_eq!(ways("console")[0]["console_switches"], 1);
    assert_eq!(ways("people")[0]["tag_keys"]["some"][0], "team");
    assert_eq!(roles[SSO]["kept_by"], "identity-center");
    assert!(roles[SSO]["proposed"].is_null());
    let text = serde_json::to_string(&roles).unwrap();
    assert!(!text.contains("SECRETSECRET"));
}

/// Sessions of which no assumption is in the log: what they tell themselves counts, and the rest is a doubt.
#[test]
fn sessions_without_an_assumption_are_told() {
    let (code, roles) = roles(&[]);
    assert_eq!(code, 5);
    assert_eq!(roles["lost"]["sessions"]["unexplained"], 1);
    assert!(roles["lost"]["proposed"].is_null());
    assert_eq!(roles["instance"]["assumed_by"][0]["who"], "ec2.amazonaws.com");
    assert_eq!(roles["instance"]["assumed_by"][0]["sessions_by_themselves"], 1);
    assert_eq!(policy(&roles["instance"])["Statement"][0]["Principal"]["Service"][0], "ec2.amazonaws.com");
    for role in ["deploy", "audit2", "batch", "pod"] {
        assert_eq!(roles[role]["doubts"].as_array().unwrap().len(), 0, "{role}: {}", roles[role]["doubts"]);
    }
}

#[test]
fn todays_policies_are_compared() {
    let (_, roles) = roles(&["--authorization-details", &world().details]);
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let deploy = &roles["deploy"]["today"];
    assert_eq!(texts(&deploy["never_came"]), [format!("AWS arn:aws:iam::{OWN}:root")]);
    assert!(texts(&deploy["openings"])[0].starts_with("any subject of "));
    assert_eq!(deploy["allowed"], 3);
    let vendor = &roles["vendor"]["today"];
    assert_eq!(texts(&vendor["openings"]).len(), 1);
    let audit = &roles["audit"];
    assert_eq!(audit["today"]["disagreements"][0]["action"], "sts:AssumeRole");
    assert_eq!(audit["doubts"].as_array().unwrap().len(), 1);
    let idle = &roles["idle"];
    assert_eq!((&idle["calls"], &idle["proposed"]), (&Value::from(0), &Value::Null));
    assert_eq!(texts(&idle["today"]["never_came"]), ["Service ec2.amazonaws.com"]);
}

#[test]
fn one_policy_as_iam_takes_it() {
    let args = ["trust", "--store", &world().store, "--role", "vendor", "--format", "policy"];
    let (code, printed, said) = run(&args);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("proved"), "{said}");
    insta::assert_snapshot!("trust_policy", printed);
    let args = ["trust", "--store", &world().store, "--format", "policy"];
    let (code, printed, said) = run(&args);
    assert_eq!((code, printed.as_str()), (2, ""));
    assert!(said.contains("hint: name it with --role"), "{said}");
    let (code, _, said) = run(&["trust", "--store", &world().store, "--role", "nobody"]);
    assert_eq!(code, 1);
    assert!(said.contains("hint:"), "{said}");
}

#[test]
fn a_second_factor_is_asked_for_by_option_only() {
    let of = |more: &[&str]| {
        let mut args = vec!["trust", "--store", &world().store, "--role", "audit", "--format", "policy", "-q"];
        args.extend(more);
        run(&args).1
    };
    assert!(!of(&[]).contains("MultiFactor"));
    assert!(of(&["--require-mfa"]).contains(r#""aws:MultiFactorAuthPresent""#));
}

#[test]
fn other_formats_hold_the_same() {
    let of = |format: &str| run(&["trust", "--store", &world().store, "--role", "pod", "--format", format, "-q"]).1;
    let terraform = of("terraform");
    hcl::from_str::<hcl::Body>(&terraform).unwrap();
    assert!(terraform.contains("principals {") && terraform.contains(r#""pods.eks.amazonaws.com""#), "{terraform}");
    let template: Value = serde_yaml_ng::from_str(&of("cloudformation")).unwrap();
    let role = &template["Resources"]["pod"];
    let plain: Value = serde_json::from_str(&of("policy")).unwrap();
    assert_eq!(role["Properties"]["AssumeRolePolicyDocument"], plain);
    insta::assert_snapshot!("trust_table", of("table"));
    let page = of("markdown");
    assert!(page.contains("### Proposed") && page.contains("kubernetes-namespace"), "{page}");
}

/// Subjects that do not fit are told apart by less, and said; what does not fit at all has no policy.
#[test]
fn what_is_too_long_is_widened_and_said() {
    let of = |size: &str| {
        let args =
            ["trust", "--store", &world().store, "--role", "deploy", "--max-size", size, "--format", "json", "-q"];
        let (code, printed, _) = run(&args);
        (code, serde_json::from_str::<Value>(&printed).unwrap()[0].clone())
    };
    let exact = of("2048").1["proposed"]["characters"].as_u64().unwrap();
    let (code, wide) = of(&(exact - 1).to_string());
    assert_eq!(code, 5);
    assert_eq!(
        wide["proposed"]["policy"]["Statement"][0]["Condition"]["StringLike"]["token.actions.githubusercontent.com:sub"]
            [0],
        "repo:o/a:*"
    );
    assert_eq!(wide["proposed"]["proof"]["holds"], true);
    assert!(wide["doubts"][0].as_str().unwrap().contains("too many"));
    let (_, none) = of("100");
    assert!(none["not_proposed"].as_str().unwrap().contains("characters"));
}

/// Names that were chosen to break out of what is written.
#[test]
fn hostile_names_stay_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records();
    let hostile = "x\u{1b}[31m\n| `</script>${aws:username}*\u{202e}";
    for record in &mut records {
        if record["requestParameters"]["externalId"] == "ext-1" {
            record["requestParameters"]["externalId"] = Value::from(hostile);
            record["requestParameters"]["roleSessionName"] = Value::from(hostile);
        }
    }
    let logs = super::world::write_archive(folder.path(), &records);
    let store = folder.path().join("store");
    let args = ["trust", "--store", store.to_str().unwrap(), "--archive", logs.to_str().unwrap(), "--role", "vendor"];
    for format in ["table", "markdown", "terraform", "cloudformation", "json", "policy"] {
        let mut args = args.to_vec();
        args.extend(["--format", format, "-q"]);
        let (code, printed, said) = run(&args);
        // A policy can't hold some of these characters.
        assert_eq!(code, 5, "{format}: {said}");
        // JSON is for programs: it holds what the log holds, escaped as JSON has it.
        assert!(
            !printed.contains('\u{1b}') && (format == "json" || !printed.contains('\u{202e}')),
            "{format}: {printed}"
        );
        if format == "policy" {
            let policy: Value = serde_json::from_str(&printed).unwrap();
            let value = policy["Statement"][0]["Condition"]["StringLike"]["sts:ExternalId"][0].as_str().unwrap();
            assert!(value.contains("${$}{aws:username}${*}?") && !value.contains("${aws"), "{value}");
        }
    }
}

/// A role of changed records: its exit code, and what is said of it.
fn changed(role: &str, more: &[&str], change: impl Fn(&mut Value)) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records();
    records.iter_mut().for_each(change);
    let logs = super::world::write_archive(folder.path(), &records);
    let store = folder.path().join("store");
    let mut args =
        vec!["trust", "--store", store.to_str().unwrap(), "--archive", logs.to_str().unwrap(), "--role", role];
    args.extend(more);
    run(&args)
}

/// One call that does not tell the subject would leave out the question for everybody's.
#[test]
fn what_a_call_does_not_tell_is_a_doubt() {
    let silent = |record: &mut Value| {
        if record["eventTime"] == "2024-03-01T08:02:00Z" {
            let identity = &mut record["userIdentity"];
            identity["principalId"] = "?".into();
            identity["userName"] = Value::Null;
            record["responseElements"]["subjectFromWebIdentityToken"] = Value::Null;
        }
    };
    let (code, printed, said) = changed("deploy", &[], silent);
    assert!(
        code == 5 && format!("{printed}{said}").contains("tells no subject of the token"),
        "{code}: {printed}{said}"
    );
    assert_eq!(changed("deploy", &[], |_| ()).0, 0);
}

/// Another session of the same name, whose key nobody was given, is not explained by that.
#[test]
fn a_session_of_another_key_is_another_one() {
    let other = |record: &mut Value| {
        if record["userIdentity"]["accessKeyId"] == "ASIADEEP" && record["eventTime"] == "2024-03-01T08:34:00Z" {
            record["userIdentity"]["accessKeyId"] = "ASIABOB".into();
        }
    };
    let (code, printed, said) = changed("audit2", &[], other);
    assert!(
        code == 5
            && format!("{printed}{said}").contains("of 1 session that acted nothing in the log says who took the role"),
        "{printed}{said}"
    );
}

/// What a policy can hold stands in it as it is; another character is any, and that is said.
#[test]
fn letters_that_a_policy_holds_are_compared_as_they_are() {
    for (id, expected, operator) in [("ren\u{e9}", 0, "StringEquals"), ("ren\u{151}", 5, "StringLike")] {
        let named = |record: &mut Value| {
            if record["requestParameters"]["externalId"] == "ext-1" {
                record["requestParameters"]["externalId"] = id.into();
            }
        };
        let (code, printed, said) = changed("vendor", &["--format", "policy"], named);
        let policy: Value = serde_json::from_str(&printed).unwrap();
        let value = policy["Statement"][0]["Condition"][operator]["sts:ExternalId"][0].as_str().unwrap();
        assert_eq!((code, value), (expected, if expected == 0 { id } else { "ren?" }), "{said}");
    }
}

/// A session that tells no key is explained by its name, within the time that sessions last.
#[test]
fn a_session_without_key_is_explained_by_its_name_in_time() {
    for (created, expected) in [("2024-03-01T08:31:00Z", 0), ("2024-03-01T21:40:00Z", 5)] {
        let keyless = |record: &mut Value| {
            if record["userIdentity"]["accessKeyId"] == "ASIADEEP" {
                record["userIdentity"]["accessKeyId"] = Value::Null;
                record["userIdentity"]["sessionContext"]["attributes"]["creationDate"] = created.into();
            }
        };
        let (code, printed, said) = changed("audit2", &[], keyless);
        assert_eq!(code, expected, "{created}: {printed}{said}");
    }
}

/// Who took the role shortly before the window may still act in it.
#[test]
fn who_began_before_the_window_is_a_doubt() {
    let window = ["--from", "2024-03-01T08:02:00Z"];
    let (code, printed, said) = changed("deploy", &window, |_| ());
    assert!(
        code == 5 && format!("{printed}{said}").contains("shortly before the window it was taken by"),
        "{code}: {printed}{said}"
    );
}

/// What a format takes for its own is no text that it can compare.
#[test]
fn formats_do_not_change_what_is_compared() {
    for (format, id) in [("terraform", "a&{b}"), ("cloudformation", "{{resolve:ssm:x}}")] {
        let named = |record: &mut Value| {
            if record["requestParameters"]["externalId"] == "ext-1" {
                record["requestParameters"]["externalId"] = id.into();
            }
        };
        let (code, printed, said) = changed("vendor", &["--format", format], named);
        assert!(code == 1 && printed.is_empty() && said.contains("for its own"), "{format} {code}: {printed}{said}");
        assert_eq!(changed("vendor", &["--format", "policy"], named).0, 0);
    }
}

/// The sample archive: every role that people and pipelines take, proved.
#[test]
fn the_sample_archive_is_proved() {
    let store = crate::rightsize::command::store();
    let args =
        ["trust", "--store", store, "--authorization-details", "sample-organization/iam", "--format", "json", "-q"];
    let (code, printed, said) = run(&args);
    assert!(code == 0 || code == 5, "{said}");
    let roles: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let proposed: Vec<&Value> = roles.iter().filter(|role| !role["proposed"].is_null()).collect();
    assert!(!proposed.is_empty());
    assert!(proposed.iter().all(|role| role["proposed"]["proof"]["holds"] == true));
    let idle = |role: &&Value| role["name"] == "break-glass" && role["calls"] == 0;
    assert_eq!(roles.iter().filter(idle).count(), 3);
}

/// Real records: each assumption that succeeded is allowed by the role's policy.
#[test]
fn real_assumptions_are_allowed() {
    let Some(root) = crate::data::dir().map(|dir| dir.join("real/invictus")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let args =
        ["trust", "--store", store.to_str().unwrap(), "--archive", root.to_str().unwrap(), "--format", "json", "-q"];
    let (_, printed, said) = run(&args);
    let roles: Vec<Value> = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{said}"));
    let by_arn: BTreeMap<&str, &Value> = roles.iter().map(|role| (role["role_arn"].as_str().unwrap(), role)).collect();
    let (mut allowed, mut calls) = (0, 0);
    for entry in walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file()) {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        let Ok(log) = serde_json::from_str::<Value>(&text) else { continue };
        for record in log["Records"].as_array().into_iter().flatten() {
            let Some(arn) = record["requestParameters"]["roleArn"].as_str() else { continue };
            if record["eventName"] != "AssumeRole" || !record["errorCode"].is_null() {
                continue;
            }
            calls += 1;
            let role = by_arn[arn];
            if role["kept_by"] == "account" {
                assert!(allows(policy(role), &request(record)), "{arn}");
                allowed += 1;
            }
        }
    }
    assert!(allowed > 0 && calls > allowed, "{allowed} of {calls}");
}
