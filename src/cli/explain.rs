//! `trailpare explain`: how one event became actions and resources.

use std::io::{self, Write};

use arrow::record_batch::RecordBatch;
use serde_json::{Value, json};

use super::select::StoreArgs;
use super::sql::open;
use super::table::{render, row, table};
use super::{CliError, Context, Exit, printable};
use crate::iam::{Event, Outcome, Permission, Permissions, Step};
use crate::ingest::MEMORY_LIMIT_BYTES;
use crate::query::{self, Options, QueryError};
use crate::record;
use crate::store::Snapshot;
use crate::time::format_time;
use crate::usage::EventColumns;

/// Show what an event says, which IAM actions and resources it took, and how that is known.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
`trailpare actions --format json` and the usage table name an example event of every use.

Examples:
  trailpare explain 1a2b3c4d-0000-4000-8000-0123456789ab
  trailpare explain --record 1a2b3c4d-0000-4000-8000-0123456789ab
  trailpare explain --format json 1a2b3c4d-0000-4000-8000-0123456789ab")]
pub struct ExplainArgs {
    /// CloudTrail's eventID.
    #[arg(value_name = "EVENT_ID", required = true, num_args = 1..)]
    event_id: Vec<String>,
    /// Show the whole record too.
    #[arg(long)]
    record: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Which store.
    #[command(flatten, next_help_heading = "From where")]
    store: StoreArgs,
    /// Ask this snapshot instead of the newest.
    #[arg(long, value_name = "SNAPSHOT", help_heading = "From where")]
    at: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// A JSON list, the records within.
    Json,
}

pub fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, CliError> {
    let snapshot = open(&args.store.store, args.at, MEMORY_LIMIT_BYTES, context)?;
    let mut explanations = Vec::new();
    for (id, batches) in args.event_id.iter().zip(find(&snapshot, &args.event_id, context)?) {
        if batches.is_empty() {
            return Err(CliError::failed(format!(
                "snapshot {} has no event {id}\nhint: trailpare sql \"SELECT event_id, event_time FROM events LIMIT 10\"",
                snapshot.id
            )));
        }
        for batch in &batches {
            explanations.extend(explain(batch, context)?);
        }
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => {
            let texts: Vec<String> = explanations.iter().map(|explanation| explanation.text(args.record)).collect();
            out.write_all(texts.join("\n").as_bytes())?;
        }
        Format::Json => {
            let values: Vec<Value> = explanations.iter().map(Explanation::json).collect();
            writeln!(out, "{:#}", Value::from(values))?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn find(snapshot: &Snapshot, ids: &[String], context: &Context) -> Result<Vec<Vec<RecordBatch>>, CliError> {
    let options = Options { catalog: Some(context.catalog), ..Options::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let session = query::session(snapshot, &options).await.map_err(QueryError::from)?;
        let mut found = Vec::new();
        for id in ids {
            found.push(query::events_by_id(&session, id).await?);
        }
        Ok(found)
    })
}

/// One event and what it took.
struct Explanation {
    event_id: String,
    time: String,
    principal: String,
    call: String,
    error: Option<String>,
    permissions: Permissions,
    record: Value,
}

fn explain(batch: &RecordBatch, context: &Context) -> Result<Vec<Explanation>, CliError> {
    let events = EventColumns::try_new(batch)?;
    let mut step = Step::new(context.catalog);
    Ok((0..events.len())
        .map(|row| {
            let resources = events.resources(row);
            let event = events.event(row, &resources);
            Explanation {
                event_id: events.event_id(row).unwrap_or_default().to_owned(),
                time: format_time(events.time_us(row)),
                principal: principal(&events, row),
                call: call(&event, events.invoked_by(row)),
                error: event.error_code.map(|code| match event.error_message {
                    Some(message) => format!("{code}: {message}"),
                    None => code.to_owned(),
                }),
                permissions: Permissions::clone(&step.permissions(&event)),
                record: record::to_json(batch, row),
            }
        })
        .collect())
}

fn principal(events: &EventColumns, row: usize) -> String {
    let mut text = events.principal_arn(row).unwrap_or("unknown").to_owned();
    let more = [
        events.principal_type(row).map(str::to_owned),
        events.session_name(row).map(|name| format!("session {name}")),
        events.permission_set(row).map(|name| format!("permission set {name}")),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if !more.is_empty() {
        text += &format!(" ({})", more.join(", "));
    }
    text
}

fn call(event: &Event<'_>, invoked_by: Option<&str>) -> String {
    let mut text = format!("{} {}", event.event_source, event.event_name);
    let places = [("region", event.aws_region), ("account", event.account_id), ("by way of", invoked_by)];
    for (what, value) in places {
        if let Some(value) = value {
            text += &format!(", {what} {value}");
        }
    }
    text
}

impl Explanation {
    fn text(&self, with_record: bool) -> String {
        let outcome = match (self.permissions.outcome, &self.error) {
            (Outcome::Denied, Some(error)) => format!("denied: {error}"),
            (Outcome::Denied, None) => "denied".to_owned(),
            (Outcome::Undecided, Some(error)) => format!("undecided, failed before anybody decided: {error}"),
            (Outcome::Undecided, None) => "undecided".to_owned(),
            (Outcome::Allowed, Some(error)) => format!("allowed, then failed: {error}"),
            (Outcome::Allowed, None) => "allowed".to_owned(),
        };
        let lines = [
            ("event", self.event_id.as_str()),
            ("time", &self.time),
            ("principal", &self.principal),
            ("call", &self.call),
            ("outcome", &outcome),
        ];
        let one_line = |text: &str| printable(text).replace(['\n', '\t'], " ");
        let mut text: String = lines.iter().map(|(name, value)| format!("{name:<11}{}\n", one_line(value))).collect();
        if let Some(reason) = self.permissions.no_permission {
            text += &format!("\nNo permission is needed: {reason}\n");
        }
        if !self.permissions.needed.is_empty() {
            text += &format!("\nActions\n{}", permissions_table(&self.permissions.needed));
        }
        if !self.permissions.suggestions.is_empty() {
            text += &format!(
                "\nPerhaps also (such calls leave no trace of their own; never granted by default)\n{}",
                permissions_table(&self.permissions.suggestions)
            );
        }
        if with_record {
            text += &format!("\nRecord\n{}\n", printable(&format!("{:#}", self.record)));
        }
        text
    }

    fn json(&self) -> Value {
        let list = |permissions: &[Permission]| permissions.iter().map(permission_json).collect::<Vec<_>>();
        json!({
            "event_id": self.event_id,
            "event_time": self.time,
            "outcome": self.permissions.outcome.as_str(),
            "error": self.error,
            "no_permission": self.permissions.no_permission,
            "actions": list(&self.permissions.needed),
            "suggestions": list(&self.permissions.suggestions),
            "record": self.record,
        })
    }
}

fn permission_json(permission: &Permission) -> Value {
    json!({
        "action": &*permission.action,
        "resources": permission.resources,
        "confidence": permission.confidence.as_str(),
        "rule": permission.rule,
        "source": &*permission.source,
        "passed_to_service": permission.passed_to_service.as_deref(),
    })
}

fn permissions_table(permissions: &[Permission]) -> String {
    let mut lines = table(&["  action", "resource", "confidence", "rule", "source"], &[]);
    for permission in permissions {
        for resource in &permission.resources {
            let passed = permission.passed_to_service.as_deref().map(|service| format!(", passed to {service}"));
            let action = format!("  {}{}", permission.action, passed.unwrap_or_default());
            row(&mut lines, [&action, resource, permission.confidence.as_str(), permission.rule, &permission.source]);
        }
    }
    render(&lines)
}
