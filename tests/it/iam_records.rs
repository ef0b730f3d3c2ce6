//! Records as AWS's documentation and public samples show them, one a line in `iam_records.jsonl`: the actions that each
//! takes, and on which resources. Keys are verbatim, names and accounts invented. What is expected was written down from
//! the Service Authorization Reference before the resolver was asked.

use std::collections::BTreeMap;

use serde_json::Value;
use trailpare::iam::{Catalog, permissions};

use super::iam_real::as_event;

/// `~` is the region and account of all, `#` the account; resources are written without `arn:aws:`.
const RECORDS: &str = include_str!("iam_records.jsonl");

/// Resources by action, the service that a role is handed to in brackets behind it.
type Needed = BTreeMap<String, Vec<String>>;

fn expected(record: &Value) -> Needed {
    let full = |resource: &Value| match resource.as_str().unwrap_or_default() {
        text if text == "*" || text.starts_with("arn:") => text.to_owned(),
        text => format!("arn:aws:{text}"),
    };
    let needed = record["expected"].as_object().expect("expected").iter().map(|(action, resources)| {
        let mut resources: Vec<String> = resources.as_array().expect("resources").iter().map(full).collect();
        resources.sort();
        (action.clone(), resources)
    });
    needed.collect()
}

fn found(record: &Value) -> Needed {
    let needed = as_event(record, |event| permissions(Catalog::embedded(), event).needed);
    let needed = needed.into_iter().map(|p| {
        let service = p.passed_to_service.map(|service| format!("[{service}]")).unwrap_or_default();
        let mut resources = p.resources;
        resources.sort();
        (format!("{}{service}", p.action), resources)
    });
    needed.collect()
}

#[test]
fn records_take_what_the_service_authorization_reference_says() {
    let mut failures = Vec::new();
    let lines: Vec<&str> = RECORDS.lines().filter(|line| !line.is_empty()).collect();
    for line in &lines {
        let line = line.replace('~', "eu-west-1:111122223333").replace('#', "111122223333");
        let mut record: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line}: {e}"));
        for (key, usual) in
            [("eventType", "AwsApiCall"), ("awsRegion", "eu-west-1"), ("recipientAccountId", "111122223333")]
        {
            if record[key].is_null() {
                record[key] = usual.into();
            }
        }
        let (expected, found) = (expected(&record), found(&record));
        if expected != found {
            let call = [&record["eventSource"], &record["eventName"], &record["requestParameters"]];
            failures
                .push(format!("{} {} {}\n  expected {expected:?}\n  found    {found:?}", call[0], call[1], call[2]));
        }
    }
    assert!(lines.len() > 400, "{}", lines.len());
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), lines.len(), failures.join("\n"));
}
