//! Every operation against AWS's own list of what it authorises: with empty parameters, and with tags and roles where
//! botocore's models say that a request takes them (`authorized/requests.tsv`).
//!
//! The list is a flat upper bound, with older names beside newer ones and without some roles that are handed on: an
//! oracle, not the truth. What differs is counted by kind, and a kind may not grow.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use trailpare::iam::{Catalog, Confidence, Event, permissions};

const REQUESTS: &str = include_str!("authorized/requests.tsv");
const ROLE: &str = "arn:aws:iam::111122223333:role/passed";
const PROFILE: &str = "arn:aws:iam::111122223333:instance-profile/passed";

/// Kind, operation (a `*` at its end stands for more), who is right, why.
const DIFFERENCES: &str = include_str!("authorized/differences.tsv");

/// How many operations may differ, by kind. To be lowered, never raised.
const CEILINGS: &[(&str, usize)] = &[
    ("named", 20),
    ("more", 26),
    ("tags missing", 5),
    ("tags", 50),
    ("role missing", 5),
    ("role", 45),
    ("further", 5),
];

/// What a kind of difference is.
fn meaning(kind: &str) -> &'static str {
    match kind {
        "named" => "with empty parameters none of the actions that the list names",
        "more" => "with empty parameters an action that the list has not",
        "tags missing" => "with tags not the tagging action that the list has",
        "tags" => "with tags a tagging action that the list has not",
        "role missing" => "with a role not the iam:PassRole that the list has",
        "role" => "with a role iam:PassRole that the list has not",
        _ => "with tags or roles another action that the list has not",
    }
}

/// One operation's request: where tags and roles stand in it.
struct Request<'a> {
    host: &'a str,
    tags: Vec<&'a str>,
    roles: Vec<&'a str>,
}

/// Puts a value where the path says.
fn put(into: &mut Value, path: &str, leaf: Value) {
    let (head, rest) = match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
    let (name, lists) = (head.trim_end_matches("[]"), head.matches("[]").count());
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let mut at = &mut into[name];
    for _ in 0..lists {
        if !at.is_array() {
            *at = json!([null]);
        }
        at = &mut at[0];
    }
    match rest {
        Some(rest) => put(at, rest, leaf),
        None => *at = leaf,
    }
}

fn put_tag(into: &mut Value, path: &str) {
    if let Some(path) = path.strip_suffix("{}") {
        return put(into, path, json!({"team": "web"}));
    }
    let (path, names) = path.rsplit_once('[').expect("names of a pair");
    let (key, value) = names.trim_end_matches(']').split_once(',').expect("two names");
    put(into, path, json!([{key: "team", value: "web"}]));
}

fn put_role(into: &mut Value, path: &str) {
    let is_profile = path.to_ascii_lowercase().contains("instanceprofile");
    put(into, path, if is_profile { PROFILE } else { ROLE }.into());
}

/// What an operation needs with these parameters, in lower case; what is not certain is left out.
fn needed(host: &str, operation: &str, parameters: &Value) -> BTreeSet<String> {
    let source = format!("{host}.amazonaws.com");
    let parameters = (!parameters.is_null()).then(|| parameters.to_string());
    let event = Event {
        event_source: &source,
        event_name: operation,
        event_type: Some("AwsApiCall"),
        aws_region: Some("us-east-1"),
        account_id: Some("111122223333"),
        request_parameters: parameters.as_deref(),
        ..Default::default()
    };
    let needed = permissions(Catalog::embedded(), &event).needed;
    needed.iter().filter(|p| p.confidence != Confidence::Unverified).map(|p| p.action.to_lowercase()).collect()
}

fn is_tagging(action: &str) -> bool {
    let name = action.rsplit(':').next().unwrap_or_default();
    name.starts_with("tag")
        || ["addtags", "createtags", "createorupdatetags", "inittags"].iter().any(|t| name.starts_with(t))
}

/// Differences by kind, each an operation with what differs.
type Differences = BTreeMap<&'static str, Vec<String>>;

fn compare_empty(key: &str, host: &str, operation: &str, official: &BTreeSet<String>, into: &mut Differences) -> bool {
    let ours = needed(host, operation, &Value::Null);
    let (missing, more) = (ours.is_disjoint(official), ours.difference(official).count() > 0);
    if missing {
        let kind = "named";
        into.entry(kind).or_default().push(format!("{key}: list {official:?}, ours {ours:?}"));
    } else if more {
        let kind = "more";
        into.entry(kind).or_default().push(format!("{key}: list {official:?}, ours {ours:?}"));
    }
    !missing && !more
}

fn compare_filled(
    key: &str,
    request: &Request<'_>,
    operation: &str,
    official: &BTreeSet<String>,
    into: &mut Differences,
) {
    let (mut tagged, mut with_roles) = (Value::Null, Value::Null);
    request.tags.iter().for_each(|path| put_tag(&mut tagged, path));
    request.roles.iter().for_each(|path| put_role(&mut with_roles, path));
    let plain = needed(request.host, operation, &Value::Null);
    let mut say = |kind: &'static str, text: String| into.entry(kind).or_default().push(format!("{key}: {text}"));
    let others = |found: &BTreeSet<String>| -> Vec<String> {
        found
            .iter()
            .filter(|action| !plain.contains(*action) && !official.contains(*action))
            .filter(|action| !is_tagging(action) && *action != "iam:passrole")
            .cloned()
            .collect()
    };
    let mut further = Vec::new();
    if !request.tags.is_empty() {
        let found = needed(request.host, operation, &tagged);
        let listed: Vec<_> = official.iter().filter(|action| is_tagging(action)).collect();
        let taken: Vec<_> = found.iter().filter(|action| is_tagging(action) && !plain.contains(*action)).collect();
        if !listed.is_empty() && !listed.iter().any(|action| found.contains(*action)) {
            say("tags missing", format!("{listed:?} of {tagged}"));
        } else if taken.iter().any(|action| !official.contains(*action)) {
            say("tags", format!("{taken:?}, list {official:?}"));
        }
        further.extend(others(&found));
    }
    if !request.roles.is_empty() {
        let found = needed(request.host, operation, &with_roles);
        let (listed, taken) = (official.contains("iam:passrole"), found.contains("iam:passrole"));
        if listed && !taken {
            say("role missing", with_roles.to_string());
        }
        if taken && !listed {
            say("role", with_roles.to_string());
        }
        further.extend(others(&found));
    }
    if !further.is_empty() {
        say("further", format!("{further:?}"));
    }
}

/// Who is right about a difference, and why.
fn who_is_right(kind: &str, operation: &str) -> Option<String> {
    DIFFERENCES.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let [of, pattern, who, why] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("four columns: {line}") };
        let is_it = match pattern.strip_suffix('*') {
            Some(start) => operation.starts_with(start),
            None => operation == pattern,
        };
        (of == kind && is_it).then(|| format!("{who}: {why}"))
    })
}

/// Every operation of the list, with the host that its events come from, as botocore knows the service.
#[test]
fn operations_take_what_aws_says_that_they_authorise() {
    let Some(data) = super::data::dir() else { return };
    let list = std::fs::read_to_string(data.join("iam/authorized_actions.tsv")).expect("the list");
    let (mut hosts, mut requests) = (BTreeMap::new(), BTreeMap::new());
    for line in REQUESTS.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["#service", service, host] => drop(hosts.insert(service, host)),
            [service, host, operation, tags, roles] => {
                let words = |text: &'static str| text.split(' ').filter(|word| !word.is_empty()).collect();
                requests.insert((service, operation), Request { host, tags: words(tags), roles: words(roles) });
            }
            _ => {}
        }
    }
    let (mut all, mut agreeing, mut filled) = (0, 0, 0);
    let mut differences = Differences::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (key, actions) = line.split_once('\t').expect("two columns");
        let (service, operation) = key.split_once(':').expect("a service");
        let official: BTreeSet<String> = actions.split(',').map(str::to_lowercase).collect();
        let host = hosts.get(service).copied().unwrap_or(service);
        all += 1;
        agreeing += usize::from(compare_empty(key, host, operation, &official, &mut differences));
        if let Some(request) = requests.get(&(service, operation)) {
            filled += 1;
            compare_filled(key, request, operation, &official, &mut differences);
        }
    }
    let share = 100.0 * agreeing as f64 / all as f64;
    eprintln!("{all} operations: {agreeing} ({share:.2} %) agree with empty parameters; {filled} take tags or roles");
    let mut unexplained = Vec::new();
    for (kind, found) in &differences {
        eprintln!("{} {kind}: {}", found.len(), meaning(kind));
        for line in found {
            let operation = line.split(": ").next().unwrap_or(line);
            match who_is_right(kind, operation) {
                Some(why) => eprintln!("    {operation}: {why}"),
                None => unexplained.push(format!("{kind} {line}")),
            }
        }
    }
    assert!(unexplained.is_empty(), "{} without a reason:\n{}", unexplained.len(), unexplained.join("\n"));
    assert!(all > 16_000 && filled > 1_500, "{all} operations, {filled} requests");
    for (kind, ceiling) in CEILINGS {
        let found = differences.get(kind).map_or(0, Vec::len);
        assert!(found <= *ceiling, "{found} instead of {ceiling}: {kind}");
    }
}

/// Suspected actions that are not found: event source, operation, why.
const NOT_FOUND: &[(&str, &str, &str)] = &[
    (
        "bedrock.amazonaws.com",
        "InvokeModel",
        "refuted: bedrock:CallWithBearerToken is asked for where an API key signs, and nothing of the request tells so",
    ),
    (
        "lakeformation.amazonaws.com",
        "GetTemporaryDataLocationCredentials",
        "open: one source names lakeformation:GetDataAccess for it, no reference does",
    ),
];

/// Requests whose further actions AWS's list or the API references name: granted, or else suggested.
#[test]
fn suspected_further_actions_are_found() {
    let Some(data) = super::data::dir() else { return };
    let lines = std::fs::read_to_string(data.join("iam/suspects.jsonl")).expect("suspects");
    let mut missing = Vec::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let suspect: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let text = |key: &str| suspect[key].as_str().unwrap_or_default();
        let parameters = suspect["requestParameters"].to_string();
        let event = Event {
            event_source: text("eventSource"),
            event_name: text("eventName"),
            event_type: Some("AwsApiCall"),
            aws_region: Some("us-east-1"),
            account_id: Some("111122223333"),
            request_parameters: Some(&parameters),
            ..Default::default()
        };
        let found = permissions(Catalog::embedded(), &event);
        let found: BTreeSet<String> =
            found.needed.iter().chain(&found.suggestions).map(|p| p.action.to_lowercase()).collect();
        let expected = suspect["expected"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let lacking: Vec<_> = expected.filter(|action| !found.contains(&action.to_lowercase())).collect();
        let is_known =
            NOT_FOUND.iter().any(|(source, name, _)| (*source, *name) == (text("eventSource"), text("eventName")));
        if !lacking.is_empty() && !is_known {
            missing.push(format!("{} {}: {lacking:?} of {found:?}", text("eventSource"), text("eventName")));
        }
    }
    NOT_FOUND.iter().for_each(|(source, name, why)| eprintln!("{source} {name}: {why}"));
    assert!(
        missing.is_empty(),
        "{} of {} lack something:\n{}",
        missing.len(),
        lines.lines().count(),
        missing.join("\n")
    );
}
