//! The official operation → action tables against ours, operation by operation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use trailpare::iam::{Catalog, Confidence, Event, permissions};

/// One service's table: operation → (actions it always takes, actions it may take).
#[derive(Default)]
struct Table {
    operations: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
}

fn read(text: &str, prefix: &str) -> Table {
    let mut table = Table::default();
    for line in text.lines() {
        if let Some(same) = line.strip_prefix("#same ") {
            for operation in same.split(',') {
                let entry = table.operations.entry(operation.to_owned()).or_default();
                entry.0.insert(format!("{prefix}:{operation}").to_lowercase());
            }
        }
        let columns: Vec<&str> = line.split('\t').collect();
        if let ([operation, action, _, kind], false) = (columns.as_slice(), line.starts_with('#')) {
            let entry = table.operations.entry((*operation).to_owned()).or_default();
            let actions = if *kind == "extra" { &mut entry.1 } else { &mut entry.0 };
            actions.insert(action.to_lowercase());
        }
    }
    table
}

/// Differences that are right, with the reason: prefix, operation, why.
const KNOWN: &[(&str, &str, &str)] = &[
    ("iam", "AcquireRole", "not in any API model yet: what it needs depends on the template that it names"),
    ("dynamodb", "TransactWriteItems", "only the actions of the items that are in the request are needed"),
];

/// A call that says nothing but what is called.
fn call<'a>(event_source: &'a str, event_name: &'a str) -> Event<'a> {
    Event {
        event_source,
        event_name,
        event_type: Some("AwsApiCall"),
        aws_region: Some("us-east-1"),
        account_id: Some("111122223333"),
        ..Default::default()
    }
}

#[test]
fn official_tables_agree() {
    let Some(data) = super::data::dir() else { return };
    let catalog = Catalog::embedded();
    let (mut lines, mut all) = (Vec::new(), (0, 0));
    let mut unexplained = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(data.join("iam/operations")).expect("tables").flatten().map(|f| f.path()).collect();
    files.sort();
    for path in files {
        let prefix = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let source = format!("{prefix}.amazonaws.com");
        let table = read(&fs::read_to_string(&path).expect("table"), &prefix);
        let (mut agree, mut differ) = (0, Vec::new());
        for (operation, (always, sometimes)) in &table.operations {
            let found = permissions(catalog, &call(&source, operation));
            let ours: BTreeSet<String> = found
                .needed
                .iter()
                .filter(|p| p.confidence != Confidence::Unverified)
                .map(|p| p.action.to_lowercase())
                .collect();
            let is_explained = KNOWN.iter().any(|(p, o, _)| *p == prefix && o == operation);
            let fits = always.is_subset(&ours) && ours.iter().all(|a| always.contains(a) || sometimes.contains(a))
                || always.is_empty() && ours.is_subset(sometimes);
            if fits {
                agree += 1;
            } else {
                differ.push(format!("    {operation}: official {always:?} (+ {sometimes:?}), ours {ours:?}"));
                if !is_explained {
                    unexplained.push(format!("{prefix}:{operation}"));
                }
            }
        }
        all = (all.0 + agree, all.1 + differ.len());
        lines.push(format!("{prefix:16} {agree:5} agree {:4} differ", differ.len()));
        lines.extend(differ);
    }
    println!("{}\n{} agree, {} differ", lines.join("\n"), all.0, all.1);
    let share = all.0 as f64 / (all.0 + all.1) as f64;
    assert!(share > 0.99, "{share:.4}: {unexplained:?}");
}

/// Whom the tables say that roles are handed to: `iam:PassedToService` where the table states it.
#[test]
fn roles_are_handed_to_whom_the_tables_say() {
    let Some(data) = super::data::dir() else { return };
    let (mut told, mut differ) = (0, Vec::new());
    for path in fs::read_dir(data.join("iam/operations")).expect("tables").flatten().map(|f| f.path()) {
        let prefix = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let source = format!("{prefix}.amazonaws.com");
        for line in fs::read_to_string(&path).expect("table").lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let [operation, "iam:PassRole", condition, _] = columns[..] else { continue };
            let Some(services) = condition.strip_prefix("iam:PassedToService=") else { continue };
            let request_parameters = Some(r#"{"roleArn":"arn:aws:iam::111122223333:role/r"}"#);
            let event = Event { request_parameters, ..call(&source, operation) };
            let found = permissions(Catalog::embedded(), &event).needed;
            let ours: Vec<&str> = found.iter().filter_map(|p| p.passed_to_service.as_deref()).collect();
            if ours.is_empty() {
                continue;
            }
            told += 1;
            // The database preview environment is a place of its own. A call may hand over several roles, each for one.
            let services: Vec<&str> = services.split(',').filter(|name| *name != "rds-preview.amazonaws.com").collect();
            let is_within = |some: &[&str], all: &[&str]| some.iter().all(|service| all.contains(service));
            if !is_within(&services, &ours) && !is_within(&ours, &services) {
                differ.push(format!("{prefix} {operation}: table {services:?}, ours {ours:?}"));
            }
        }
    }
    assert!(told > 90, "{told}");
    assert!(differ.is_empty(), "{differ:#?}");
}

/// Operations whose requests carry no tags, and actions that aren't needed, and why the table has them.
const TAGGED_BY_NO_REQUEST: &[(&str, &str, &str)] = &[
    ("cloudformation", "ExecuteChangeSet", "the change set has the tags"),
    ("cloudfront", "CreateDistributionWithTags", "always, by its name"),
    ("cloudwatch", "TagResource", "what is tagged is a sink of another service"),
    ("dynamodb", "UpdateTable", "a replica takes the table's tags"),
    ("logs", "TagLogGroup", "the older action of two"),
    ("ecr", "BatchGetImage", "a repository made for what is pulled through takes a template's tags"),
];

/// The tables list the tagging action beside calls that may carry tags: with tags it is needed, without it isn't.
#[test]
fn tags_on_a_call_need_the_tagging_action_that_the_tables_say() {
    let Some(data) = super::data::dir() else { return };
    let (mut told, mut differ) = (0, Vec::new());
    let is_known = |prefix: &str, name: &str| TAGGED_BY_NO_REQUEST.iter().any(|(p, n, _)| *p == prefix && *n == name);
    for path in fs::read_dir(data.join("iam/operations")).expect("tables").flatten().map(|f| f.path()) {
        let prefix = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let source = format!("{prefix}.amazonaws.com");
        for line in fs::read_to_string(&path).expect("table").lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            let [operation, action, _, "extra"] = columns[..] else { continue };
            let name = action.split(':').next_back().unwrap_or_default();
            let is_verb = action == "apigateway:PUT" && operation != "CreateDomainNameAccessAssociation";
            let tags = ["AddTags", "CreateTags", "CreateOrUpdateTags"].iter().any(|tags| name.starts_with(tags));
            if !tags && !name.starts_with("Tag") && !is_verb {
                continue;
            }
            let parameters = match prefix.as_str() {
                "ec2" => {
                    r#"{"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"a","value":"b"}]}]}}"#
                }
                _ => r#"{"tags":[{"key":"a","value":"b"}]}"#,
            };
            let needs = |request_parameters| {
                let event = Event { request_parameters, ..call(&source, operation) };
                permissions(Catalog::embedded(), &event).needed.iter().any(|p| p.action.eq_ignore_ascii_case(action))
            };
            told += 1;
            if (!needs(Some(parameters)) || needs(None)) && !is_known(&prefix, operation) && !is_known(&prefix, name) {
                differ.push(format!("{prefix} {operation} {action}"));
            }
        }
    }
    assert!(told > 250, "{told}");
    assert!(differ.is_empty(), "{} of {told}: {differ:#?}", differ.len());
}
