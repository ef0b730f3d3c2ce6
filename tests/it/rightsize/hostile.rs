//! Names that somebody chose to break out: of the folder, and of every language that is written.

use std::collections::BTreeSet;

use serde_json::Value;
use trailpare::iam::Catalog;
use trailpare::iam::Outcome;
use trailpare::policy::unused::{Details, pages};
use trailpare::policy::{Options, Provenance};
use trailpare::report::rightsize::{Summary, entry, files, index, sarif};
use trailpare::rightsize::{
    Answers, Assessment, Inventory, Rules, Subject, SubjectKind, Terms, Totals, Window, assess, folder,
};
use trailpare::usage::{RequestValues, RoleLives, UsageRow};

const NAMES: [&str; 12] = [
    "../../../etc/cron.d/x",
    "</code><script>alert(1)</script>",
    "`|`](javascript:alert(1))|\n# title",
    "${file(\"/etc/passwd\")}%{ if true }",
    "\"}]}, \"x\": \"",
    "a\r\nSet-Cookie: x\u{1b}[31m\u{202e}",
    "<!-- --><img src=x onerror=alert(1)>",
    "' || 1; --",
    "&{aws:username}${aws:username}",
    "con",
    ".",
    "```\n<script>",
];

fn rows(name: &str) -> Vec<UsageRow> {
    let row = |action: &str, resource: String| UsageRow {
        event_date: 19_700,
        account_id: "111122223333".into(),
        principal_arn: format!("arn:aws:iam::111122223333:role/{name}").into(),
        principal_type: "AssumedRole".into(),
        permission_set: Some(name.into()),
        session_name: Some(name.into()),
        action: Some(action.into()),
        resource: resource.into(),
        outcome: Outcome::Allowed,
        confidence: "documented".into(),
        rule: "operation table".into(),
        passed_to_service: None,
        event_source: "s3.amazonaws.com".into(),
        event_name: name.into(),
        aws_region: "eu-central-1".into(),
        via: None,
        event_count: 2,
        first_time_us: 1_700_000_000_000_000,
        last_time_us: 1_700_086_400_000_000,
        example_event_id: name.into(),
        cross_account: false,
        overflow: false,
        origin: None,
    };
    vec![
        row("s3:GetObject", format!("arn:aws:s3:::lake/{name}")),
        row("sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:q".to_owned()),
    ]
}

fn inventory(name: &str) -> Inventory {
    let policy = serde_json::json!({"Statement": [{"Sid": "x", "Effect": "Allow", "Action": "ec2:*", "Resource": format!("arn:aws:ec2:::{name}")}]});
    let role = serde_json::json!({"Arn": format!("arn:aws:iam::111122223333:role/AWSReservedSSO_{name}_0123456789abcdef"),
        "RolePolicyList": [{"PolicyName": name, "PolicyDocument": policy}], "Tags": [{"Key": name, "Value": name}],
        "AttachedManagedPolicies": []});
    let page = serde_json::json!({"RoleDetailList": [role], "UserDetailList": []});
    let details = Details::of(&pages(&page.to_string()).unwrap()).unwrap();
    Inventory::new(details, Answers::default(), Rules::default())
}

fn with_assessment(name: &str, kind: SubjectKind, check: impl FnOnce(&Assessment<'_>)) {
    let inventory = inventory(name);
    let (requests, sources) = (RequestValues::default(), BTreeSet::new());
    let (window, options) = (Window::new(&BTreeSet::from([19_700]), 1), Options::default());
    let lives = RoleLives::default();
    let terms = Terms {
        lives: &lives,
        inventory: &inventory,
        requests: &requests,
        catalog: Catalog::embedded(),
        window: &window,
        data_event_sources: &sources,
        options: &options,
        preset: None,
    };
    let subject = Subject { of: Some(name.to_owned()), ..Subject::new(kind, name) };
    check(&assess(subject, &rows(name), None, &terms));
}

/// Markdown without its code: what a reader's program would act on.
fn outside_code(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let fence: String = line.chars().take_while(|c| *c == '`').collect();
        if fence.len() >= 3 && line.get(fence.len()..).is_some_and(|rest| !rest.contains('`')) {
            for inner in lines.by_ref() {
                if inner.trim_end() == fence {
                    break;
                }
            }
            continue;
        }
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            let (before, span) = rest.split_at(at);
            // A backquote that is escaped begins nothing.
            if before.ends_with('\\') {
                out += before;
                rest = &span[1..];
                continue;
            }
            out += before;
            let run: String = span.chars().take_while(|c| *c == '`').collect();
            let inner = &span[run.len()..];
            let end = inner.match_indices(&run).map(|(at, _)| at).find(|at| {
                let behind = &inner[at + run.len()..];
                !behind.starts_with('`') && !inner[..*at].ends_with('`')
            });
            match end {
                Some(end) => rest = &inner[end + run.len()..],
                None => panic!("a span without an end: {line}"),
            }
        }
        out += rest;
        out.push('\n');
    }
    out
}

#[test]
fn names_stay_where_they_are_put() {
    for name in NAMES {
        for kind in [SubjectKind::PermissionSet, SubjectKind::Person, SubjectKind::Persona] {
            with_assessment(name, kind, |one| {
                let place = folder(&one.subject, &mut BTreeSet::new());
                let written = files(one, None, &place, &Provenance::default()).unwrap();
                assert!(written.len() >= 5, "{name}: a policy was made");
                for file in &written {
                    let is_harmless = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains("..");
                    assert!(
                        file.path.split('/').count() == 3 && file.path.split('/').all(is_harmless),
                        "{}",
                        file.path
                    );
                    check_text(&file.path, &file.text);
                }
            });
        }
    }
}

fn check_text(path: &str, text: &str) {
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}')
            || path.ends_with(".json")
            || path.ends_with(".yaml")
            || path.ends_with(".tf"),
        "{path}: {text:?}"
    );
    match path.rsplit('.').next().unwrap() {
        "json" => drop(serde_json::from_str::<Value>(text).unwrap()),
        "tf" => {
            let body: hcl::Body = hcl::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(
                body.blocks().filter(|block| !["data", "resource", "variable"].contains(&block.identifier())).count(),
                0
            );
            assert!(!text.contains("= file("), "{text}");
        }
        "yaml" => drop(serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text).unwrap()),
        _ => {
            let live = outside_code(text);
            // What is escaped is shown as it is.
            let live = live.replace("\\<", "").replace("\\[", "").replace("\\]", "");
            assert!(!live.contains('<') && !live.contains("]("), "{live}");
            assert_eq!(live.lines().filter(|line| *line == "# title").count(), 0, "{live}");
        }
    }
}

#[test]
fn lists_of_hostile_names_stay_lists() {
    let mut entries = Vec::new();
    for name in NAMES {
        with_assessment(name, SubjectKind::Person, |one| {
            entries.push(entry(one, None, &folder(&one.subject, &mut BTreeSet::new())));
        });
    }
    let summary = Summary::new(entries, &Totals::default(), vec!["a\n<script>".to_owned()], "x");
    let page = index(&summary);
    let rows = page.lines().filter(|line| line.starts_with("| [")).count();
    assert_eq!(rows, NAMES.len(), "{page}");
    let links = page.lines().filter(|line| line.starts_with("| [")).all(|line| line.matches("](people/").count() == 1);
    let live = page.replace("\\<", "").replace("\\]", "");
    assert!(links && !live.contains('<') && !live.contains("](javascript"), "{page}");
    let log = sarif(&summary).to_string();
    let log: Value = serde_json::from_str(&log).unwrap();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains("..") && !uri.contains(':') && !uri.starts_with('/'), "{uri}");
        assert!(!result["message"]["text"].as_str().unwrap().contains('\n'));
    }
}
