//! The resolver's caches: whatever came before, an event takes what it takes by itself.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use trailpare::iam::{Catalog, Resolver, permissions};
use trailpare::synth::{Config, generate};

use super::iam_real::{as_event, files, records};

/// Records that are tried of one kind of call.
const OF_A_KIND: usize = 12;

/// Some records of each kind of call below a folder, in the order of their objects.
fn some_of_each(dir: &Path) -> Vec<Value> {
    let mut paths: Vec<PathBuf> = Vec::new();
    files(dir, &mut paths);
    paths.sort();
    let mut counts: HashMap<(String, String, bool), usize> = HashMap::new();
    let mut some = Vec::new();
    for record in paths.iter().flat_map(|path| records(path)) {
        let kind = (record["eventSource"].to_string(), record["eventName"].to_string(), !record["errorCode"].is_null());
        let count = counts.entry(kind).or_default();
        *count += 1;
        if *count <= OF_A_KIND {
            some.push(record);
        }
    }
    some
}

/// The record, and the record with one thing changed at a time.
fn variations(record: &Value) -> Vec<Value> {
    let mut all = vec![record.clone()];
    let mut add = |change: &dyn Fn(&mut Value)| {
        let mut changed = record.clone();
        change(&mut changed);
        all.push(changed);
    };
    for part in ["requestParameters", "responseElements", "resources", "errorMessage", "errorCode", "awsRegion"] {
        add(&|r| r[part] = Value::Null);
    }
    add(&|r| r["awsRegion"] = json!("cn-north-1"));
    add(&|r| r["recipientAccountId"] = json!("444455556666"));
    add(&|r| r["userIdentity"]["arn"] = json!("arn:aws:iam::111122223333:user/team/someone"));
    add(&|r| r["eventType"] = json!("AwsServiceEvent"));
    add(&|r| r["errorCode"] = json!("AccessDenied"));
    add(&|r| r["errorMessage"] = json!("not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k"));
    for part in ["requestParameters", "responseElements"] {
        for key in record[part].as_object().into_iter().flat_map(|object| object.keys()) {
            add(&|r| drop(r[part].as_object_mut().and_then(|object| object.shift_remove(key))));
            add(&|r| r[part][key] = json!("another"));
            add(&|r| r[part][key] = json!("arn:aws:iam::111122223333:role/other"));
            add(&|r| r[part][key] = json!({"items": [{"tags": "x", key: "nested"}]}));
            add(&|r| texts(&mut r[part][key], "1"));
        }
    }
    add(&|r| r["requestParameters"]["resourceType"] = json!("Parameter"));
    add(&|r| r["requestParameters"] = json!({"resourceType": "VPC", "resourceId": "vpc-1"}));
    for wrapped in [json!({"TagSpecification": {"Tag": "a"}}), json!({"VpcId": "vpc-1"}), json!(null)] {
        add(&|r| {
            let name = r["eventName"].as_str().unwrap_or_default().to_owned();
            r["requestParameters"] = json!({ format!("{name}Request"): wrapped });
        });
    }
    for wrapper in ["databaseInput", "tableInput", "pipeline", "webhook"] {
        for name in ["a", "b"] {
            add(&|r| r["requestParameters"] = json!({wrapper: {"name": name, "id": name}}));
        }
    }
    for url in
        ["https://sqs.eu-west-1.amazonaws.com/111122223333/q", "https://sqs.eu-west-1.amazonaws.com/444455556666/q"]
    {
        add(&|r| r["requestParameters"] = json!({"queueUrl": url, "path": "/a/"}));
    }
    for table in ["t1", "t2"] {
        add(&|r| r["requestParameters"] = json!({"requestItems": {table: {}}, "resourceId": "i-1", "path": "/b/"}));
    }
    for plain in [json!("a"), json!(["a", "b"]), json!("arn%3Aaws%3Akafka%3Ar%3A1%3Acluster%2Fc%2Fd"), json!("x/y:z")] {
        add(&|r| r["requestParameters"] = json!({"name": plain, "id": plain, "clusterArn": plain}));
    }
    for applied in ["SSE_S3", "SSE_KMS"] {
        add(&|r| r["additionalEventData"] = json!({"SSEApplied": applied, "bytesTransferredIn": 1}));
    }
    for profile in ["a", "b"] {
        add(&|r| r["requestParameters"]["computeResources"] = json!({"iamInstanceProfile": {"name": profile}}));
        add(&|r| r["responseElements"]["instancesSet"] = json!({"items": [{"imageId": profile, "groupId": profile}]}));
        let key = format!("arn:aws:kms:us-east-1:111122223333:key/{profile}");
        add(&|r| r["responseElements"]["x-amz-server-side-encryption-aws-kms-key-id"] = json!(key));
    }
    for tags in
        [json!({"a": "b"}), json!([{"key": "a", "value": "b"}]), json!({"key": "a", "values": ["b"]}), json!([])]
    {
        add(&|r| r["requestParameters"]["jobTags"] = tags.clone());
        add(&|r| r["requestParameters"]["member"] = json!({"tags": tags, "size": 1}));
        add(&|r| r["requestParameters"]["member"] = json!({"tags": tags, "size": 2}));
    }
    for key in ["tags", "tagSpecificationSet", "kmsKeyId", "roleArn", "versionId", "clientToken", "maxResults"] {
        add(&|r| r["requestParameters"][key] = json!("arn:aws:kms:us-east-1:111122223333:key/1"));
    }
    all.retain(Value::is_object);
    all
}

/// Puts something behind every text.
fn texts(value: &mut Value, behind: &str) {
    match value {
        Value::String(text) => text.push_str(behind),
        Value::Array(values) => values.iter_mut().for_each(|value| texts(value, behind)),
        Value::Object(object) => object.values_mut().for_each(|value| texts(value, behind)),
        _ => {}
    }
}

fn disagreements(records: &[Value]) -> Vec<String> {
    let catalog = Catalog::embedded();
    // One by itself, and two that tell each other what they find.
    let common = Some(Arc::default());
    let mut resolvers = [None, common.clone(), common].map(|common| Resolver::with_others(catalog, common));
    let mut found = Vec::new();
    for record in records.iter().flat_map(|record| {
        let parameters = &record["requestParameters"];
        if parameters.is_object() || parameters.is_null() { variations(record) } else { vec![record.clone()] }
    }) {
        as_event(&record, |event| {
            let fresh = permissions(catalog, event);
            for remembered in resolvers.iter_mut().map(|resolver| resolver.permissions(event)) {
                if *remembered != fresh && found.len() < 10 {
                    found.push(format!("{record}: {remembered:#?}, by itself {fresh:#?}"));
                }
            }
            // The other one is asked first the next time.
            resolvers.swap(1, 2);
        });
    }
    found
}

#[test]
fn remembered_and_fresh_agree_on_real_records() {
    let Some(data) = super::data::dir() else { return };
    let found = disagreements(&some_of_each(&data.join("real")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn remembered_and_fresh_agree_on_generated_records() {
    let made = tempfile::tempdir().expect("a folder");
    let config = Config { objects: Some(12), seed: 7, ..Config::default() };
    generate(&config, made.path(), |_, _| {}).expect("an archive");
    let found = disagreements(&some_of_each(made.path()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn whether_the_request_names_what_was_made_is_looked_at() {
    let record = |description: &str| {
        json!({
            "eventSource": "kms.amazonaws.com", "eventName": "CreateKey", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": {"description": description, "tags": [{"key": "a"}]},
            "resources": [{"ARN": "arn:aws:kms:eu-west-1:111122223333:key/c1"}],
        })
    };
    let records = ["c1", "other"].map(record);
    let tagged = |record: &Value| as_event(record, |event| permissions(Catalog::embedded(), event).needed[1].clone());
    assert_ne!(tagged(&records[0]).resources, tagged(&records[1]).resources);
    assert_eq!(disagreements(&records), Vec::<String>::new());
}

#[test]
fn what_no_rule_looks_at_makes_no_new_outcome() {
    let mut resolver = Resolver::new(Catalog::embedded());
    let mut number = |name: &str, parameters: Value| {
        let record = json!({
            "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "requestParameters": parameters,
        });
        as_event(&record, |event| resolver.remembered(event).number)
    };
    let first = number("DescribeInstances", json!({"maxResults": 5, "filterSet": {"items": [{"name": "a"}]}}));
    assert_eq!(number("DescribeInstances", json!({"nextToken": "abc"})), first);
    let stop = |id: &str, token: &str| json!({"instancesSet": {"items": [{"instanceId": id}]}, "clientToken": token});
    let first = number("StopInstances", stop("i-1", "a"));
    assert_eq!(number("StopInstances", stop("i-1", "b")), first);
    assert_ne!(number("StopInstances", stop("i-2", "a")), first);
}

#[test]
fn the_caller_is_looked_at_only_where_it_stands_for_the_user() {
    let mut resolver = Resolver::new(Catalog::embedded());
    let mut number = |name: &str, caller: &str| {
        let record = json!({
            "eventSource": "iam.amazonaws.com", "eventName": name, "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "requestParameters": {}, "userIdentity": {"arn": caller},
        });
        as_event(&record, |event| resolver.remembered(event).number)
    };
    let (a, b) = ("arn:aws:iam::111122223333:user/a", "arn:aws:iam::111122223333:user/b");
    assert_ne!(number("GetUser", a), number("GetUser", b));
    assert_eq!(number("GetUser", a), number("GetUser", a));
    assert_eq!(number("ListUsers", a), number("ListUsers", b));
}
