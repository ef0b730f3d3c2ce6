//! Requests whose further actions AWS's own lists name: `suspects.jsonl` of the data beside the repository. What a
//! service does in the caller's name may be suggested, everything else must be needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use trailpare::iam::{Catalog, permissions};

use super::iam_real::as_event;

/// Suspicions that are wrong, or not to be had from what the record says, and why: source, name, why.
const REFUTED: &[(&str, &str, &str)] = &[
    (
        "bedrock.amazonaws.com",
        "InvokeModel",
        "bedrock:CallWithBearerToken is asked for calls with an API key only; nothing in this record says that it was one",
    ),
    (
        "ec2.amazonaws.com",
        "CreateLaunchTemplate",
        "EC2 User Guide, IAM permissions required for launch templates: what a template specifies is asked for at launch",
    ),
];

#[test]
fn further_actions_that_requests_bring() {
    let Some(data) = super::data::dir() else { return };
    let Ok(text) = fs::read_to_string(data.join("iam/suspects.jsonl")) else { return };
    let (mut right, mut all): (BTreeMap<String, usize>, BTreeMap<String, usize>) = Default::default();
    let mut wrong = Vec::new();
    for line in text.lines() {
        let mut record: Value = serde_json::from_str(line).expect("a record");
        for (key, usual) in
            [("eventType", "AwsApiCall"), ("awsRegion", "us-east-1"), ("recipientAccountId", "111122223333")]
        {
            record[key] = usual.into();
        }
        let found = as_event(&record, |event| permissions(Catalog::embedded(), event));
        let kind = record["kind"].as_str().unwrap_or_default().to_owned();
        let suggested = found.suggestions.iter().filter(|_| kind == "fas");
        let actions: BTreeSet<&str> = found.needed.iter().chain(suggested).map(|p| &*p.action).collect();
        let expected: Vec<&str> =
            record["expected"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let is_right = expected.iter().all(|action| actions.contains(action));
        let (source, name) = (record["eventSource"].as_str(), record["eventName"].as_str());
        let is_refuted = REFUTED.iter().any(|(s, n, _)| source == Some(s) && name == Some(n));
        *all.entry(kind.clone()).or_default() += 1;
        if is_right || is_refuted {
            *right.entry(kind).or_default() += 1;
        } else {
            wrong.push(format!("{kind}: {line}\n    found {actions:?}"));
        }
    }
    println!("right {right:?} of {all:?}\n{}", wrong.join("\n"));
    // Of `action` and `unverified` the operation is authorised under another name: that is the rules' matter, not that
    // of what stands beside.
    let beside = wrong.iter().filter(|line| !line.starts_with("action") && !line.starts_with("unverified")).count();
    assert!(beside == 0 && wrong.len() <= 18, "{} of {all:?} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
