//! The tricky events of `iam/cases.jsonl`: which actions and resources each needs.

use std::fs;

use serde_json::Value;
use trailpare::iam::{Catalog, Event, ResourceRef, permissions};

/// A raw JSON part of a case as the record would hold it.
fn part(case: &Value, key: &str) -> Option<String> {
    case.get(key).filter(|value| !value.is_null()).map(Value::to_string)
}

fn found(case: &Value) -> Vec<(String, Vec<String>)> {
    let text = |key: &str| case.get(key).and_then(Value::as_str);
    let (parameters, response) = (part(case, "requestParameters"), part(case, "responseElements"));
    let empty = Vec::new();
    let resources: Vec<ResourceRef<'_>> = case["resources"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .map(|r| ResourceRef {
            arn: r["ARN"].as_str(),
            arn_prefix: r["ARNPrefix"].as_str(),
            account_id: r["accountId"].as_str(),
            resource_type: r["type"].as_str(),
        })
        .collect();
    let event = Event {
        event_source: text("eventSource").unwrap_or_default(),
        event_name: text("eventName").unwrap_or_default(),
        event_type: text("eventType").or(Some("AwsApiCall")),
        aws_region: text("awsRegion"),
        account_id: text("recipientAccountId"),
        principal_arn: case["userIdentity"]["arn"].as_str(),
        error_code: text("errorCode"),
        error_message: text("errorMessage"),
        request_parameters: parameters.as_deref(),
        response_elements: response.as_deref(),
        resources: &resources,
        ..Default::default()
    };
    sorted(permissions(Catalog::embedded(), &event).needed.into_iter().map(|p| (p.action.to_string(), p.resources)))
}

fn sorted(permissions: impl Iterator<Item = (String, Vec<String>)>) -> Vec<(String, Vec<String>)> {
    let mut permissions: Vec<_> = permissions
        .map(|(action, mut resources)| {
            resources.sort();
            (action, resources)
        })
        .collect();
    permissions.sort();
    permissions
}

#[test]
fn every_case_needs_what_its_source_says() {
    let Some(data) = super::data::dir() else { return };
    let cases = fs::read_to_string(data.join("iam/cases.jsonl")).expect("cases");
    let (mut failures, mut count) = (Vec::new(), 0);
    for line in cases.lines().filter(|line| !line.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).expect("JSON");
        let expected = case["expected"].as_array().expect("expected").iter().map(|e| {
            let resources = e["resources"].as_array().expect("resources").iter();
            (
                e["action"].as_str().unwrap_or_default().to_owned(),
                resources.filter_map(Value::as_str).map(str::to_owned).collect(),
            )
        });
        let (expected, found) = (sorted(expected), found(&case));
        count += 1;
        if expected != found {
            failures.push(format!(
                "case {} {}\n  expected {expected:?}\n  found    {found:?}",
                case["id"], case["eventName"]
            ));
        }
    }
    assert_eq!(count, 22);
    assert!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n"));
}
