//! The public files and the small cases at hand, accounted for: events found of events there, and by which name what holds
//! none, or isn't taken, goes. And logs of other services, told by what is in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trailpare::archive::{ObjectKind, find};

use super::take;

/// Events taken by folder, and why files give none, or not all.
fn account(root: &Path) -> (BTreeMap<String, usize>, BTreeMap<String, Vec<String>>) {
    let (mut events, mut said) = (BTreeMap::new(), BTreeMap::<String, Vec<String>>::new());
    for found in find(&[root.to_owned()]).map(Result::unwrap).filter(|found| found.kind != ObjectKind::Digest) {
        let folder = found.relative.split('/').next().unwrap_or_default().to_owned();
        let taken = take(&fs::read(&found.path).unwrap());
        *events.entry(folder.clone()).or_default() += taken.events.len();
        let reasons = taken.error.map(|(reason, _)| reason).into_iter();
        let reasons = reasons.chain(taken.refused.into_iter().map(|element| element.reason));
        said.entry(folder).or_default().extend(reasons.chain(taken.gaps.into_iter().map(|gap| gap.reason)));
    }
    (events, said)
}

#[test]
fn every_public_event_is_taken() {
    let Some(data) = crate::data::dir() else { return };
    let (events, said) = account(&data.join("public"));
    // Counted independently: `_stats.json`; OCSF's thirty files are fifteen events, each beside its original; two of these copies
    // are no JSON, for a comma too many.
    let expected = [
        ("aws-docs-cloudtrail-guide", 40),
        ("aws-docs-iam-guide", 10),
        ("cloud-custodian", 25),
        ("cloudgrep", 2),
        ("console-csv-danomisik", 35),
        ("cribl-pack", 44),
        ("elastic-firehose", 1),
        ("fivexl-to-slack", 9),
        ("grycap-cloudtrail-tracker", 142),
        ("ocsf-examples", 28),
        ("plaso", 6),
        ("stratus-red-team", 310),
        ("trailscraper", 7),
    ];
    for (folder, count) in expected {
        assert_eq!(events.get(folder), Some(&count), "{folder}: {:?}", said.get(folder));
    }
    assert_eq!(events.values().sum::<usize>(), expected.iter().map(|(_, count)| count).sum::<usize>(), "{events:?}");
}

/// OCSF's samples lead to the same call as the originals beside them.
#[test]
fn public_ocsf_samples_tell_the_same_call_as_their_originals() {
    let Some(data) = crate::data::dir() else { return };
    let mut pairs = 0;
    for found in find(&[data.join("public/ocsf-examples")]).map(Result::unwrap) {
        let path = &found.path;
        let is_sample = path.extension().is_some_and(|end| end == "ocsf") || found.relative.contains("OCSF_");
        if !is_sample {
            continue;
        }
        let folder = path.parent().unwrap();
        let raw = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let raw: Vec<_> = raw.filter(|path| path.extension().is_some_and(|end| end == "raw")).collect();
        let (mapped, original) = (take(&fs::read(path).unwrap()), take(&fs::read(&raw[0]).unwrap()));
        let ([mapped], [original]) = (&mapped.events[..], &original.events[..]) else {
            assert!(found.relative.contains("v1.5.0"), "{}: {:?}", found.relative, mapped.error);
            continue;
        };
        // A sample of 1.5.0 is of another call than its original; ids were replaced here and there, and times and accounts of 1.0.0-rc.2.
        if mapped["eventName"] != original["eventName"] {
            assert!(found.relative.contains("v1.5.0"), "{}", found.relative);
            continue;
        }
        let mut fields =
            vec!["eventSource", "eventName", "awsRegion", "errorCode", "userAgent", "sourceIPAddress", "eventType"];
        if !found.relative.contains("rc.2") {
            fields.extend(["recipientAccountId", "requestParameters", "responseElements"]);
        }
        for field in fields {
            let of = |event: &Value| without_ids(event.get(field).unwrap_or(&Value::Null));
            assert_eq!(of(mapped), of(original), "{field} of {}", found.relative);
        }
        // The year of one was changed.
        let time = |event: &Value| event["eventTime"].as_str().and_then(|time| time.get(4..)).map(str::to_owned);
        assert!(found.relative.contains("rc.2") || time(mapped) == time(original), "{}", found.relative);
        assert_eq!(mapped["userIdentity"]["type"], original["userIdentity"]["type"], "{}", found.relative);
        pairs += 1;
    }
    assert!(pairs >= 11, "{pairs}");
}

/// Ids of principals by their first letters alone: they were replaced in one of two, or not.
fn without_ids(value: &Value) -> Value {
    let is_id = |text: &str| ["AIDA", "AROA", "ASIA", "AKIA"].iter().any(|letters| text.starts_with(letters));
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::String(text) if is_id(text) => json!(text.get(..4)),
        Value::String(text) if text.len() >= 12 && text.bytes().all(|b| b.is_ascii_digit()) => json!("an account"),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), without_ids(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_ids).collect()),
        other => other.clone(),
    }
}

#[test]
fn every_small_case_is_taken_or_named() {
    let Some(data) = crate::data::dir() else { return };
    let (_, said) = account(&data.join("cases"));
    let known = [
        "Parquet",
        "bzip2",
        "xz",
        "zip",
        "tar",
        "not JSON",
        "README",
        "truncated",
        "foreign: JSON",
        "control character",
        "not UTF-8",
        "no CloudTrail",
    ];
    for reason in said.values().flatten() {
        assert!(known.iter().any(|known| reason.contains(known)) || reason.contains("foreign"), "{reason}");
    }
    let lake = data.join("cases/skipped/22-security-lake-parquet");
    let (events, said) = account(&lake);
    assert_eq!(events.values().sum::<usize>(), 3, "{said:?}");
}

/// A line or an object of each log that lies beside CloudTrail's.
fn others() -> Vec<(&'static str, Vec<u8>)> {
    let owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("load balancer logs", text("http 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 \"GET http://www.example.com:80/{\"a\":1} HTTP/1.1\"\n")),
        ("load balancer logs", text("2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 \"GET http://www.example.com:80/ HTTP/1.1\"\n")),
        ("load balancer logs", text("tls 2.0 2018-12-20T02:59:40 net/my-network-loadbalancer/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2\n")),
        ("VPC flow logs", text("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n")),
        ("VPC flow logs", text("2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n")),
        ("S3 server access logs", format!("{owner} amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 {owner} 3E57427F3EXAMPLE REST.GET.VERSIONING - \"GET /x HTTP/1.1\" 200\n").into_bytes()),
        ("CloudFront logs", text("#Version: 1.0\n#Fields: date time x-edge-location\n")),
        ("Config items", json!({"fileVersion": "1.0", "configSnapshotId": "x", "configurationItems": []}).to_string().into_bytes()),
        ("GuardDuty findings", json!({"schemaVersion": "2.0", "accountId": "1", "service": {"serviceName": "guardduty"}, "severity": 5, "type": "T"}).to_string().into_bytes()),
        ("WAF logs", json!({"timestamp": 1, "formatVersion": 1, "webaclId": "arn", "httpRequest": {}}).to_string().into_bytes()),
        ("Route 53 Resolver query logs", json!({"query_name": "a.", "rcode": "NOERROR", "srcaddr": "1.2.3.4"}).to_string().into_bytes()),
        ("S3 notifications", json!({"Records": [{"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2024-05-01T09:00:00.000Z", "awsRegion": "eu-west-1", "s3": {"bucket": {"name": "b"}}}]}).to_string().into_bytes()),
        ("S3 notifications", json!({"Messages": [{"MessageId": "m", "Body": json!({"Records": [{"awsRegion": "eu-west-1", "eventName": "x", "eventSource": "aws:s3", "eventVersion": "2.1", "s3": {}}]}).to_string()}]}).to_string().into_bytes()),
        ("notifications of CloudTrail's log files", json!({"Type": "Notification", "TopicArn": "t", "Message": "{\"s3Bucket\":\"b\",\"s3ObjectKey\":[\"k\"]}"}).to_string().into_bytes()),
        ("sign files of CloudTrail Lake", json!({"version": "1.0", "hashSignature": "x", "publicKeyFingerprint": "y", "files": [{"fileName": "result_1.csv.gz", "fileHashValue": "z"}]}).to_string().into_bytes()),
        ("events of other products in OCSF's form", json!({"class_uid": 4001, "metadata": {"product": {"name": "Amazon VPC"}}, "api": {"operation": "x"}}).to_string().into_bytes()),
    ]
}

#[test]
fn logs_of_other_services_are_told_by_what_is_in_them() {
    for (kind, bytes) in others() {
        for bytes in [bytes.clone(), super::samples::gzip(&bytes), bytes.repeat(3)] {
            let taken = take(&bytes);
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(taken.error.as_ref().and_then(|(_, other)| *other), Some(kind), "{shown}: {taken:?}");
        }
    }
    // One event among them is taken, and they are said.
    let event = super::samples::events()[0].to_string();
    let waf = json!({"webaclId": "arn", "httpRequest": {}}).to_string();
    let taken = take(format!("{waf}\n{event}\n").as_bytes());
    assert_eq!((taken.events.len(), taken.refused.len()), (1, 1));
    // A first line hides nothing.
    let flow = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1 2 ACCEPT OK";
    let taken = take(format!("{flow}\n{event}\n{event}\n").as_bytes());
    assert_eq!((taken.events.len(), taken.refused.len()), (2, 1), "{:?}", taken.error);
    let (_, other) = take(format!("{flow}\n{event}\n").as_bytes()).error.expect("refused");
    assert_eq!(other, None);
    // What only looks like one of them.
    for text in ["http is a protocol\n", "2 1 eni-1\n", "version 2 of the bytes\n", "hello\n"] {
        assert_eq!(take(text.as_bytes()).error.and_then(|(_, other)| other), None, "{text}");
    }
}

/// Through the whole program: they are counted by kind, and no error, wherever they lie; but named by hand they are one.
#[test]
fn logs_of_other_services_are_counted_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("logs/AWSLogs/111122223333/2024/05/01");
    fs::create_dir_all(&logs).unwrap();
    for (at, (_, bytes)) in others().iter().enumerate() {
        fs::write(logs.join(format!("{at}.json")), bytes).unwrap();
    }
    let event = super::samples::events()[0].to_string();
    fs::write(logs.join("event.json"), event).unwrap();
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_trailpare"));
        command.args(args).args(["--store", "store"]).env_remove("TRAILPARE_STORE").current_dir(folder.path());
        let output = command.output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, _, told) = run(&["ingest", "logs"]);
    assert!(code == Some(0) && told.contains("1 new events"), "{told}");
    assert!(
        told.contains("16 of other services")
            && told.contains("3 load balancer logs")
            && told.contains("2 VPC flow logs"),
        "{told}"
    );
    let (code, told, _) = run(&["status"]);
    assert!(code == Some(0) && told.contains("3 load balancer logs"), "{told}");
    let (code, _, told) = run(&["ingest", "logs/AWSLogs/111122223333/2024/05/01/3.json"]);
    assert!(code == Some(3) && told.contains("VPC flow logs, which hold no CloudTrail events"), "{told}");
}

/// Likewise in a container, also one that is known and not read again.
#[test]
fn logs_of_other_services_in_containers_are_counted_by_kind() {
    let all: Vec<(String, Vec<u8>)> =
        others().into_iter().enumerate().map(|(at, (_, bytes))| (format!("logs/{at}.json"), bytes)).collect();
    let mut entries: Vec<(&str, &[u8])> = all.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let flow_logs = "AWSLogs/111122223333/vpcflowlogs/eu-west-1/2024/05/01/111122223333_vpcflowlogs_eu-west-1_x.log.gz";
    let events = json!({"Records": super::samples::events()}).to_string();
    entries.extend([(flow_logs, &b"2 1"[..]), ("event.json", events.as_bytes())]);
    let (place, beside) = (crate::pack::Place::new(), crate::pack::Place::new());
    entries.iter().for_each(|(name, bytes)| drop(beside.write(&format!("logs/{name}"), bytes)));
    let expected = beside.take_in("logs");
    assert!(expected.other_logs.len() > 10 && expected.run.other_services > 10, "{expected:?}");
    place.write("a.tar", &crate::pack::write::tar(&entries));
    for taken in [1, 0] {
        let summary = place.take_in("a.tar");
        assert_eq!((summary.run.taken, summary.run.refused), (taken, 0), "{:?}", summary.problems);
        assert_eq!(summary.other_logs, expected.other_logs);
        let counts = |run: &trailpare::store::Run| (run.other_services, run.digests, run.foreign_files);
        assert_eq!(counts(&summary.run), counts(&expected.run));
        // What `status` counts them by.
        assert_eq!(place.refused().len(), beside.refused().len());
    }
}

#[test]
fn the_unknown_is_refused_with_its_first_bytes() {
    for (bytes, shown) in [
        (&b"Obj\x01avro"[..], "Avro"),
        (b"ORC\x01\x02", "ORC"),
        (b"\x00\x01\x1b[31m\nerror: x", r"\x00\x01\x1b[31m\nerror: x"),
        (b"hello, world", "hello, world"),
    ] {
        let (reason, _) = take(bytes).error.expect("refused");
        assert!(reason.contains(shown) && !reason.contains('\u{1b}'), "{reason}");
    }
}
