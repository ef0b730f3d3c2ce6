//! What the resolver may never do, whatever stands in a record: tried with every action of the catalogue.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::iam::Action;
use crate::iam::Catalog;
use crate::iam::Confidence;
use crate::iam::Event;
use crate::iam::Permissions;
use crate::iam::Resolver;
use crate::iam::ResourceRef;
use crate::iam::arn::NO_NAME;
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

/// An event that calls an action by its own name, and names every variable of its resource types so.
fn taken_on(catalog: &Catalog, action: &Action, name: &str, error_code: Option<&str>) -> Vec<String> {
    let (prefix, operation) = action.name.split_once(':').expect("a full name");
    let forms = catalog.resource_arns(action).into_iter().map(|kind| kind.arn.as_str());
    let names = forms.flat_map(variables).map(|variable| (variable.to_owned(), Value::from(name)));
    let given = Value::Object(names.collect::<Map<_, _>>()).to_string();
    let source = format!("{prefix}.amazonaws.com");
    let event = Event {
        event_source: &source,
        event_name: operation,
        event_type: Some("AwsApiCall"),
        aws_region: Some("us-east-1"),
        account_id: Some("111122223333"),
        request_parameters: Some(&given),
        error_code,
        ..Default::default()
    };
    let found = permissions(catalog, &event);
    // Caches must tell the same, whatever came before.
    if action.name.len().is_multiple_of(8) {
        let mut resolver = Resolver::new(catalog);
        let nothing = Event { request_parameters: Some("{}"), ..event };
        let done = Event { error_code: None, ..event };
        for other in [&nothing, &done, &event, &event] {
            assert_eq!(*resolver.permissions(other), permissions(catalog, other), "{operation} {given}");
        }
    }
    found.needed.into_iter().filter(|needed| *needed.action == *action.name).flat_map(|p| p.resources).collect()
}

/// A call that failed and told an empty name, or one that is none, is on nothing; told and left out are two.
#[test]
fn what_is_told_and_is_no_name_opens_nothing() {
    let catalog = Catalog::embedded();
    let (mut open, mut tried) = (Vec::new(), 0);
    for prefix in catalog.prefixes() {
        for action in catalog.service(prefix).expect("listed").actions() {
            let named = taken_on(catalog, action, "zqq", Some("NoSuchEntity"));
            if named.is_empty() || !named.iter().all(|arn| arn.contains("zqq") && !arn.contains('*')) {
                continue;
            }
            tried += 1;
            let empty = taken_on(catalog, action, "", Some("NoSuchEntity"));
            // One `id` stands for one thing: which of an experiment and its template is not told.
            let is_one_of_two = prefix == "fis" && named.len() == 2;
            if !empty.iter().all(|arn| arn.contains(NO_NAME) || is_one_of_two) {
                open.push(format!("{}: {named:?} empty: {empty:?}", action.name));
            }
        }
    }
    assert!(tried > 3_000, "{tried}");
    let first: Vec<&String> = open.iter().take(60).collect();
    assert!(open.is_empty(), "{} of {tried}: {first:#?}", open.len());
}

/// An ARN that a tagging call is given says what it is of, and of nothing else, whatever the ARNs of others end with.
#[test]
fn an_arn_is_of_one_type_alone() {
    let catalog = Catalog::embedded();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for prefix in catalog.prefixes() {
        let service = catalog.service(prefix).expect("listed");
        let named = ["TagResource", "UntagResource", "ListTagsForResource"].map(|name| service.action(name));
        for action in named.into_iter().flatten() {
            for kind in catalog.resource_arns(action) {
                let arn = variables(&kind.arn).enumerate().fold(kind.arn.clone(), |arn, (at, variable)| {
                    let value = match variable {
                        "Partition" => "aws".to_owned(),
                        "Region" => "us-east-1".to_owned(),
                        "Account" | "AccountId" => "111122223333".to_owned(),
                        // One without the six letters would be any with them.
                        "SecretId" => "zq-AbCdEf".to_owned(),
                        "StreamType" => "stream".to_owned(),
                        _ => format!("zq{at}"),
                    };
                    arn.replacen(&format!("${{{variable}}}"), &value, 1)
                });
                let parameters = Value::from_iter([("resourceArn", arn.as_str())]).to_string();
                let (source, name) = (format!("{prefix}.amazonaws.com"), action.name.split_once(':').expect("full").1);
                let event = Event { aws_region: Some("us-east-1"), ..event_of(&source, name, &parameters) };
                let needed = permissions(catalog, &event).needed;
                let own = needed.iter().find(|needed| *needed.action == *action.name);
                let own = own.filter(|_| arn.starts_with("arn:aws:") && !arn.contains('*'));
                tried += usize::from(own.is_some());
                let others = own.map(|own| own.resources.iter().filter(|found| **found != arn).collect::<Vec<_>>());
                wrong.extend(
                    others.filter(|others| !others.is_empty()).map(|o| format!("{} {arn}: {o:?}", action.name)),
                );
            }
        }
    }
    assert!(tried > 1_500, "{tried}");
    let first: Vec<&String> = wrong.iter().take(40).collect();
    assert!(wrong.is_empty(), "{} of {tried}: {first:#?}", wrong.len());
}

fn event_of<'a>(source: &'a str, name: &'a str, parameters: &'a str) -> Event<'a> {
    Event {
        event_source: source,
        event_name: name,
        event_type: Some("AwsApiCall"),
        aws_region: Some("eu-west-1"),
        account_id: Some("111122223333"),
        request_parameters: Some(parameters),
        ..Default::default()
    }
}

fn resources_of(source: &str, name: &str, parameters: &str, error_code: Option<&str>) -> Vec<String> {
    let event = Event { error_code, ..event_of(source, name, parameters) };
    permissions(Catalog::embedded(), &event).needed.into_iter().flat_map(|needed| needed.resources).collect()
}

#[test]
fn empty_names_by_what_became_of_the_call() {
    let failed = Some("NoSuchEntity");
    for (source, name, parameters, error, expected) in [
        ("iam", "DeleteRole", r#"{"roleName":""}"#, Some("ValidationError"), "iam::111122223333:role/${}"),
        ("iam", "DeleteRole", r#"{"roleName":"a/b"}"#, failed, "iam::111122223333:role/a/b"),
        ("iam", "DeleteRole", r#"{"roleName":null}"#, failed, "iam::111122223333:role/*"),
        ("iam", "GetUser", r#"{"userName":""}"#, failed, "iam::111122223333:user/${}"),
        ("sqs", "DeleteQueue", r#"{"queueUrl":""}"#, failed, "sqs:eu-west-1:111122223333:${}"),
        ("sns", "DeleteTopic", r#"{"topicArn":""}"#, failed, "sns:eu-west-1:111122223333:${}"),
        ("dynamodb", "DeleteTable", r#"{"tableName":"a:b"}"#, failed, "dynamodb:eu-west-1:111122223333:table/${}"),
        (
            "ec2",
            "StopInstances",
            r#"{"instancesSet":{"items":[{"instanceId":""}]}}"#,
            failed,
            "ec2:eu-west-1:111122223333:instance/${}",
        ),
        ("glue", "GetTable", r#"{"databaseName":"","name":"t"}"#, failed, "glue:eu-west-1:111122223333:table/${}/t"),
        // An alias is a name, though not the key's.
        ("kms", "Encrypt", r#"{"keyId":"alias/a"}"#, failed, "kms:eu-west-1:111122223333:key/*"),
        // AWS took these for left out: Query APIs do.
        ("iam", "GetUser", r#"{"userName":""}"#, None, "iam::111122223333:user/*"),
        ("s3", "ListObjects", r#"{"bucketName":"b","prefix":"","marker":"","delimiter":""}"#, None, "s3:::b"),
        (
            "s3",
            "ListObjects",
            r#"{"bucketName":"b","prefix":"","marker":"","delimiter":""}"#,
            Some("NoSuchBucket"),
            "s3:::b",
        ),
        ("s3", "ListObjects", r#"{"bucketName":"","prefix":""}"#, Some("NoSuchBucket"), "s3:::${}"),
    ] {
        let found = resources_of(&format!("{source}.amazonaws.com"), name, parameters, error);
        assert!(found.contains(&format!("arn:aws:{expected}")), "{name} {parameters} {error:?}: {found:?}");
    }
}

/// What is no region and no account opens none; what is not told is open, and said to be.
#[test]
fn regions_and_accounts_that_are_none() {
    let of = |region, account| {
        let event = Event {
            event_source: "dynamodb.amazonaws.com",
            event_name: "DeleteTable",
            event_type: Some("AwsApiCall"),
            aws_region: region,
            account_id: account,
            request_parameters: Some(r#"{"tableName":"t"}"#),
            ..Default::default()
        };
        let direct = permissions(Catalog::embedded(), &event);
        assert_eq!(*Resolver::new(Catalog::embedded()).permissions(&event), direct);
        direct.needed.first().map(|needed| needed.resources.join(" ")).unwrap_or_default()
    };
    let account = Some("111122223333");
    for region in ["*", "us-east-1/x", "us-east-1:x", "us-*", "${aws:RequestedRegion}", "?", " "] {
        assert_eq!(of(Some(region), account), "arn:aws:dynamodb:${}:111122223333:table/t", "{region}");
        assert_eq!(of(Some("us-east-1"), Some(region)), "arn:aws:dynamodb:us-east-1:${}:table/t", "{region}");
    }
    assert_eq!(of(Some("us-east-1"), Some("12")), "arn:aws:dynamodb:us-east-1:12:table/t");
    assert_eq!(of(None, Some("")), "arn:aws:dynamodb:*:*:table/t");
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
