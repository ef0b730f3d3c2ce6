//! A small store for the tests of this room: three days, two principals, one event a line.

use std::collections::HashMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringArray, TimestampMicrosecondArray, new_null_array};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use serde_json::{Value, json};

use super::{Options, execute, parse, session};
use crate::store::{Commit, DataFileWriter, Snapshot, Store, Table};
use crate::time::parse_date;

pub(super) const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
pub(super) const DEPLOY: &str = "arn:aws:iam::111111111111:role/deploy";

/// One event, as the columns of `events`.
pub(super) fn event(id: u32, time: &str, principal: &str, source: &str, name: &str, more: Value) -> Value {
    let mut event = json!({
        "event_date": &time[..10],
        "event_time": time,
        "event_id": format!("00000000-0000-4000-8000-{id:012}"),
        "event_version": "1.08",
        "event_source": source,
        "event_name": name,
        "event_type": "AwsApiCall",
        "event_category": "Management",
        "aws_region": "us-east-1",
        "recipient_account_id": "111111111111",
        "principal_arn": principal,
        "principal_type": if principal == ALICE { "IAMUser" } else { "AssumedRole" },
        "principal_account_id": "111111111111",
        "read_only": true,
        "user_identity_type": if principal == ALICE { "IAMUser" } else { "AssumedRole" },
        "user_identity_arn": principal,
    });
    if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
        event.extend(more);
    }
    event
}

/// Commits rows, one file a day.
pub(super) fn commit(dir: &Path, table: Table, rows: &[Value]) -> Snapshot {
    let store = Store::open_or_create(dir).unwrap();
    let mut writer = store.writer().unwrap();
    let mut days: Vec<&str> = rows.iter().map(|row| row["event_date"].as_str().unwrap()).collect();
    days.sort_unstable();
    days.dedup();
    let mut add = Vec::new();
    for day in days {
        let lines: String = rows.iter().filter(|row| row["event_date"] == day).map(|row| format!("{row}\n")).collect();
        let mut reader = ReaderBuilder::new(table.schema()).build(Cursor::new(lines)).unwrap();
        let mut file = DataFileWriter::create(&writer.staging(), table, parse_date(day).unwrap()).unwrap();
        file.write(&reader.next().unwrap().unwrap()).unwrap();
        add.push(file.finish().unwrap());
    }
    writer.commit(&Commit { add, ..Commit::default() }).unwrap();
    store.snapshot(None).unwrap()
}

/// A store of three days in July 2023.
pub(super) fn snapshot(dir: &Path) -> Snapshot {
    let s3 = "s3.amazonaws.com";
    let events = [
        event(1, "2023-07-10T12:00:00Z", ALICE, s3, "ListBuckets", json!({"source_ip_address": "192.0.2.1"})),
        event(
            2,
            "2023-07-10T12:00:01Z",
            ALICE,
            s3,
            "GetBucketPolicy",
            json!({
                "request_parameters": "{\"bucketName\":\"logs\",\"n\":[1,{\"a\":\"b\"}]}",
                "resources": [{"arn": "arn:aws:s3:::logs", "account_id": "111111111111", "type": "AWS::S3::Bucket"}],
                "tls_version": "TLSv1.3",
            }),
        ),
        event(
            3,
            "2023-07-11T00:00:00Z",
            DEPLOY,
            "ec2.amazonaws.com",
            "RunInstances",
            json!({
                "read_only": false, "error_code": "Client.UnauthorizedOperation", "error_message": "\u{1b}[31mno\nway",
                "session_name": "ci", "session_issuer_user_name": "deploy", "mfa_authenticated": true,
                "session_creation_date": "2023-07-11T00:00:00Z",
            }),
        ),
        event(4, "2023-07-12T23:59:59Z", DEPLOY, "ec2.amazonaws.com", "DescribeInstances", json!({})),
        event(5, "2023-07-12T10:00:00Z", ALICE, "sts.amazonaws.com", "GetCallerIdentity", json!({})),
    ];
    commit(dir, Table::Events, &events);
    let usage = |event_date: &str, count: u32, first: &str, example: &str| {
        json!({
            "event_date": event_date, "account_id": "111111111111", "principal_arn": ALICE, "principal_type": "IAMUser",
            "action": "s3:ListAllMyBuckets", "resource": "*", "outcome": "allowed", "confidence": "documented",
            "rule": "operation", "event_source": s3, "event_name": "ListBuckets", "aws_region": "us-east-1",
            "event_count": count, "first_time": first, "last_time": first, "example_event_id": example,
            "cross_account": false, "source_ips": [example], "source_ip_overflow": false,
        })
    };
    commit(dir, Table::Usage, &[usage("2023-07-10", 1, "2023-07-10T12:00:00Z", "b")]);
    commit(
        dir,
        Table::Usage,
        &[usage("2023-07-10", 2, "2023-07-10T11:00:00Z", "a"), usage("2023-07-11", 5, "2023-07-11T11:00:00Z", "c")],
    )
}

pub(super) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) async fn context(dir: &Path) -> SessionContext {
    session(&snapshot(dir), &Options { threads: Some(2), ..Options::default() }).await.unwrap()
}

pub(super) async fn rows(context: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    for statement in parse(sql).unwrap_or_else(|e| panic!("{sql}: {e}")) {
        let answer = execute(context, statement, &HashMap::new()).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        batches = answer.map(|batch| batch.unwrap_or_else(|e| panic!("{sql}: {e}"))).collect().await;
    }
    batches
}

/// The answer's rows, cells separated by ` | `.
pub(super) async fn answer(context: &SessionContext, sql: &str) -> Vec<String> {
    let table = pretty_format_batches(&rows(context, sql).await).unwrap().to_string();
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" | ");
    table.lines().filter(|line| line.starts_with('|')).skip(1).map(cells).collect()
}

/// The plan with what it did.
pub(super) async fn analyze(context: &SessionContext, sql: &str) -> String {
    pretty_format_batches(&rows(context, &format!("EXPLAIN ANALYZE {sql}")).await).unwrap().to_string()
}

/// Principals in the large file of [`large`], and events of each.
pub(super) const PRINCIPALS: usize = 400;
const EVENTS_EACH: usize = 500;

/// The principal of this number in the large file.
pub(super) fn principal(number: usize) -> String {
    format!("arn:aws:iam::111111111111:role/r{number:04}")
}

/// A day of several row groups, rows in the table's order: columns that are not needed stay null.
pub(super) fn large(dir: &Path) -> Snapshot {
    let rows = PRINCIPALS * EVENTS_EACH;
    let day = parse_date("2023-08-01").unwrap();
    let texts =
        |of: &dyn Fn(usize) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values((0..rows).map(of))) };
    let schema = Table::Events.schema();
    let columns = schema.fields().iter().map(|field| -> ArrayRef {
        let second = |row: usize| i64::from(day) * 86_400_000_000 + (row % 86_400) as i64 * 1_000_000;
        match field.name().as_str() {
            "event_date" => Arc::new(Date32Array::from(vec![day; rows])),
            "event_time" => {
                Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(second)).with_timezone("UTC"))
            }
            "event_id" => {
                texts(&|row| format!("{:032x}", (row as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)))
            }
            "principal_arn" => texts(&|row| principal(row / EVENTS_EACH)),
            "recipient_account_id" => texts(&|_| "111111111111".to_owned()),
            "event_source" => texts(&|_| "s3.amazonaws.com".to_owned()),
            "event_name" => texts(&|row| format!("Operation{}", row % 7)),
            _ => new_null_array(field.data_type(), rows),
        }
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let store = Store::open_or_create(dir).unwrap();
    let mut writer = store.writer().unwrap();
    let mut file = DataFileWriter::create(&writer.staging(), Table::Events, day).unwrap();
    file.write(&batch).unwrap();
    writer.commit(&Commit { add: vec![file.finish().unwrap()], ..Commit::default() }).unwrap();
    store.snapshot(None).unwrap()
}
