//! A store of a few records, and rules over it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use trailpare::detect::{self, Finding, Findings, Rules, Window};
use trailpare::iam::Catalog;
use trailpare::ingest::{self, Progress};
use trailpare::query;
use trailpare::store::Store;

/// A record as CloudTrail writes it, with other values where `more` has them.
pub fn record(id: &str, more: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": "arn:aws:iam::111122223333:user/ann",
            "accountId": "111122223333", "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "userName": "ann"
        },
        "eventTime": "2024-03-01T06:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2.15.0",
        "requestID": "r",
        "eventID": id,
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management"
    });
    for (key, value) in more.as_object().expect("an object") {
        record[key] = value.clone();
    }
    record
}

/// A store of records, open for queries.
pub struct World {
    pub runtime: Runtime,
    pub context: SessionContext,
    _folder: tempfile::TempDir,
}

/// Takes records in as a log object has them.
pub fn ingest(folder: &Path, records: &[Value]) -> PathBuf {
    let (logs, store) = (folder.join("logs"), folder.join("store"));
    fs::create_dir(&logs).expect("made");
    fs::write(logs.join("log.json"), json!({ "Records": records }).to_string()).expect("written");
    let options = ingest::Options { threads: 1, commit_interval: Duration::ZERO, ..ingest::Options::of(vec![logs]) };
    let made = Store::open_or_create(&store).expect("a store");
    let summary = ingest::ingest(&made, &options, Catalog::embedded(), &Progress::default()).expect("taken in");
    assert_eq!((summary.broken, summary.problem_count), (0, 0), "{:?}", summary.problems);
    store
}

impl World {
    pub fn new(records: &[Value]) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&ingest(folder.path(), records)).expect("a store");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = query::Options { threads: Some(2), ..query::Options::default() };
        let snapshot = store.snapshot(None).expect("a snapshot");
        let context = runtime.block_on(query::session(&snapshot, &options)).expect("a session");
        World { runtime, context, _folder: folder }
    }

    /// What rules find, by their titles; correlations behind the others.
    pub fn findings(&self, rules: &Rules) -> Vec<(String, Finding)> {
        let titles: Vec<String> = rules.headers().iter().map(|header| header.title.clone()).collect();
        let window = Window::default();
        let mut all = Vec::new();
        self.runtime.block_on(async {
            let mut findings = Findings::begin(&self.context, rules, &window).await.expect("it runs");
            while let Some(finding) = findings.next().await.expect("it runs") {
                all.push((titles[finding.rule].clone(), finding));
            }
            for finding in detect::correlated(&self.context, rules, &window).await.expect("it runs") {
                all.push((titles[finding.rule].clone(), finding));
            }
        });
        all
    }

    /// The ids of the events that each rule finds.
    pub fn ids(&self, rules: &Rules) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (title, finding) in self.findings(rules) {
            found.entry(title).or_default().extend(finding.ids);
        }
        found.values_mut().for_each(|ids| ids.sort());
        found
    }

    /// The ids that each statement of a text gives, in order.
    pub fn asked(&self, sql: &str) -> Vec<Vec<String>> {
        let statements = query::parse(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        let ids = |statement| {
            self.runtime.block_on(async {
                let answer = query::execute(&self.context, statement, &HashMap::new()).await;
                let answer = answer.unwrap_or_else(|error| panic!("{error}\n{sql}"));
                let batches: Vec<_> = answer.try_collect().await.unwrap_or_else(|error| panic!("{error}\n{sql}"));
                let mut ids = Vec::new();
                for batch in &batches {
                    let column = cast(batch.column_by_name("event_id").expect("ids"), &DataType::Utf8).expect("texts");
                    let column = column.as_string::<i32>();
                    ids.extend((0..column.len()).map(|row| column.value(row).to_owned()));
                }
                ids.sort();
                ids
            })
        };
        statements.into_iter().map(ids).collect()
    }
}

/// Reads rules from a text.
pub fn rules(yaml: &str) -> Rules {
    Rules::read(&[PathBuf::from("-")], &mut yaml.as_bytes(), None)
}

/// A rule with this detection, indented by four.
pub fn rule(title: &str, detection: &str) -> String {
    format!(
        "---\ntitle: {title}\nid: {title}\nname: {title}\nlogsource:\n    product: aws\n    service: cloudtrail\n\
         detection:\n{detection}\nlevel: medium\n"
    )
}
