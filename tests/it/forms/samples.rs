//! Three events in every form that `docs/forms.md` names, and what of them is lost in it.

use std::io::Write as _;

use serde_json::{Map, Value, json};

use super::{ocsf, parquet};

/// The events in one form.
pub struct Sample {
    /// The form as the documentation calls it, and which of its variants.
    pub form: &'static str,
    pub variant: &'static str,
    /// A name that says nothing about the form.
    pub bytes: Vec<u8>,
    /// What the form keeps of an event, as the documentation says.
    pub kept: fn(&Value) -> Value,
}

/// Events of three kinds of principals: a role's, a user's that was denied, the root user's sign-in.
pub fn events() -> Vec<Value> {
    vec![
        json!({
            "eventVersion": "1.09",
            "userIdentity": {
                "type": "AssumedRole", "principalId": "AROAEXAMPLE0000000001:ann",
                "arn": "arn:aws:sts::111122223333:assumed-role/app/ann", "accountId": "111122223333",
                "accessKeyId": "ASIAEXAMPLE000000001",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role", "principalId": "AROAEXAMPLE0000000001",
                        "arn": "arn:aws:iam::111122223333:role/app", "accountId": "111122223333", "userName": "app"
                    },
                    "attributes": {"creationDate": "2024-05-01T08:00:00Z", "mfaAuthenticated": "false"}
                }
            },
            "eventTime": "2024-05-01T09:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
            "awsRegion": "eu-west-1", "sourceIPAddress": "198.51.100.7", "userAgent": "[aws-cli/2.15.0]",
            "requestParameters": {"bucketName": "b", "key": "a/b é.txt", "Host": "b.s3.amazonaws.com"},
            "responseElements": null,
            "requestID": "REQ1", "eventID": "50000000-0000-4000-8000-000000000001", "readOnly": true,
            "resources": [
                {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/a/b"},
                {"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"}
            ],
            "eventType": "AwsApiCall", "managementEvent": false, "recipientAccountId": "111122223333",
            "eventCategory": "Data",
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256"}
        }),
        json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "IAMUser", "principalId": "AIDAEXAMPLE0000000002", "arn": "arn:aws:iam::111122223333:user/bob",
                "accountId": "111122223333", "accessKeyId": "AKIAEXAMPLE000000002", "userName": "bob"
            },
            "eventTime": "2024-05-01T09:01:00Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser",
            "awsRegion": "us-east-1", "sourceIPAddress": "cloudformation.amazonaws.com", "userAgent": "x",
            "errorCode": "AccessDenied", "errorMessage": "User is not authorized to perform: iam:CreateUser",
            "requestParameters": {"userName": "eve"}, "responseElements": null,
            "requestID": "REQ2", "eventID": "50000000-0000-4000-8000-000000000002", "readOnly": false,
            "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "111122223333",
            "eventCategory": "Management"
        }),
        json!({
            "eventVersion": "1.08",
            "userIdentity": {
                "type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root",
                "accountId": "111122223333"
            },
            "eventTime": "2024-05-01T09:02:00Z", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
            "awsRegion": "us-east-1", "sourceIPAddress": "203.0.113.9", "userAgent": "Mozilla/5.0",
            "requestParameters": null, "responseElements": {"ConsoleLogin": "Success"},
            "additionalEventData": {"LoginTo": "https://console.aws.amazon.com/", "MobileVersion": "No", "MFAUsed": "Yes"},
            "eventID": "50000000-0000-4000-8000-000000000003", "readOnly": false, "eventType": "AwsConsoleSignIn",
            "managementEvent": true, "recipientAccountId": "111122223333", "eventCategory": "Management"
        }),
    ]
}

pub fn whole(event: &Value) -> Value {
    event.clone()
}

/// Without what says nothing.
pub fn without_nulls(event: &Value) -> Value {
    match event {
        Value::Object(members) => {
            let some = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(some.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        scalar => scalar.clone(),
    }
}

fn text(value: &Value) -> String {
    serde_json::to_string(value).expect("JSON")
}

fn lines(rows: impl IntoIterator<Item = Value>) -> Vec<u8> {
    rows.into_iter().flat_map(|row| [text(&row), "\n".to_owned()]).collect::<String>().into_bytes()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("gzip")
}

fn utf16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn csv(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
    writer.write_record(titles).expect("CSV");
    rows.into_iter().for_each(|row| writer.write_record(row).expect("CSV"));
    writer.into_inner().expect("CSV")
}

/// Every form. All of `events` come, in their order.
pub fn samples(events: &[Value]) -> Vec<Sample> {
    let mut samples = json_forms(events);
    samples.extend(text_forms(events));
    samples.extend(parquet_forms(events));
    samples
}

/// Forms that keep an event's text or its values as they are.
pub fn json_forms(events: &[Value]) -> Vec<Sample> {
    let all = || events.iter().cloned();
    let texts = || events.iter().map(text);
    let of = |form: &'static str, variant: &'static str, value: Value| Sample {
        form,
        variant,
        bytes: text(&value).into_bytes(),
        kept: whole,
    };
    let of_lines = |form: &'static str, variant: &'static str, rows: Vec<Value>| Sample {
        form,
        variant,
        bytes: lines(rows),
        kept: whole,
    };
    let bridge = |event: Value| json!({"version": "0", "source": "aws.s3", "detail-type": "AWS API Call via CloudTrail", "detail": event});
    let sns = |message: String| json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "Message": message, "Timestamp": "2024-05-01T09:00:00.000Z"});
    let logged = |kind: &str, texts: Vec<String>| {
        let events: Vec<Value> = texts
            .iter()
            .enumerate()
            .map(|(id, message)| json!({"id": id.to_string(), "timestamp": 1_714_554_000_000_i64, "message": message}))
            .collect();
        json!({"messageType": kind, "owner": "111122223333", "logGroup": "g", "logStream": "s", "logEvents": events})
    };
    let control =
        logged("CONTROL_MESSAGE", vec!["CWL CONTROL MESSAGE: Checking health of destination Firehose.".to_owned()]);
    let joined: String = std::iter::once(control)
        .chain(texts().map(|one| logged("DATA_MESSAGE", vec![one])))
        .map(|one| text(&one))
        .collect();
    let lake_rows: Vec<Value> = texts().map(|event| json!([{"eventJson": event}, {"eventTime": "t"}])).collect();
    let insights: Vec<Value> = texts().map(|event| json!([{"field": "@timestamp", "value": "t"}, {"field": "@message", "value": event}, {"field": "@ptr", "value": "p"}])).collect();
    let hits: Vec<Value> =
        texts().map(|event| json!({"_index": "i", "_source": {"event": {"original": event}}})).collect();
    let in_queue = |body: String| json!({"MessageId": "m", "ReceiptHandle": "r", "MD5OfBody": "x", "Body": body});
    let to_function = |body: String| json!({"messageId": "m", "receiptHandle": "r", "body": body, "attributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-west-1"});
    vec![
        of("Records", "as CloudTrail writes it", json!({"Records": events})),
        of("Records", "lower case, not first", json!({"owner": 1, "records": events})),
        of("event", "list", json!(events)),
        of_lines("event", "NDJSON", all().collect()),
        of("sole list", "", json!({"whatever": events})),
        of(
            "wrapped event",
            "",
            json!({"tests": all().map(|event| json!({"name": "n", "event": event})).collect::<Vec<_>>()}),
        ),
        of(
            "CloudTrail Lake",
            "get-query-results, eventJson",
            json!({"QueryStatus": "FINISHED", "QueryStatistics": {"ResultsCount": 3}, "QueryResultRows": lake_rows}),
        ),
        Sample {
            kept: lake_kept,
            ..of("CloudTrail Lake", "get-query-results, columns", json!({"QueryResultRows": lake_cells(events)}))
        },
        of(
            "lookup-events",
            "",
            json!({"Events": texts().map(|event| json!({"EventId": "e", "EventName": "n", "Resources": [], "CloudTrailEvent": event})).collect::<Vec<_>>(), "NextToken": "t"}),
        ),
        of_lines(
            "lookup-events",
            "rows",
            texts().map(|event| json!({"EventId": "e", "CloudTrailEvent": event})).collect(),
        ),
        of(
            "CloudWatch Logs",
            "filter-log-events",
            json!({"events": texts().map(|event| json!({"logStreamName": "s", "message": event})).collect::<Vec<_>>()}),
        ),
        Sample { form: "CloudWatch Logs", variant: "subscription, Firehose", bytes: joined.into_bytes(), kept: whole },
        of("CloudWatch Logs Insights", "", json!({"results": insights, "status": "Complete"})),
        of_lines("EventBridge", "", all().map(bridge).collect()),
        of_lines("SNS", "", all().map(|event| sns(text(&bridge(event)))).collect()),
        of(
            "SQS",
            "receive-message",
            json!({"Messages": all().map(|event| in_queue(text(&bridge(event)))).collect::<Vec<_>>()}),
        ),
        of(
            "SQS",
            "of SNS",
            json!({"Messages": all().map(|event| in_queue(text(&sns(text(&bridge(event)))))).collect::<Vec<_>>()}),
        ),
        of(
            "notification",
            "Lambda, SQS",
            json!({"Records": all().map(|event| to_function(text(&bridge(event)))).collect::<Vec<_>>()}),
        ),
        of(
            "notification",
            "Lambda, SNS",
            json!({"Records": all().map(|event| json!({"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns(text(&bridge(event)))})).collect::<Vec<_>>()}),
        ),
        of_lines(
            "Elastic",
            "event.original",
            texts().map(|event| json!({"@timestamp": "t", "event": {"original": event}})).collect(),
        ),
        of("Elastic", "search", json!({"took": 1, "hits": {"total": 3, "hits": hits}})),
        of_lines(
            "Splunk",
            "result._raw",
            texts().map(|event| json!({"preview": false, "result": {"_raw": event}})).collect(),
        ),
        of("Splunk", "results", json!({"results": texts().map(|event| json!({"_raw": event})).collect::<Vec<_>>()})),
        of_lines("Fluent Bit", "log", texts().map(|event| json!({"date": 1.5, "log": event})).collect()),
        Sample {
            kept: wazuh_kept,
            ..of_lines(
                "Wazuh",
                "full_log",
                all().map(|event| json!({"rule": {"id": "80202"}, "full_log": text(&wazuh(&event))})).collect(),
            )
        },
        Sample {
            kept: wazuh_kept,
            ..of_lines(
                "Wazuh",
                "data.aws",
                all().map(|event| json!({"rule": {"id": "80202"}, "data": wazuh(&event)})).collect(),
            )
        },
        Sample {
            kept: without_nulls,
            ..of_lines("OCSF", "1.0.0-rc.2", all().map(|event| ocsf::of(&event, "1.0.0-rc.2")).collect())
        },
        Sample {
            kept: without_nulls,
            ..of_lines("OCSF", "1.1.0", all().map(|event| ocsf::of(&event, "1.1.0")).collect())
        },
        Sample {
            kept: without_nulls,
            ..of_lines("OCSF", "1.5.0", all().map(|event| ocsf::of(&event, "1.5.0")).collect())
        },
        of_lines(
            "OCSF",
            "raw_data",
            all()
                .map(|event| json!({"class_uid": 6003, "api": {"operation": "wrong"}, "raw_data": text(&event)}))
                .collect(),
        ),
        of_lines(
            "OCSF",
            "whole in unmapped",
            all().map(|event| json!({"class_uid": 6003, "unmapped": event})).collect(),
        ),
        of_lines("Athena", "JSON", all().map(|event| athena(&event)).collect()),
    ]
}

/// Forms that are no JSON as a whole, and encodings.
fn text_forms(events: &[Value]) -> Vec<Sample> {
    let texts = || events.iter().map(text);
    let of = |form, variant, bytes: Vec<u8>, kept| Sample { form, variant, bytes, kept };
    let exported: String = texts().map(|event| format!("2024-05-01T09:00:00.000Z {event}\n")).collect();
    let records = text(&json!({"Records": events}));
    let ndjson: String = texts().map(|event| event + "\r\n").collect();
    vec![
        of("lines", "export to S3, gzip", gzip(exported.as_bytes()), whole),
        of("CSV of whole events", "CloudTrail Lake", csv(&["eventJson"], texts().map(|event| vec![event])), whole),
        of(
            "CSV of whole events",
            "Splunk",
            csv(&["_time", "_raw"], texts().map(|event| vec!["t".to_owned(), event])),
            whole,
        ),
        of(
            "CSV of whole events",
            "Logs Insights",
            csv(&["@timestamp", "@message"], texts().map(|event| vec!["t".to_owned(), event])),
            whole,
        ),
        of("CSV of columns", "CloudTrail Lake", lake_columns(events), lake_kept),
        of("event history", "CSV", event_history(events, |time| time.to_owned()), history_kept),
        of("event history", "CSV, local time", event_history(events, local), history_kept),
        of("encodings", "UTF-8 with mark", [b"\xef\xbb\xbf", records.as_bytes()].concat(), whole),
        of("encodings", "UTF-16 LE with mark", utf16(&records, true, u16::to_le_bytes), whole),
        of("encodings", "UTF-16 BE with mark", utf16(&records, true, u16::to_be_bytes), whole),
        of("encodings", "UTF-16 LE", utf16(&ndjson, false, u16::to_le_bytes), whole),
        of("encodings", "UTF-16 BE", utf16(&ndjson, false, u16::to_be_bytes), whole),
        of("encodings", "CRLF", ndjson.into_bytes(), whole),
    ]
}

fn parquet_forms(events: &[Value]) -> Vec<Sample> {
    use ::parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
    let codecs = [
        ("plain", Compression::UNCOMPRESSED),
        ("snappy", Compression::SNAPPY),
        ("gzip", Compression::GZIP(GzipLevel::default())),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
        ("lz4", Compression::LZ4_RAW),
        ("brotli", Compression::BROTLI(BrotliLevel::default())),
    ];
    let athena: Vec<Value> = events.iter().map(athena).collect();
    let ocsf: Vec<Value> = events.iter().map(|event| ocsf::of(event, "1.1.0")).collect();
    let mut samples: Vec<Sample> = codecs
        .into_iter()
        .map(|(variant, codec)| Sample {
            form: "Athena Parquet",
            variant,
            bytes: parquet::write(&athena, codec, 2),
            kept: without_nulls,
        })
        .collect();
    samples.push(Sample {
        form: "Security Lake Parquet",
        variant: "zstd, a map of what was not mapped",
        bytes: parquet::write(&ocsf, Compression::ZSTD(ZstdLevel::default()), 2),
        kept: without_nulls,
    });
    samples
}

/// As Wazuh's module sends it: without nulls, a list of one as its element, three fields as objects.
fn wazuh(event: &Value) -> Value {
    let mut aws = wazuh_kept(event);
    aws["log_info"] = json!({"aws_account_alias": "", "log_file": "f", "s3bucket": "b"});
    aws["source"] = json!("cloudtrail");
    json!({"integration": "aws", "aws": aws})
}

fn wazuh_kept(event: &Value) -> Value {
    without_nulls(event)
}

/// Names as Hive has them; free content as JSON in a text.
pub fn athena(event: &Value) -> Value {
    fn lower(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                Value::Object(members.iter().map(|(key, value)| (key.to_ascii_lowercase(), lower(value))).collect())
            }
            Value::Array(items) => Value::Array(items.iter().map(lower).collect()),
            scalar => scalar.clone(),
        }
    }
    let free = ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails"];
    let mut row = Map::new();
    for (key, value) in event.as_object().expect("an event") {
        let value = match value {
            value if free.contains(&key.as_str()) && !value.is_null() => json!(text(value)),
            value => lower(value),
        };
        row.insert(key.to_ascii_lowercase(), value);
    }
    row.insert("timestamp".to_owned(), json!("2024/05/01"));
    Value::Object(row)
}

const LAKE: [&str; 21] = [
    "eventVersion",
    "userIdentity",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "requestID",
    "eventID",
    "readOnly",
    "eventType",
    "managementEvent",
    "recipientAccountId",
    "eventCategory",
    "tlsDetails",
];

/// As Lake writes structs: `{key=value, key={…}}`.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(members) => {
            let parts: Vec<String> = members.iter().map(|(key, value)| format!("{key}={}", cell(value))).collect();
            format!("{{{}}}", parts.join(", "))
        }
        other => other.to_string(),
    }
}

fn lake_cells(events: &[Value]) -> Vec<Vec<Value>> {
    let cell_of = |event: &Value, name: &str| {
        let text = cell(event.get(name).unwrap_or(&Value::Null));
        Value::Object(Map::from_iter([(name.to_owned(), json!(text))]))
    };
    events.iter().map(|event| LAKE.iter().map(|name| cell_of(event, name)).collect()).collect()
}

fn lake_columns(events: &[Value]) -> Vec<u8> {
    csv(
        &LAKE,
        events.iter().map(|event| LAKE.iter().map(|name| cell(event.get(*name).unwrap_or(&Value::Null))).collect()),
    )
}

/// Columns that were asked for; all scalars within structs are texts.
fn lake_kept(event: &Value) -> Value {
    let event = without_nulls(event);
    let members = event.as_object().expect("an event").iter().filter(|(key, _)| LAKE.contains(&key.as_str()));
    Value::Object(members.map(|(key, value)| (key.clone(), value.clone())).collect())
}

const HISTORY: [(&str, &str); 11] = [
    ("Event time", "eventTime"),
    ("Event source", "eventSource"),
    ("Event name", "eventName"),
    ("AWS region", "awsRegion"),
    ("Source IP address", "sourceIPAddress"),
    ("User agent", "userAgent"),
    ("Error code", "errorCode"),
    ("Request ID", "requestID"),
    ("Event ID", "eventID"),
    ("Event type", "eventType"),
    ("Recipient Account Id", "recipientAccountId"),
];

fn event_history(events: &[Value], time: fn(&str) -> String) -> Vec<u8> {
    let titles: Vec<&str> = HISTORY.iter().map(|(title, _)| *title).chain(["User name"]).collect();
    let cell = |event: &Value, field: &str| match (field, event[field].as_str().unwrap_or_default()) {
        ("eventTime", text) => time(text),
        (_, text) => text.to_owned(),
    };
    let user = |event: &Value| event["userIdentity"]["userName"].as_str().unwrap_or_default().to_owned();
    csv(
        &titles,
        events.iter().map(|event| HISTORY.iter().map(|(_, field)| cell(event, field)).chain([user(event)]).collect()),
    )
}

fn local(time: &str) -> String {
    let time: chrono::DateTime<chrono::Utc> = time.parse().expect("a time");
    (time + chrono::Duration::minutes(330)).format("%B %d, %Y, %I:%M:%S %p (UTC+05:30)").to_string()
}

fn history_kept(event: &Value) -> Value {
    let mut kept = Map::new();
    for (_, field) in HISTORY {
        if let Some(value) = event.get(field).filter(|value| !value.is_null()) {
            kept.insert(field.to_owned(), value.clone());
        }
    }
    if let Some(name) = event["userIdentity"].get("userName") {
        kept.insert("userIdentity".to_owned(), json!({"userName": name}));
    }
    Value::Object(kept)
}
