//! `trailpare explain`: how one event became actions and resources.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;

use super::answer::OutputArgs;
use super::select::StoreArgs;
use super::sql::open;
use super::table::{render, row, table};
use super::{CliError, Context, Exit, printable};
use crate::iam::Outcome;
use crate::ingest::MEMORY_LIMIT_BYTES;
use crate::query::{self, Format, Options, QueryError};
use crate::report::evidence::Proofs;
use crate::report::explain::{Action, Explanation, explanations};
use crate::report::rows;
use crate::store::{Snapshot, Store};
use crate::usage::{EventColumns, RoleLives, TimeRange};

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
    #[command(flatten)]
    answer: OutputArgs,
    /// Which store.
    #[command(flatten, next_help_heading = "From where")]
    store: StoreArgs,
    /// Ask this snapshot instead of the newest.
    #[arg(long, value_name = "SNAPSHOT", help_heading = "From where")]
    at: Option<i64>,
}

pub fn run(args: &ExplainArgs, context: &Context) -> Result<Exit, CliError> {
    let snapshot = open(&args.store.store, args.at, MEMORY_LIMIT_BYTES, context)?;
    let proofs = Proofs::read(&Store::open(&args.store.store)?)?;
    let (mut explained, found) = (Vec::new(), find(&snapshot, &args.event_id, context)?);
    let lives = lives_of(&snapshot, found.iter().flatten())?;
    for (id, batches) in args.event_id.iter().zip(found) {
        if batches.is_empty() {
            return Err(CliError::failed(format!(
                "snapshot {} has no event {id}\nhint: trailpare sql \"SELECT event_id, event_time FROM events LIMIT 10\"",
                snapshot.id
            )));
        }
        for batch in &batches {
            explained.extend(explanations(batch, context.catalog, proofs.as_ref(), &lives)?);
        }
    }
    match args.answer.format {
        Format::Table => {
            let texts: Vec<String> = explained.iter().map(|explanation| text(explanation, args.record)).collect();
            args.answer.text(&texts.join("\n"))?;
        }
        // A list, the records within.
        Format::Json => args.answer.text(&(serde_json::to_string_pretty(&explained)? + "\n"))?,
        _ => args.answer.rows(rows::EXPLAINED, rows::explained(&explained))?,
    }
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

/// Whether the roles of these events were deleted and made again, whenever that was.
fn lives_of<'a>(snapshot: &Snapshot, batches: impl Iterator<Item = &'a RecordBatch>) -> Result<RoleLives, CliError> {
    let mut arns = BTreeSet::new();
    for batch in batches {
        let events = EventColumns::try_new(batch)?;
        arns.extend((0..events.len()).filter_map(|row| events.principal_arn(row)).map(str::to_owned));
    }
    Ok(RoleLives::of_roles(snapshot, &TimeRange::default(), arns.iter().map(String::as_str))?)
}

fn text(explanation: &Explanation, with_record: bool) -> String {
    let outcome = match (explanation.outcome, &explanation.error) {
        (Outcome::Denied, Some(error)) => format!("denied: {error}"),
        (Outcome::Denied, None) => "denied".to_owned(),
        (Outcome::Undecided, Some(error)) => format!("undecided, failed before anybody decided: {error}"),
        (Outcome::Undecided, None) => "undecided".to_owned(),
        (Outcome::Allowed, Some(error)) => format!("allowed, then failed: {error}"),
        (Outcome::Allowed, None) => "allowed".to_owned(),
    };
    let lines = [
        ("event", explanation.event_id.as_str()),
        ("time", &explanation.event_time),
        ("principal", &explanation.principal),
        ("call", &explanation.call),
        ("outcome", &outcome),
    ];
    let one_line = |text: &str| printable(text).replace(['\n', '\t'], " ");
    let evidence = explanation.evidence.as_deref().map(|evidence| ("evidence", evidence));
    let lives: Vec<String> = explanation
        .made_again
        .iter()
        .map(|life| format!("{} from {} to {}", life.unique_id, life.first_time, life.last_time))
        .collect();
    let lives = lives.join("; ");
    let made_again = (!lives.is_empty()).then_some(("made again", lives.as_str()));
    let lines = lines.into_iter().chain(evidence).chain(made_again);
    let mut text: String = lines.map(|(name, value)| format!("{name:<11}{}\n", one_line(value))).collect();
    if let Some(reason) = explanation.no_permission {
        text += &format!("\nNo permission is needed: {reason}\n");
    }
    if !explanation.actions.is_empty() {
        text += &format!("\nActions\n{}", actions_table(&explanation.actions));
    }
    if !explanation.suggestions.is_empty() {
        text += &format!(
            "\nPerhaps also (such calls leave no trace of their own; never granted by default)\n{}",
            actions_table(&explanation.suggestions)
        );
    }
    if with_record {
        text += &format!("\nRecord\n{}\n", printable(&format!("{:#}", explanation.record)));
    }
    text
}

fn actions_table(actions: &[Action]) -> String {
    let mut lines = table(&["  action", "resource", "confidence", "rule", "source"], &[]);
    for action in actions {
        for resource in &action.resources {
            let passed = action.passed_to_service.as_deref().map(|service| format!(", passed to {service}"));
            let name = format!("  {}{}", action.action, passed.unwrap_or_default());
            row(&mut lines, [&name, resource, action.confidence, action.rule, &action.source]);
        }
    }
    render(&lines)
}
