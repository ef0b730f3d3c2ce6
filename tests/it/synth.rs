//! Made-up archives: the same bytes for the same arguments, events that make sense, and `sample-logs/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use trailpare::archive::{Buffers, ObjectKind, find, normalise, read};
use trailpare::synth::{Config, Shape, Summary, generate};

fn make(config: &Config, out: &Path) -> Summary {
    generate(config, out, |_, _| {}).unwrap()
}

/// Every file below a folder: path and bytes as stored.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    find(&[root.to_owned()]).map(|f| f.unwrap()).map(|f| (f.relative, fs::read(f.path).unwrap())).collect()
}

/// The records of every log object.
fn records(root: &Path) -> Vec<Value> {
    let mut buffers = Buffers::default();
    let logs = find(&[root.to_owned()]).map(|found| found.unwrap()).filter(|found| found.kind == ObjectKind::Log);
    logs.flat_map(|found| {
        let json = normalise(read(&found.path, &mut buffers, 1 << 30).unwrap().bytes).unwrap().json;
        let whole: Value = serde_json::from_slice(&json).unwrap();
        let records = whole["Records"].as_array().unwrap().clone();
        for record in &records {
            assert_eq!(record["awsRegion"].as_str(), found.region.as_deref());
            assert_eq!(record["recipientAccountId"].as_str(), found.account_id.as_deref());
        }
        records
    })
    .collect()
}

fn small() -> Config {
    Config {
        objects: Some(60),
        events: Some(3_000),
        seed: 5,
        days: 3,
        digests: true,
        duplicate_rate: 0.05,
        ..Config::default()
    }
}

#[test]
fn the_same_arguments_give_the_same_bytes_with_however_many_threads() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    make(&small(), &a);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| make(&small(), &b));
    assert_eq!(files(&a), files(&b));
    make(&Config { seed: 6, ..small() }, &c);
    assert_ne!(files(&a), files(&c));
    assert!(generate(&small(), &a, |_, _| {}).is_err(), "written over an archive");
}

#[test]
fn slices_make_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, sliced) = (folder.path().join("whole"), folder.path().join("sliced"));
    let config = Config { digests: false, ..small() };
    let expected = make(&config, &whole);
    let mut sum = Summary::default();
    for slice in 0..7 {
        let part = make(&Config { slice: Some((slice, 7)), ..config.clone() }, &sliced);
        sum.objects += part.objects;
        sum.records += part.records;
        sum.events += part.events;
        sum.json_bytes += part.json_bytes;
        sum.stored_bytes += part.stored_bytes;
    }
    assert_eq!(sum, expected);
    assert_eq!(files(&whole), files(&sliced));
}

#[test]
fn the_summary_says_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let summary = make(&small(), folder.path());
    let found = find(&[folder.path().to_owned()]).map(|found| found.unwrap()).collect::<Vec<_>>();
    let of = |kind: ObjectKind| found.iter().filter(|found| found.kind == kind).count() as u64;
    assert_eq!((of(ObjectKind::Log), of(ObjectKind::Digest)), (summary.objects, summary.digests));
    assert_eq!((summary.objects, summary.records), (60, 3_000));
    let records = records(folder.path());
    assert_eq!(records.len() as u64, summary.records);
    let mut by_id: BTreeMap<&str, &Value> = BTreeMap::new();
    for record in &records {
        let first = by_id.entry(record["eventID"].as_str().unwrap()).or_insert(record);
        assert_eq!(*first, record, "two events of one id");
    }
    assert_eq!(by_id.len() as u64, summary.events);
    assert!(summary.events < summary.records);
}

#[test]
fn digests_hold_the_hashes_of_the_inflated_objects_and_of_the_digest_before() {
    let folder = tempfile::tempdir().unwrap();
    make(&small(), folder.path());
    let hash = |key: &str| {
        let read = read(&folder.path().join(key), &mut Buffers::default(), 1 << 30).unwrap();
        Sha256::digest(&read.bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let mut listed = BTreeSet::new();
    for found in find(&[folder.path().to_owned()]).map(|found| found.unwrap()).filter(|f| f.kind == ObjectKind::Digest)
    {
        let read = read(&found.path, &mut Buffers::default(), 1 << 30).unwrap();
        assert!(normalise(read.bytes.clone()).unwrap_err().reason.contains("digest"));
        let digest: Value = serde_json::from_slice(&read.bytes).unwrap();
        assert_eq!(digest["digestS3Object"].as_str(), Some(found.relative.as_str()));
        for file in digest["logFiles"].as_array().unwrap() {
            let key = file["s3Object"].as_str().unwrap();
            assert_eq!(file["hashValue"].as_str().unwrap(), hash(key));
            assert!(listed.insert(key.to_owned()), "{key} stands in two digests");
        }
        if let Some(before) = digest["previousDigestS3Object"].as_str() {
            assert_eq!(digest["previousDigestHashValue"].as_str().unwrap(), hash(before));
        }
    }
    assert_eq!(listed.len(), 60);
}

#[test]
fn calls_across_accounts_stand_in_both_with_one_shared_id() {
    let folder = tempfile::tempdir().unwrap();
    make(&Config { events: Some(6_000), duplicate_rate: 0.0, ..small() }, folder.path());
    let mut shared: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in records(folder.path()) {
        if let Some(id) = record["sharedEventID"].as_str().filter(|_| record["userIdentity"]["type"] != "AWSService") {
            shared.entry(id.to_owned()).or_default().push(record);
        }
    }
    assert!(!shared.is_empty());
    for (id, pair) in shared {
        let [a, b] = pair.as_slice() else { panic!("{id} stands {} times", pair.len()) };
        assert_ne!(a["recipientAccountId"], b["recipientAccountId"]);
        assert_ne!(a["eventID"], b["eventID"]);
        for field in ["eventTime", "eventName", "requestID", "requestParameters", "responseElements", "resources"] {
            assert_eq!(a[field], b[field], "{field}");
        }
        let owners = pair.iter().filter(|r| r["userIdentity"]["type"] == "AWSAccount").count();
        assert_eq!(owners, 1, "{pair:?}");
    }
}

#[test]
fn as_varied_as_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let summary = make(&Config { objects: None, events: Some(20_000), ..Config::default() }, folder.path());
    let records = records(folder.path());
    let count = |field: fn(&Value) -> String| records.iter().map(field).collect::<BTreeSet<_>>().len();
    assert!(count(|r| format!("{}:{}", r["eventSource"], r["eventName"])) >= 130);
    assert!(count(|r| r["eventSource"].to_string()) >= 30);
    assert!(count(|r| r["userAgent"].to_string()) >= 200);
    assert!(count(|r| r["userIdentity"]["arn"].to_string()) >= 150);
    assert!(count(|r| r["userIdentity"]["type"].to_string()) >= 7);
    let is_denied =
        |r: &&Value| r["errorMessage"].as_str().is_some_and(|m| m.contains("is not authorized to perform: "));
    let denied = records.iter().filter(is_denied).count() as f64 / records.len() as f64;
    assert!((0.01..0.03).contains(&denied), "{denied}");
    let bytes_per_record = summary.json_bytes as f64 / summary.records as f64;
    let ratio = summary.json_bytes as f64 / summary.stored_bytes as f64;
    assert!(
        (1_300.0..2_000.0).contains(&bytes_per_record) && (6.5..12.0).contains(&ratio),
        "{bytes_per_record} {ratio}"
    );
}

#[test]
fn data_events_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    make(&Config { data_events: false, ..small() }, folder.path());
    assert!(records(folder.path()).iter().all(|record| record["managementEvent"] == true));
}

#[test]
fn tiny_objects_hold_one_to_some_events() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { objects: Some(500), shape: Shape::Tiny, ..Config::default() };
    let summary = make(&config, folder.path());
    assert_eq!((summary.objects, summary.records), (500, 1_250));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = Config { objects: Some(10), events: Some(10), ..Config::default() };
    for config in [
        Config { objects: None, events: None, ..base.clone() },
        Config { objects: Some(0), ..base.clone() },
        Config { events: Some(9), ..base.clone() },
        Config { objects: Some(1), events: Some(u64::MAX), ..base.clone() },
        Config { objects: Some(u64::MAX), events: Some(u64::MAX), ..base.clone() },
        Config { accounts: 0, ..base.clone() },
        Config { principals: 0, ..base.clone() },
        Config { regions: Vec::new(), ..base.clone() },
        Config { days: 0, ..base.clone() },
        Config { denial_rate: f64::NAN, ..base.clone() },
        Config { duplicate_rate: 1.0, ..base.clone() },
        Config { level: 13, ..base.clone() },
        Config { slice: Some((3, 3)), ..base.clone() },
    ] {
        assert!(generate(&config, folder.path(), |_, _| {}).is_err(), "{config:?}");
    }
    // The least there can be.
    let least = Config { objects: Some(1), events: Some(1), accounts: 1, principals: 1, days: 1, ..base };
    assert_eq!(make(&Config { regions: vec!["us-east-1".into()], ..least }, folder.path()).records, 1);
}

/// `trailpare synth sample-logs --objects 60 --events 900 --seed 7 --accounts 3 --principals 14
/// --regions eu-west-1,us-east-1 --days 3 --denials 0.04 --digests --organization sample-organization`
pub fn sample() -> Config {
    Config {
        objects: Some(60),
        events: Some(900),
        seed: 7,
        accounts: 3,
        principals: 14,
        regions: vec!["eu-west-1".into(), "us-east-1".into()],
        days: 3,
        denial_rate: 0.04,
        digests: true,
        ..Config::default()
    }
}

#[test]
fn the_sample_logs_are_what_synth_makes() {
    let made = tempfile::tempdir().unwrap();
    make(&sample(), made.path());
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    assert!(files(&sample) == files(made.path()), "sample-logs/ is not what this version makes: write it anew");

    let mut admins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in records(&sample) {
        let identity = &record["userIdentity"];
        let role = identity["sessionContext"]["sessionIssuer"]["userName"].as_str().unwrap_or_default();
        if role.starts_with("AWSReservedSSO_AdministratorAccess_") {
            let person = identity["principalId"].as_str().unwrap().split_once(':').unwrap().1;
            admins.entry(person.to_owned()).or_default().insert(record["recipientAccountId"].to_string());
        }
    }
    assert!(admins.values().filter(|accounts| accounts.len() >= 2).count() >= 3, "{admins:?}");
}
