//! Archives that are hard on memory: more of what tells uses apart than any real one has.

// Each who makes one needs but some of them.
#![allow(dead_code)]

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

/// Events of one log object.
const OBJECT_EVENTS: u64 = 2_000;

/// What there is very much of on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many roles, each with one session, one call and one address.
    Principals(u64),
    /// So many calls: each of a role on an object of its own, as many objects a role as are kept apart.
    Objects(u64),
    /// So many calls, each of the same role in a session of its own.
    Sessions(u64),
    /// So many calls of as many roles, each on 400 instances.
    Instances(u64),
    /// So many calls of one role on objects of one bucket.
    Bucket(u64),
}

impl Shape {
    fn events(self) -> u64 {
        let (Shape::Principals(n) | Shape::Objects(n) | Shape::Sessions(n) | Shape::Instances(n) | Shape::Bucket(n)) =
            self;
        n
    }

    fn event(self, number: u64) -> Value {
        let count = self.events();
        // Not in the order in which they are stored.
        let mixed = number * 7_919 % count;
        let (role, session) = match self {
            Shape::Principals(_) => (format!("role-{mixed:07}"), format!("session-{mixed:07}")),
            Shape::Objects(_) => (format!("role-{:05}", mixed / 400), "session".to_owned()),
            Shape::Sessions(_) => ("role".to_owned(), format!("session-{mixed:07}")),
            Shape::Instances(_) => (format!("role-{mixed:05}"), "session".to_owned()),
            Shape::Bucket(_) => ("role".to_owned(), "session".to_owned()),
        };
        let key = match self {
            Shape::Objects(_) => format!("k/{:05}", mixed % 400),
            Shape::Bucket(_) => format!("k/{mixed:07}"),
            _ => "key".to_owned(),
        };
        let second = number * 86_400 / count;
        let mut event = json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "AssumedRole",
                "principalId": format!("AROA{number:09}:{session}"),
                "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"),
                "accountId": ACCOUNT,
                "accessKeyId": format!("ASIA{number:016}"),
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role",
                        "principalId": format!("AROA{number:09}"),
                        "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
                        "accountId": ACCOUNT,
                        "userName": role,
                    },
                    "attributes": {"creationDate": "2024-03-01T00:00:00Z", "mfaAuthenticated": "false"},
                },
            },
            "eventTime": format!("2024-03-01T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60),
            "eventSource": "s3.amazonaws.com",
            "eventName": "GetObject",
            "awsRegion": "eu-west-1",
            "sourceIPAddress": format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255),
            "userAgent": "aws-cli/2.15",
            "requestParameters": {"bucketName": "data-bucket", "key": key},
            "responseElements": null,
            "requestID": format!("R{number:015}"),
            "eventID": format!("{:08x}-0000-4000-8000-{number:012x}", number as u32),
            "readOnly": true,
            "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::data-bucket/{key}")}],
            "eventType": "AwsApiCall",
            "managementEvent": false,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Data",
        });
        if let Shape::Instances(_) = self {
            let item = |n: u64| json!({"instanceId": format!("i-{:017x}", mixed * 400 + n)});
            event["eventSource"] = json!("ec2.amazonaws.com");
            event["eventName"] = json!("TerminateInstances");
            event["requestParameters"] = json!({"instancesSet": {"items": (0..400).map(item).collect::<Vec<_>>()}});
            event["resources"] = Value::Null;
            event["eventCategory"] = json!("Management");
        }
        event
    }
}

/// Writes an archive in the real key layout.
pub fn write(shape: Shape, archive: &Path) {
    let folder = archive.join(format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2024/03/01"));
    fs::create_dir_all(&folder).expect("a folder");
    let per_object = if matches!(shape, Shape::Instances(_)) { OBJECT_EVENTS / 40 } else { OBJECT_EVENTS };
    for begin in (0..shape.events()).step_by(per_object as usize) {
        let events: Vec<Value> = (begin..shape.events().min(begin + per_object)).map(|n| shape.event(n)).collect();
        let object = begin / per_object;
        let time = format!("20240301T{:02}{:02}Z", object / 60 % 24, object % 60);
        let name = format!("{ACCOUNT}_CloudTrail_eu-west-1_{time}_{object:016}.json.gz");
        let file = fs::File::create(folder.join(name)).expect("an object");
        let mut gz = GzEncoder::new(file, Compression::fast());
        gz.write_all(json!({"Records": events}).to_string().as_bytes()).expect("room");
        gz.finish().expect("room");
    }
}
