//! Events of many services, one a line in `iam_services.txt`, `iam_requests.txt` and `iam_arns.txt`: the actions that
//! each takes, and on which resources. Sources: the Service Authorization Reference for actions and resource types,
//! each service's API Reference for the parameters, as CloudTrail logs them (first letter lower-cased).

use serde_json::{Value, json};
use trailpare::iam::{Catalog, permissions};

use super::iam_real::as_event;

/// `~` is the region and account of all, `#` the account; resources are written without `arn:aws:`; `-` is none needed.
const EVENTS: [&str; 3] =
    [include_str!("iam_services.txt"), include_str!("iam_requests.txt"), include_str!("iam_arns.txt")];

fn full(text: &str) -> String {
    text.replace('~', "eu-west-1:111122223333").replace('#', "111122223333")
}

/// Action, resources, and the service that a role is handed to.
type Needed = (String, Vec<String>, Option<String>);

/// `action resource… [service]`
fn needed(text: &str) -> Needed {
    let mut words = text.split_ascii_whitespace().map(str::to_owned);
    let action = words.next().unwrap_or_default();
    let (services, resources): (Vec<String>, Vec<String>) = words.partition(|word| word.starts_with('['));
    let mut resources: Vec<String> =
        resources.into_iter().map(|word| if word == "*" { word } else { format!("arn:aws:{word}") }).collect();
    resources.sort();
    (action, resources, services.first().map(|word| word.trim_matches(['[', ']']).to_owned()))
}

/// `source name parameters [-> response] [@ caller]`
fn record(text: &str) -> Value {
    let (text, caller) = text.split_once(" @ ").map_or((text, Value::Null), |(text, caller)| (text, json!(caller)));
    let (text, response) = text.split_once(" -> ").unwrap_or((text, "null"));
    let mut words = text.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (source, name, parameters) = (word(), word(), word());
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "eventType": "AwsApiCall",
        "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "userIdentity": {"arn": caller},
        "requestParameters": json(parameters), "responseElements": json(response),
    })
}

#[test]
fn events_take_what_the_service_authorization_reference_says() {
    let mut failures = Vec::new();
    let lines = EVENTS.iter().flat_map(|table| table.lines()).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let line = full(line);
        let (event, expected) = line.split_once(" => ").expect("an arrow");
        let mut expected: Vec<Needed> = expected.split("; ").filter(|text| *text != "-").map(needed).collect();
        expected.sort();
        let mut found: Vec<Needed> = as_event(&record(event), |event| permissions(Catalog::embedded(), event).needed)
            .into_iter()
            .map(|p| (p.action.to_string(), p.resources, p.passed_to_service.map(|s| s.to_string())))
            .collect();
        found.sort();
        if found != expected {
            failures.push(format!("{event}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(failures.is_empty(), "{} fail:\n{}", failures.len(), failures.join("\n"));
}
