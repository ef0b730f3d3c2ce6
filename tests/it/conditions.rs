//! Conditions on where calls came from: made from records, kept in stores, left off where one call is not known to meet
//! them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

fn run(store: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).arg("--store").arg(store).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
    command.output().unwrap()
}

fn ok(store: &Path, args: &[&str]) -> Output {
    let output = run(store, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A record of a role's session as CloudTrail writes it.
fn record(n: u32, role: &str, source: &str, name: &str, ip: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("AROAEXAMPLE{role}:s"),
            "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/s"),
            "accountId": "111122223333",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role", "principalId": format!("AROAEXAMPLE{role}"),
                    "arn": format!("arn:aws:iam::111122223333:role/{role}"),
                    "accountId": "111122223333", "userName": role
                },
                "attributes": {"creationDate": "2024-03-01T06:00:00Z", "mfaAuthenticated": "false"}
            }
        },
        "eventTime": format!("2024-03-01T{:02}:00:00Z", 6 + n % 12),
        "eventSource": source,
        "eventName": name,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": ip,
        "userAgent": "aws-cli/2.15.0",
        "requestParameters": null,
        "responseElements": null,
        "requestID": format!("00000000-0000-4000-9000-{n:012}"),
        "eventID": format!("00000000-0000-4000-8000-{n:012}"),
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management"
    });
    for (key, value) in more.as_object().unwrap() {
        match key.as_str() {
            "mfa" => record["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"] = value.clone(),
            "invokedBy" => record["userIdentity"]["invokedBy"] = value.clone(),
            _ => record[key] = value.clone(),
        }
    }
    record
}

/// What these roles did on one day: `person` with MFA from an office, `worker` through endpoints, `mixed` each way.
fn records() -> Vec<Value> {
    let (sqs, cfn, ec2) = ("sqs.amazonaws.com", "cloudformation.amazonaws.com", "ec2.amazonaws.com");
    let mfa = json!({"mfa": "true"});
    let endpoint = |id: &str| json!({"vpcEndpointId": id, "vpcEndpointAccountId": "111122223333"});
    vec![
        record(1, "person", ec2, "DescribeInstances", "203.0.113.9", mfa.clone()),
        record(2, "person", ec2, "DescribeInstances", "203.0.113.5", mfa.clone()),
        record(3, "person", ec2, "DescribeVolumes", "2001:db8::7", mfa),
        record(4, "worker", sqs, "ListQueues", "10.0.3.4", endpoint("vpce-0a1b2c3d4e5f60718")),
        record(5, "worker", sqs, "ListQueues", "10.0.3.5", endpoint("vpce-0ffffffffffffffff")),
        record(6, "mixed", ec2, "DescribeInstances", "203.0.113.5", json!({"mfa": "true"})),
        record(7, "mixed", ec2, "DescribeInstances", cfn, json!({"mfa": "true", "invokedBy": cfn})),
        record(8, "mixed", sqs, "ListQueues", "203.0.113.5", json!({})),
        record(9, "mixed", sqs, "ListQueues", "10.0.3.4", endpoint("vpce-0a1b2c3d4e5f60718")),
        record(10, "mixed", cfn, "ListStacks", "AWS Internal", json!({"mfa": "true"})),
    ]
}

fn store(folder: &Path, records: &[Value]) -> std::path::PathBuf {
    let (archive, store) = (folder.join("archive"), folder.join("store"));
    fs::create_dir(&archive).unwrap();
    // Several objects, so that sums are made of parts.
    for (n, part) in records.chunks(3).enumerate() {
        fs::write(archive.join(format!("{n}.json")), json!({"Records": part}).to_string()).unwrap();
    }
    ok(&store, &["ingest", archive.to_str().unwrap()]);
    store
}

/// First action → conditions, of each statement, and what is said beside them.
fn policy(store: &Path, role: &str, more: &[&str]) -> (Value, String) {
    let conditions = "source-ip,source-vpce,mfa";
    let args = [&["policy", "--role", role, "--condition", conditions, "--explain"], more].concat();
    let output = ok(store, &args);
    let policy: Value = serde_json::from_slice(&output.stdout).unwrap();
    let statements = policy[0]["PolicyDocument"]["Statement"].as_array().unwrap().iter().map(|statement| {
        (statement["Action"][0].as_str().unwrap().to_owned(), statement.get("Condition").cloned().unwrap_or_default())
    });
    (statements.collect::<serde_json::Map<_, _>>().into(), String::from_utf8(output.stderr).unwrap())
}

fn office() -> Value {
    json!({"ec2:DescribeInstances": {
        "Bool": {"aws:MultiFactorAuthPresent": ["true"]},
        "IpAddress": {"aws:SourceIp": ["2001:db8::7", "203.0.113.5", "203.0.113.9"]}
    }})
}

#[test]
fn conditions_stand_where_every_call_met_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &records());
    let (person, said) = policy(&store, "person", &[]);
    assert_eq!(person, office());
    assert!(said.contains("without aws:SourceVpce: some calls came through no VPC endpoint"), "{said}");
    assert!(said.contains("replay: 3 uses allowed, 0 denied, 0 depend"), "{said}");
    let (worker, said) = policy(&store, "worker", &[]);
    let endpoints = json!(["vpce-0a1b2c3d4e5f60718", "vpce-0ffffffffffffffff"]);
    assert_eq!(worker, json!({"sqs:ListQueues": {"StringEquals": {"aws:SourceVpce": endpoints}}}));
    assert!(said.contains("without aws:SourceIp: some calls came through a VPC endpoint"), "{said}");
    assert!(said.contains("without aws:MultiFactorAuthPresent: some calls were made without MFA"), "{said}");
    assert!(said.contains("replay: 2 uses allowed, 0 denied, 0 depend"), "{said}");
    let (mixed, said) = policy(&store, "mixed", &[]);
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": ["true"]}});
    assert_eq!(mixed, json!({"cloudformation:ListStacks": mfa, "ec2:DescribeInstances": null, "sqs:ListQueues": null}));
    assert!(
        said.contains("without aws:SourceIp: some calls were made by a service on the principal's behalf"),
        "{said}"
    );
    assert!(said.contains("without aws:SourceIp: some calls came from no public address"), "{said}");
}

#[test]
fn a_window_within_a_day_tells_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &records());
    let (person, _) = policy(&store, "person", &["--from", "2024-03-01T05:00:00Z", "--to", "2024-03-01T20:00:00Z"]);
    assert_eq!(person, office());
    let (person, _) = policy(&store, "person", &["--from", "2024-03-01T08:00:00Z", "--to", "2024-03-01T09:00:00Z"]);
    assert_eq!(person["ec2:DescribeInstances"]["IpAddress"]["aws:SourceIp"], json!(["203.0.113.5"]));
}

#[test]
fn an_address_that_is_not_allowed_fails_the_proof() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &records());
    let given = folder.path().join("given.json");
    let check = |condition: Value| {
        let allow = json!({"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*", "Condition": condition});
        fs::write(&given, json!({"Version": "2012-10-17", "Statement": [allow]}).to_string()).unwrap();
        run(&store, &["check", "--policy", given.to_str().unwrap(), "--role", "person"]).status.code()
    };
    let both = ["203.0.113.0/24", "2001:db8::/32"];
    assert_eq!(check(json!({"IpAddress": {"aws:SourceIp": both}})), Some(0));
    assert_eq!(check(json!({"IpAddress": {"aws:SourceIp": ["203.0.113.5", "2001:db8::/32"]}})), Some(4));
    assert_eq!(check(json!({"StringEquals": {"aws:SourceVpce": "vpce-0a1b2c3d4e5f60718"}})), Some(4));
    assert_eq!(check(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}})), Some(0));
}

#[test]
fn data_events_are_said_from_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = records();
    let none = store(folder.path(), &records);
    assert!(
        policy(&none, "worker", &[])
            .1
            .contains("holds no data events of: S3 objects (GetObject, PutObject, …); Lambda")
    );
    // A management event is none, whatever its name.
    let management = json!({"eventCategory": "Management", "managementEvent": true});
    let shards = record(12, "worker", "kinesis.amazonaws.com", "ListShards", "203.0.113.5", management);
    let folder = tempfile::tempdir().unwrap();
    let said = policy(&store(folder.path(), &[&records[..], &[shards]].concat()), "worker", &[]).1;
    assert!(said.contains("; Kinesis records; their use"), "{said}");
    let object = json!({
        "eventCategory": "Data", "managementEvent": false,
        "requestParameters": {"bucketName": "b", "key": "k"},
        "resources": [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/k"}]
    });
    records.push(record(11, "worker", "s3.amazonaws.com", "GetObject", "203.0.113.5", object));
    let folder = tempfile::tempdir().unwrap();
    let some = store(folder.path(), &records);
    let said = policy(&some, "worker", &[]).1;
    assert!(said.contains("holds no data events of: Lambda invocations; DynamoDB"), "{said}");
}

/// Takes out of a store what stores of before did not have.
fn age(store: &Path, version: Option<&str>) {
    let catalog = rusqlite::Connection::open(store.join("catalog.sqlite")).unwrap();
    // Stores of before recorded nothing of their files, and had no version in the catalog's header.
    let newer = "DROP TABLE IF EXISTS trailpare_row_checks; DROP TABLE IF EXISTS trailpare_snapshot_checks; \
        DROP TABLE IF EXISTS trailpare_file_checks; DROP TABLE IF EXISTS trailpare_month_checks; PRAGMA user_version = 0;";
    catalog.execute_batch(newer).unwrap();
    catalog.execute("DELETE FROM ducklake_column WHERE table_id = 2 AND column_id > 21", []).unwrap();
    catalog.execute("DELETE FROM ducklake_file_column_stats WHERE table_id = 2 AND column_id > 21", []).unwrap();
    catalog.execute("DELETE FROM ducklake_table_column_stats WHERE table_id = 2 AND column_id > 21", []).unwrap();
    if let Some(version) = version {
        catalog.execute("UPDATE trailpare_usage_catalogue SET version = ?1", [version]).unwrap();
    }
    let files = walkdir::WalkDir::new(store.join("data/main/usage")).into_iter().flatten();
    for path in files.map(|entry| entry.into_path()).filter(|path| path.is_file()) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
        let batches: Vec<_> =
            reader.map(|batch| batch.unwrap().project(&(0..21).collect::<Vec<_>>()).unwrap()).collect();
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batches[0].schema(), None).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.close().unwrap();
        let bytes = fs::read(&path).unwrap();
        let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
        let name = format!("%{}", path.file_name().unwrap().to_str().unwrap());
        let sql = "UPDATE ducklake_data_file SET file_size_bytes = ?1, footer_size = ?2 WHERE path LIKE ?3";
        assert_eq!(catalog.execute(sql, rusqlite::params![bytes.len() as i64, footer, name]).unwrap(), 1);
    }
}

#[test]
fn a_store_of_before_is_read_as_it_is_and_then_derived_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), &records());
    let count = |what: &str| {
        let sql = format!("SELECT {what} AS n FROM usage");
        let output = ok(&store, &["sql", "--format", "json", &sql]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap()[0]["n"].clone()
    };
    let with_origin = "sum(CASE WHEN source_ips IS NULL THEN 0 ELSE event_count END)";
    assert_eq!(count(with_origin), 10);
    // Nobody says that it is of before: no evidence, no condition.
    age(&store, None);
    assert_eq!((count("sum(event_count)"), count(with_origin)), (json!(10), json!(0)));
    let (person, said) = policy(&store, "person", &[]);
    assert_eq!(person, json!({"ec2:DescribeInstances": null}));
    assert!(said.contains("without aws:SourceIp: the store does not know where all calls came from"), "{said}");
    age(&store, Some("1"));
    assert_eq!(policy(&store, "person", &[]).0, office());
    assert_eq!(count(with_origin), 10);
    let catalog = rusqlite::Connection::open(store.join("catalog.sqlite")).unwrap();
    let columns = "SELECT count(*) FROM ducklake_column WHERE table_id = 2 AND begin_snapshot > 0";
    assert_eq!(catalog.query_row(columns, [], |row| row.get::<_, i64>(0)).unwrap(), 11);
}

#[test]
fn addresses_beyond_those_kept_bind_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let from =
        |n: u32| record(n, "roamer", "ec2.amazonaws.com", "DescribeInstances", &format!("203.0.113.{n}"), json!({}));
    let records: Vec<Value> = (1..=17).map(from).collect();
    let (sixteen, all) = (folder.path().join("16"), folder.path().join("17"));
    fs::create_dir(&sixteen).unwrap();
    fs::create_dir(&all).unwrap();
    let bound = policy(&store(&sixteen, &records[..16]), "roamer", &[]).0;
    assert_eq!(bound["ec2:DescribeInstances"]["IpAddress"]["aws:SourceIp"].as_array().unwrap().len(), 16);
    let (free, said) = policy(&store(&all, &records), "roamer", &[]);
    assert_eq!(free["ec2:DescribeInstances"], Value::Null);
    assert!(said.contains("without aws:SourceIp: calls came from too many addresses"), "{said}");
}
