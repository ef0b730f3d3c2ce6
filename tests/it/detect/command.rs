//! `trailpare detect` as people and schedulers call it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::world::{ingest, record, rule};

fn detect(store: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.arg("detect").args(args).env("TRAILPARE_STORE", store).env_remove("TRAILPARE_CATALOG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn answered(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A store, and a folder of rules beside it.
fn world() -> (tempfile::TempDir, PathBuf, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let user = |name: &str| {
        json!({"type": "IAMUser", "arn": format!("arn:aws:iam::111122223333:user/{name}"), "accountId": "111122223333",
            "userName": name})
    };
    let store = ingest(
        folder.path(),
        &[
            record("e1", json!({"eventName": "DeleteTrail", "eventSource": "cloudtrail.amazonaws.com"})),
            record(
                "e2",
                json!({"eventName": "DeleteTrail", "eventTime": "2024-03-02T06:00:00Z", "userIdentity": user("bob")}),
            ),
            record("e3", json!({"eventName": "\u{1b}[31m=Create\nUser", "userIdentity": user("bob")})),
        ],
    );
    let rules = folder.path().join("rules/deep");
    fs::create_dir_all(&rules).expect("made");
    let write = |name: &str, text: String| fs::write(rules.join(name), text).expect("written");
    let delete = rule("delete", "    s: {eventName: DeleteTrail}\n    condition: s").replace("medium", "high");
    write("a.yml", delete);
    write("b.yaml", rule("create", "    s: {eventName|contains: create}\n    condition: s"));
    write("c.yml", rule("other", "    s: {eventName: x}\n    condition: s").replace("cloudtrail", "guardduty"));
    write("notes.txt", "no rule".to_owned());
    let rules = folder.path().join("rules").to_string_lossy().into_owned();
    (folder, store, rules)
}

#[test]
fn what_is_found_decides_the_exit_code() {
    let (folder, store, rules) = world();
    let out = detect(&store, &[&rules], "");
    let text = answered(&out, 5);
    assert!(text.starts_with("3 findings of 2 rules; 0 rules found nothing\n\nhigh  delete  delete\n"), "{text}");
    assert!(text.contains("user/ann") && !text.contains('\u{1b}'), "{text}");
    assert!(said(&out).contains("left out, rules for other logs: 1 of 3 documents"), "{}", said(&out));
    let file = |name: &str| format!("{rules}/deep/{name}");
    assert!(answered(&detect(&store, &[&file("a.yml"), "--level", "high"], ""), 5).starts_with("2 findings"));
    let none = detect(&store, &[&file("b.yaml"), "--level", "high"], "");
    assert!(said(&none).contains("lower level than high"), "{}", said(&none));
    assert_eq!(none.status.code(), Some(1));
    assert!(answered(&detect(&store, &[&file("a.yml"), "--from", "2024-03-02"], ""), 5).starts_with("1 finding of"));
    assert!(answered(&detect(&store, &[&file("a.yml"), "--from", "2024-03-03"], ""), 0).starts_with("0 findings"));
    assert!(answered(&detect(&store, &[&file("a.yml"), "--user", "bob"], ""), 5).starts_with("1 finding of"));
    assert!(answered(&detect(&store, &[&file("a.yml"), "--account", "111122223333"], ""), 5).starts_with("2 findings"));
    let nobody = detect(&store, &[&file("a.yml"), "--user", "bop"], "");
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody).contains("did you mean --user bob"), "{}", said(&nobody));
    // What can't be run is told, and the others run.
    let bad = rule("bad", "    s: {eventName|frob: x}\n    condition: s");
    let out = detect(&store, &["-", &file("a.yml"), "--from", "2024-03-03"], &bad);
    answered(&out, 3);
    assert!(said(&out).contains("standard input, detection.s.eventName|frob"), "{}", said(&out));
    answered(&detect(&store, &["-", &rules], &bad), 5);
    let missing = folder.path().join("nowhere").to_string_lossy().into_owned();
    answered(&detect(&store, &[&missing, &file("a.yml"), "--from", "2024-03-03"], ""), 3);
    answered(&detect(&store, &[&missing], ""), 1);
}

#[test]
fn every_mode_has_every_finding() {
    let (_folder, store, rules) = world();
    let json: Value =
        serde_json::from_str(&answered(&detect(&store, &[&rules, "--format", "json"], ""), 5)).expect("JSON");
    assert_eq!(json["schema"], "trailpare/detect/1");
    let ids: Vec<&Value> =
        json["findings"].as_array().expect("a list").iter().map(|finding| &finding["event_ids"][0]).collect();
    assert_eq!(ids, ["e1", "e2", "e3"], "the gravest rule first, then by time");
    assert_eq!((&json["rules"][0]["title"], &json["rules"][0]["findings"]), (&json!("delete"), &json!(2)));
    assert_eq!(json["skipped"][0]["title"], "other");
    let lines = answered(&detect(&store, &[&rules, "--format", "ndjson"], ""), 5);
    assert_eq!(lines.lines().count(), 3, "{lines}");
    let csv = answered(&detect(&store, &[&rules, "--format", "csv"], ""), 5);
    assert!(csv.starts_with("level,rule,rule_id,first_time"), "{csv}");
    let sarif: Value =
        serde_json::from_str(&answered(&detect(&store, &[&rules, "--format", "sarif"], ""), 5)).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("a list");
    assert_eq!(results.len(), 3);
    assert_eq!((&results[0]["ruleId"], &results[0]["level"]), (&json!("delete"), &json!("error")));
}

#[test]
fn rules_are_shown_as_sql_without_a_store() {
    let (folder, _, rules) = world();
    let nowhere = folder.path().join("no-store");
    let sql = answered(&detect(&nowhere, &[&rules, "--sql"], ""), 0);
    assert!(sql.contains("-- delete, high, delete\n") && sql.contains("WHERE event_name ILIKE 'DeleteTrail'"), "{sql}");
    assert!(!nowhere.exists());
    let hostile =
        rule("x\\nDROP TABLE events; --", "    s: {eventName: x}\n    condition: s").replace("title: x", "title: \"x");
    let hostile = hostile.replacen(" --\n", " --\"\n", 1);
    let sql = answered(&detect(&nowhere, &["-", "--sql"], &hostile), 0);
    assert!(sql.starts_with("-- x\\nDROP TABLE events; --, medium"), "{sql}");
}

/// Files that nobody meant well with end with a word, not with the program.
#[test]
fn hostile_rules() {
    let (_folder, store, _) = world();
    let aliases: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{}, *a{}, *a{}]\n", n - 1, n - 1, n - 1)).collect();
    for text in [
        format!("title: x\na0: &a0 [x, x]\n{aliases}"),
        "[".repeat(100_000),
        "- ".repeat(10_000),
        format!("title: x\ndetection: {{s: {{a: b}}, condition: {}s}}", "not ".repeat(100_000)),
        format!(
            "title: x\nlogsource: {{product: aws}}\ndetection:\n  s: {{a: b}}\n  condition: {}s",
            "(".repeat(50_000)
        ),
        "a: b\n".repeat(400_000),
        "\u{0}".to_owned(),
        String::new(),
    ] {
        let out = detect(&store, &["-"], &text);
        assert_eq!(out.status.code(), Some(1), "{}: {}", &text[..text.len().min(40)], said(&out));
        assert!(said(&out).contains("no rule that can be run"), "{}", said(&out));
        assert!(said(&out).len() < 4_000, "{}", said(&out).len());
    }
    let many = rule("many", &format!("    s: {{eventName: [{}]}}\n    condition: s", "x, ".repeat(2_000)));
    answered(&detect(&store, &["-"], &many), 0);
    let repeated = rule("much", &format!("    s: {{eventName: x}}\n    condition: {}s", "s or ".repeat(30_000)));
    assert!(said(&detect(&store, &["-"], &repeated)).contains("20000 questions"));
}
