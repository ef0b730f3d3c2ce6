//! The resolver over every record of the real archives: how sure it is, whether it agrees with what denials say, and that
//! nothing that it emits is outside the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trailpare::iam::{Catalog, Confidence, Event, Outcome, Permissions, ResourceRef, permissions};

pub fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).expect("folder").flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files(&path, found);
        } else if path.to_string_lossy().ends_with(".json") || path.to_string_lossy().ends_with(".json.gz") {
            found.push(path);
        }
    }
}

pub fn records(path: &Path) -> Vec<Value> {
    let bytes = fs::read(path).expect("object");
    let mut text = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).expect("gzip");
    } else {
        text = bytes;
    }
    match serde_json::from_slice(&text) {
        Ok(Value::Object(mut object)) => match object.remove("Records") {
            Some(Value::Array(records)) => records,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What a record takes, by its own message or, `blindly`, without looking at the message.
fn taken(record: &Value, blindly: bool) -> Permissions {
    as_event(record, |event| {
        let error_message = if blindly { None } else { event.error_message };
        permissions(Catalog::embedded(), &Event { error_message, ..*event })
    })
}

/// Shows a record as the resolver wants it.
pub fn as_event<T>(record: &Value, look: impl FnOnce(&Event<'_>) -> T) -> T {
    let text = |key: &str| record[key].as_str();
    let part = |key: &str| (!record[key].is_null()).then(|| record[key].to_string());
    let (parameters, response) = (part("requestParameters"), part("responseElements"));
    let additional = part("additionalEventData");
    let listed = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
    let resources: Vec<ResourceRef<'_>> = listed
        .iter()
        .map(|r| ResourceRef {
            arn: r["ARN"].as_str(),
            arn_prefix: r["ARNPrefix"].as_str(),
            account_id: r["accountId"].as_str(),
            resource_type: r["type"].as_str(),
        })
        .collect();
    look(&Event {
        event_source: text("eventSource").unwrap_or_default(),
        event_name: text("eventName").unwrap_or_default(),
        event_type: text("eventType"),
        event_category: text("eventCategory"),
        aws_region: text("awsRegion"),
        account_id: text("recipientAccountId").or(record["userIdentity"]["accountId"].as_str()),
        principal_arn: record["userIdentity"]["arn"].as_str(),
        error_code: text("errorCode"),
        error_message: text("errorMessage"),
        request_parameters: parameters.as_deref(),
        response_elements: response.as_deref(),
        additional_event_data: additional.as_deref(),
        resources: &resources,
        ..Default::default()
    })
}

/// What breaks the promise that a policy made of this is valid and no wider than its actions take.
fn faults(found: &Permissions) -> Vec<String> {
    let catalog = Catalog::embedded();
    let mut faults = Vec::new();
    for permission in found.needed.iter().chain(&found.suggestions) {
        let name = &permission.action;
        let Some(action) = catalog.action(name) else {
            if permission.confidence != Confidence::Unverified {
                faults.push(format!("{name} is no action"));
            }
            continue;
        };
        if action.name != *name {
            faults.push(format!("{name} is spelled {}", action.name));
        }
        if permission.resources.is_empty() {
            faults.push(format!("{name} without resources"));
        }
        for resource in permission.resources.iter().filter(|r| !catalog.does_take(action, r)) {
            faults.push(format!("{name} on {resource}"));
        }
    }
    faults
}

#[derive(Default)]
struct Report {
    records: usize,
    /// (eventSource, eventName) → the least sure of its confidences; `None` where no permission is needed.
    pairs: BTreeMap<(String, String), Option<Confidence>>,
    faults: BTreeSet<String>,
    denied: usize,
    agree: usize,
    resource_agree: usize,
    disagree: BTreeMap<String, usize>,
}

impl Report {
    fn add(&mut self, record: &Value) {
        self.records += 1;
        let found = taken(record, false);
        self.faults.extend(faults(&found));
        let blind = taken(record, true);
        self.faults.extend(faults(&blind));
        let pair =
            (record["eventSource"].as_str().unwrap_or_default(), record["eventName"].as_str().unwrap_or_default());
        let surest = blind.needed.iter().map(|p| p.confidence).max();
        let entry = self.pairs.entry((pair.0.to_owned(), pair.1.to_owned())).or_insert(surest);
        *entry = (*entry).max(surest);
        if let Some(stated) = found.needed.first().filter(|p| p.confidence == Confidence::Stated) {
            assert_eq!(found.outcome, Outcome::Denied);
            self.denied += 1;
            match blind.needed.iter().find(|p| p.action == stated.action) {
                Some(same) => {
                    self.agree += 1;
                    if same.resources == stated.resources {
                        self.resource_agree += 1;
                    } else {
                        let text =
                            format!("{} {}: message {:?}, step {:?}", pair.0, pair.1, stated.resources, same.resources);
                        *self.disagree.entry(text).or_default() += 1;
                    }
                }
                None => {
                    let ours: Vec<&str> = blind.needed.iter().map(|p| &*p.action).collect();
                    let text = format!("{} {}: ACTION: message {}, step {ours:?}", pair.0, pair.1, stated.action);
                    *self.disagree.entry(text).or_default() += 1;
                }
            }
        }
    }

    fn print(&self, name: &str) {
        println!("{name}: {} records, {} pairs", self.records, self.pairs.len());
        let mut by_confidence: BTreeMap<&str, usize> = BTreeMap::new();
        for confidence in self.pairs.values() {
            *by_confidence.entry(confidence.map_or("needs none", Confidence::as_str)).or_default() += 1;
        }
        println!("  {by_confidence:?}");
        for ((source, event), _) in self.pairs.iter().filter(|(_, c)| **c == Some(Confidence::Unverified)) {
            println!("  unverified: {source} {event}");
        }
        println!(
            "  denials: {} name an action, {} agree, {} in the resource too",
            self.denied, self.agree, self.resource_agree
        );
        for (text, count) in &self.disagree {
            println!("  {count:4} x {text}");
        }
    }

    fn unverified(&self) -> Vec<String> {
        let unverified = self.pairs.iter().filter(|(_, confidence)| **confidence == Some(Confidence::Unverified));
        unverified.map(|((source, event), _)| format!("{source} {event}")).collect()
    }
}

#[test]
fn real_archives_resolve_and_agree_with_their_denials() {
    let Some(data) = super::data::dir() else { return };
    // 303 of 304 distinct pairs resolve. The OpenSearch Service developer guide ("Notifications") names the one that is
    // left, es:ListNotifications, and says that IAM doesn't know it: the Service Authorization Reference has no such
    // action.
    let archives = [("invictus", 2_900, vec![]), ("sans-s3-lab", 19_623, vec!["es.amazonaws.com ListNotifications"])];
    for (name, records_expected, unverified) in archives {
        let mut paths = Vec::new();
        files(&data.join("real").join(name), &mut paths);
        paths.sort();
        let mut report = Report::default();
        paths.iter().flat_map(|path| records(path)).for_each(|record| report.add(&record));
        report.print(name);
        assert_eq!(report.records, records_expected);
        assert!(report.faults.is_empty(), "{:#?}", report.faults);
        assert_eq!(report.agree, report.denied, "{:#?}", report.disagree);
        assert_eq!(report.unverified(), unverified);
    }
}

/// Denials of the public sources: the action that the message named, against the resolver without the message.
#[test]
fn public_denials_name_the_actions_that_the_step_says() {
    let Some(data) = super::data::dir() else { return };
    let table = fs::read_to_string(data.join("public/_denials.tsv")).expect("the table of denials");
    let (mut calls, mut agree, mut disagree) = (0, 0, Vec::new());
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [source, name, action, _, count, ..] = columns[..] else { panic!("a short line: {line}") };
        let event = Event {
            event_source: source,
            event_name: name,
            event_type: Some("AwsApiCall"),
            aws_region: Some("us-east-1"),
            account_id: Some("111122223333"),
            error_code: Some("AccessDenied"),
            ..Default::default()
        };
        let found = permissions(Catalog::embedded(), &event);
        let count: usize = count.parse().expect("a count");
        calls += count;
        if found.needed.iter().any(|p| *p.action == *action) {
            agree += count;
        } else {
            disagree.push(format!("{source} {name}: message {action}, step {:?}", found.needed));
        }
    }
    println!("{agree} of {calls} public denials agree");
    assert_eq!(calls, 68);
    assert!(disagree.is_empty(), "{disagree:#?}");
}
