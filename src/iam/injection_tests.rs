//! What the resolver may never do, whatever stands in a record: tried with every action of the catalogue.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::iam::Action;
use crate::iam::Catalog;
use crate::iam::Confidence;
use crate::iam::Event;
use crate::iam::Permissions;
use crate::iam::ResourceRef;
use crate::iam::permissions;

/// Stands around a hostile name, so that it is found again.
const MARKS: (&str, &str) = ("zqq", "qqz");

/// The variables of an ARN form.
fn variables(form: &str) -> impl Iterator<Item = &str> {
    form.split("${").skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

/// What breaks the promise that a policy made of this is valid and grants no more than was used.
fn faults(catalog: &Catalog, found: &Permissions) -> Vec<String> {
    let mut faults = Vec::new();
    for permission in found.needed.iter().chain(&found.suggestions) {
        let name = &permission.action;
        if permission.resources.is_empty() {
            faults.push(format!("{name} without resources"));
        }
        for resource in &permission.resources {
            if widened(resource) {
                faults.push(format!("{name} is widened: {resource}"));
            }
            if resource.chars().any(char::is_control) {
                faults.push(format!("{name} with a control character: {resource:?}"));
            }
        }
        match catalog.action(name) {
            Some(action) if action.name != *name => faults.push(format!("{name} is spelled {}", action.name)),
            Some(action) => {
                let strange = permission.resources.iter().filter(|r| !catalog.does_take(action, r));
                faults.extend(strange.map(|resource| format!("{name} does not take {resource}")));
            }
            None if permission.confidence == Confidence::Unverified => {}
            None => faults.push(format!("{name} is no action")),
        }
    }
    faults
}

/// Whether a name out of the record acts as a wildcard or variable in a resource.
fn widened(resource: &str) -> bool {
    let mut rest = resource;
    while let Some((_, behind)) = rest.split_once(MARKS.0) {
        let Some((name, after)) = behind.split_once(MARKS.1) else { return false };
        let plain = name.replace("${*}", "_").replace("${?}", "_").replace("${$}", "_");
        if plain.contains(['*', '?']) || plain.contains("${") {
            return true;
        }
        rest = after;
    }
    false
}

/// An event that calls an action by its own name and gives every variable of its resource types this name, as a
/// parameter, in an ARN, and in the record's own list.
fn faults_of(catalog: &Catalog, action: &Action, name: &str) -> Vec<String> {
    let (prefix, operation) = action.name.split_once(':').expect("a full name");
    let forms: Vec<&str> = catalog.resource_arns(action).into_iter().map(|kind| kind.arn.as_str()).collect();
    let plain = |form: &str, value: &str| {
        variables(form).fold(form.to_owned(), |arn, variable| {
            let value = match variable {
                "Partition" => "aws",
                "Region" => "us-east-1",
                "Account" => "111122223333",
                _ => value,
            };
            arn.replace(&format!("${{{variable}}}"), value)
        })
    };
    let mut given = Map::new();
    for variable in forms.iter().flat_map(|form| variables(form)) {
        given.insert(variable.to_owned(), Value::from(name));
    }
    let mut arns = Map::new();
    for (i, form) in forms.iter().enumerate() {
        arns.insert(format!("roleArn{i}"), Value::from(plain(form, name)));
    }
    arns.insert("roleArn".to_owned(), Value::from(format!("arn:aws:iam::111122223333:role/{name}")));
    arns.insert("tags".to_owned(), Value::from(vec![name]));
    let listed: Vec<String> = forms.iter().map(|form| plain(form, name)).collect();
    let resources: Vec<ResourceRef<'_>> =
        listed.iter().map(|a| ResourceRef { arn: Some(a), ..Default::default() }).collect();
    let source = format!("{prefix}.amazonaws.com");
    let event = Event {
        event_source: &source,
        event_name: operation,
        event_type: Some("AwsApiCall"),
        aws_region: Some("us-east-1"),
        account_id: Some("111122223333"),
        ..Default::default()
    };
    let (given, arns) = (Value::Object(given).to_string(), Value::Object(arns).to_string());
    let message = format!(
        "User: x is not authorized to perform: {} on resource: {}",
        action.name,
        listed.first().map_or("", |a| a)
    );
    let events = [
        Event { request_parameters: Some(&given), ..event },
        Event { request_parameters: Some(&arns), response_elements: Some(&arns), ..event },
        Event { request_parameters: Some(&given), resources: &resources, ..event },
        Event { error_code: Some("AccessDenied"), error_message: Some(&message), ..event },
    ];
    events.iter().flat_map(|event| faults(catalog, &permissions(catalog, event))).collect()
}

#[test]
fn no_name_widens_any_action() {
    let catalog = Catalog::embedded();
    let mut found = BTreeSet::new();
    for hostile in ["*", "a?b${aws:username}", "$${*}${", "arn:aws:s3:::*/b"] {
        let name = format!("{}{hostile}{}", MARKS.0, MARKS.1);
        for prefix in catalog.prefixes() {
            for action in catalog.service(prefix).expect("listed").actions() {
                found.extend(faults_of(catalog, action, &name));
            }
        }
    }
    let first: Vec<&String> = found.iter().take(30).collect();
    assert!(found.is_empty(), "{} faults: {first:#?}", found.len());
}

proptest! {
    #[test]
    fn no_generated_name_widens(name in "[*?${}a-c:/ .\\-]{0,12}", at in any::<prop::sample::Index>()) {
        let catalog = Catalog::embedded();
        let prefixes = catalog.prefixes();
        let actions = catalog.service(prefixes[at.index(prefixes.len())]).expect("listed").actions();
        let action = actions[at.index(actions.len())];
        let faults = faults_of(catalog, action, &format!("{}{name}{}", MARKS.0, MARKS.1));
        prop_assert!(faults.is_empty(), "{:#?}", faults);
    }

    #[test]
    fn any_text_is_survived(
        source in "\\PC{0,20}(\\.amazonaws\\.com)?", name in "\\PC{0,24}", region in "[a-z*\\-:]{0,12}",
        account in "[0-9*:]{0,13}", parameters in "\\PC{0,60}", message in "\\PC{0,60}",
    ) {
        let event = Event {
            event_source: &source,
            event_name: &name,
            aws_region: Some(&region),
            account_id: Some(&account),
            error_code: Some("AccessDenied"),
            error_message: Some(&message),
            request_parameters: Some(&parameters),
            response_elements: Some(&parameters),
            ..Default::default()
        };
        let catalog = Catalog::embedded();
        let faults = faults(catalog, &permissions(catalog, &event));
        prop_assert!(faults.is_empty(), "{:#?}", faults);
    }

    #[test]
    fn a_hostile_region_or_account_never_widens(hostile in "[*?${}a:/]{1,6}", at in any::<prop::sample::Index>()) {
        let catalog = Catalog::embedded();
        let prefixes = catalog.prefixes();
        let prefix = prefixes[at.index(prefixes.len())];
        let actions = catalog.service(prefix).expect("listed").actions();
        let action = actions[at.index(actions.len())];
        let source = format!("{prefix}.amazonaws.com");
        let value = format!("{}{hostile}{}", MARKS.0, MARKS.1);
        let event = Event {
            event_source: &source,
            event_name: action.name.split_once(':').map_or("", |(_, name)| name),
            event_type: Some("AwsApiCall"),
            aws_region: Some(&value),
            account_id: Some(&value),
            request_parameters: Some(r#"{"modelId":"m","sourceKeyId":"k","tableName":"t"}"#),
            ..Default::default()
        };
        let faults = faults(catalog, &permissions(catalog, &event));
        prop_assert!(faults.is_empty(), "{:#?}", faults);
    }
}
