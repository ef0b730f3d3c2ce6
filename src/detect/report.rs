//! What rules found, as values: rows, a document, sums for people, SARIF.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::problem::Problem;
use super::rule::{Header, Level};
use super::rules::Rules;
use super::run::{Event, Finding};
use crate::report::findings::{log, result};
use crate::report::rows::{Columns, Type};
use crate::time::format_time;
use crate::util::shown;

/// The version of the document.
pub const SCHEMA: &str = "trailpare/detect/1";

use Type::{Count, Text};

/// The columns of [`row`].
pub const COLUMNS: &Columns = &[
    ("level", Text),
    ("rule", Text),
    ("rule_id", Text),
    ("first_time", Text),
    ("last_time", Text),
    ("principal_arn", Text),
    ("session_name", Text),
    ("account_id", Text),
    ("event_source", Text),
    ("event_name", Text),
    ("aws_region", Text),
    ("source_ip_address", Text),
    ("error_code", Text),
    ("group", Text),
    ("events", Count),
    ("event_ids", Text),
];

/// A finding as a flat row: several values of a cell stand apart by spaces.
pub fn row(finding: &Finding, header: &Header) -> Value {
    let mut row = document_row(finding, header);
    if let Some(row) = row.as_object_mut() {
        row.insert("event_ids".to_owned(), json!(finding.ids.join(" ")));
        row.insert("group".to_owned(), json!((!finding.group.is_empty()).then(|| group(finding))));
    }
    row
}

/// What the events of a correlation have in common, for people.
pub fn group(finding: &Finding) -> String {
    let pairs: Vec<String> = finding.group.iter().map(|(field, value)| format!("{field}={value}")).collect();
    pairs.join(" ")
}

/// A finding as the document has it.
pub fn document_row(finding: &Finding, header: &Header) -> Value {
    let none = Event::default();
    let event = finding.event.as_ref().unwrap_or(&none);
    let group: Map<String, Value> =
        finding.group.iter().map(|(field, value)| (field.clone(), Value::from(value.as_str()))).collect();
    json!({
        "level": header.level,
        "rule": header.title,
        "rule_id": header.id,
        "first_time": format_time(finding.first_us),
        "last_time": format_time(finding.last_us),
        "principal_arn": finding.principal,
        "session_name": event.session_name,
        "account_id": event.account_id,
        "event_source": event.event_source,
        "event_name": event.event_name,
        "aws_region": event.aws_region,
        "source_ip_address": event.source_ip_address,
        "error_code": event.error_code,
        "group": group,
        "events": finding.events,
        "event_ids": finding.ids,
    })
}

/// What the document says beside the findings. `counts` are how many each rule has.
pub fn about(rules: &Rules, counts: &[u64]) -> Map<String, Value> {
    let told = rules.told().len();
    let rule = |(at, header): (usize, &Header)| {
        json!({
            "title": header.title,
            "id": header.id,
            "level": header.level,
            "kind": if at < told { "rule" } else { "correlation" },
            "tags": header.tags,
            "file": header.place.file,
            "document": header.place.document,
            "findings": counts.get(at).copied().unwrap_or(0),
        })
    };
    let skipped = rules.skipped.iter().map(|skipped| {
        let header = &skipped.header;
        json!({
            "title": header.title, "id": header.id, "file": header.place.file, "document": header.place.document,
            "why": skipped.why,
        })
    });
    let mut about = Map::new();
    about.insert("rules".to_owned(), rules.headers().into_iter().enumerate().map(rule).collect());
    about.insert("skipped".to_owned(), skipped.collect());
    about.insert("problems".to_owned(), rules.problems.iter().map(problem).collect());
    about.insert("notes".to_owned(), rules.notes.iter().map(problem).collect());
    about
}

fn problem(problem: &Problem) -> Value {
    let Problem { place, what, hint } = problem;
    json!({"file": place.file, "document": place.document, "path": place.path, "what": what, "hint": hint})
}

/// Ids that are shown of several events.
const IDS_SHOWN: usize = 3;

/// What somebody, or a group, did that a rule found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The principal, or the group of a correlation.
    pub whom: String,
    /// How many events.
    pub events: usize,
    /// When the first was, microseconds since 1970-01-01 UTC.
    pub first_us: i64,
    /// When the last was.
    pub last_us: i64,
    /// Some of their ids.
    pub ids: Vec<String>,
}

/// The findings of one rule, summed up by whom.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    by_whom: BTreeMap<String, Sum>,
}

impl Sums {
    /// Adds a finding.
    pub fn add(&mut self, finding: &Finding) {
        let whom = match (&finding.principal, finding.group.is_empty()) {
            (_, false) => group(finding),
            (Some(principal), true) => principal.clone(),
            (None, true) => "(no principal recorded)".to_owned(),
        };
        let sum = self.by_whom.entry(whom.clone()).or_insert_with(|| Sum {
            whom,
            first_us: finding.first_us,
            last_us: finding.last_us,
            ..Sum::default()
        });
        sum.events += finding.events;
        sum.first_us = sum.first_us.min(finding.first_us);
        sum.last_us = sum.last_us.max(finding.last_us);
        let room = IDS_SHOWN.saturating_sub(sum.ids.len());
        sum.ids.extend(finding.ids.iter().take(room).cloned());
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_whom.is_empty()
    }

    /// All of them, those of most events first.
    pub fn sorted(&self) -> Vec<&Sum> {
        let mut sums: Vec<&Sum> = self.by_whom.values().collect();
        sums.sort_by_key(|sum| std::cmp::Reverse(sum.events));
        sums
    }
}

/// SARIF: a result for each rule and whom it found.
pub fn sarif(rules: &Rules, sums: &[Sums]) -> Value {
    let headers = rules.headers();
    let id = |header: &Header| header.id.clone().unwrap_or_else(|| header.title.clone());
    let ids: Vec<String> = headers.iter().map(|header| id(header)).collect();
    let told: Vec<(&str, &str, &str)> = headers
        .iter()
        .zip(&ids)
        .map(|(header, id)| (id.as_str(), severity(header.level), header.title.as_str()))
        .collect();
    let mut results = Vec::new();
    for (index, (header, sums)) in headers.iter().zip(sums).enumerate() {
        let Some((id, level, title)) = told.get(index).copied() else { continue };
        for sum in sums.sorted() {
            let (first, last) = (format_time(sum.first_us), format_time(sum.last_us));
            let ids = sum.ids.join(", ");
            let text =
                format!("{title}: {}: {}, {first} to {last} ({ids})", sum.whom, shown::count(sum.events, "event"));
            results.push(result((index, id, level), &shown::name(&text), &header.place.file, &sum.whom));
        }
    }
    log(&told, &results)
}

fn severity(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Critical | Level::High) => "error",
        Some(Level::Medium) => "warning",
        _ => "note",
    }
}
