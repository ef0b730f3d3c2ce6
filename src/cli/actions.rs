//! `trailpare actions`: which actions were used, by whom, on what.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::select::SelectArgs;
use super::table::{render, row, table};
use super::{CliError, Context, Exit};
use crate::iam::Outcome;
use crate::time::format_time;
use crate::usage::{Sessions, Text, UsageRow};

/// Show which IAM actions were used, on which resources, how often, first and last; what was denied, or failed before anybody decided, stands apart.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Used means allowed: a call that failed for another reason than authorisation was allowed.

Examples:
  trailpare actions --role deploy
  trailpare actions --permission-set AdministratorAccess --by session
  trailpare actions --user 'ci-*' --from 2024-01-01 --to 2024-03-31 --format csv")]
pub struct ActionsArgs {
    #[command(flatten)]
    select: SelectArgs,
    /// One table for each of these.
    #[arg(long, value_enum, default_value = "principal")]
    by: By,
    /// How to print it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// Role, user, root, ...
    Principal,
    /// Principal and session name: for Identity Center roles, the person.
    Session,
    /// The account in which the principals live.
    Account,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// A JSON list.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

/// One line of the answer.
struct Line {
    group: Vec<Text>,
    action: Text,
    resource: Text,
    /// Whether it stands for further resources of a container.
    overflow: bool,
    outcome: &'static str,
    confidence: Text,
    rule: Text,
    event_count: u64,
    first_time_us: i64,
    last_time_us: i64,
}

const NO_PERMISSION: &str = "(none needed)";

impl By {
    fn headings(self) -> &'static [&'static str] {
        match self {
            By::Principal => &["principal_arn"],
            By::Session => &["principal_arn", "session_name"],
            By::Account => &["account_id"],
        }
    }

    fn group(self, row: &UsageRow) -> Vec<Text> {
        match self {
            By::Principal => vec![row.principal_arn.clone()],
            By::Session => vec![row.principal_arn.clone(), row.session_name.clone().unwrap_or_default()],
            By::Account => vec![row.account_id.clone()],
        }
    }
}

pub fn run(args: &ActionsArgs, context: &Context) -> Result<Exit, CliError> {
    let sessions = if args.by == By::Session { Sessions::Apart } else { Sessions::Together };
    let selected = args.select.read(sessions, context.catalog, context)?;
    let lines = lines(&selected.rows, args.by);
    let text = match args.format {
        Format::Table => table_text(&lines),
        Format::Json => serde_json::to_string_pretty(&values(&lines, args.by))? + "\n",
        Format::Ndjson => values(&lines, args.by).iter().map(|value| format!("{value}\n")).collect(),
        Format::Csv => csv_text(&lines, args.by),
    };
    io::stdout().write_all(text.as_bytes())?;
    context.detail(&format!("snapshot {}, {}", selected.snapshot.id, selected.range));
    Ok(selected.exit)
}

/// Adds up the rows of each group: one line an action, resource, outcome and confidence.
fn lines(rows: &[UsageRow], by: By) -> Vec<Line> {
    let mut lines: BTreeMap<_, Line> = BTreeMap::new();
    let needs_none = Text::from(NO_PERMISSION);
    for row in rows {
        let group = by.group(row);
        let action = row.action.clone().unwrap_or_else(|| needs_none.clone());
        let rank = match row.outcome {
            _ if row.action.is_none() => 3,
            Outcome::Allowed => 0,
            Outcome::Denied => 1,
            Outcome::Undecided => 2,
        };
        let what = if row.action.is_none() { row.event_name.clone() } else { row.resource.clone() };
        let key = (group.clone(), rank, action.clone(), what.clone(), row.overflow, row.confidence.clone());
        let line = lines.entry(key).or_insert_with(|| Line {
            group,
            action,
            resource: what,
            overflow: row.overflow,
            outcome: row.outcome.as_str(),
            confidence: row.confidence.clone(),
            rule: row.rule.clone(),
            event_count: 0,
            first_time_us: row.first_time_us,
            last_time_us: row.last_time_us,
        });
        line.event_count += row.event_count;
        line.first_time_us = line.first_time_us.min(row.first_time_us);
        line.last_time_us = line.last_time_us.max(row.last_time_us);
    }
    lines.into_values().collect()
}

fn table_text(lines: &[Line]) -> String {
    let mut out = String::new();
    for group in lines.chunk_by(|a, b| a.group == b.group) {
        let Some(first) = group.first() else { continue };
        let heading: Vec<&str> = first.group.iter().map(Text::as_str).filter(|text| !text.is_empty()).collect();
        if !out.is_empty() {
            out.push('\n');
        }
        out += &format!("{}\n", super::printable(&heading.join("  ")));
        let mut table = table(&["  ACTION", "RESOURCE", "OUTCOME", "CONFIDENCE", "EVENTS", "FIRST", "LAST"], &[4]);
        for line in group {
            row(
                &mut table,
                [
                    &format!("  {}", line.action),
                    &if line.overflow {
                        format!("{} (further ones)", line.resource)
                    } else {
                        line.resource.to_string()
                    },
                    line.outcome,
                    &line.confidence,
                    &line.event_count.to_string(),
                    &format_time(line.first_time_us),
                    &format_time(line.last_time_us),
                ],
            );
        }
        out += &render(&table);
    }
    out
}

fn values(lines: &[Line], by: By) -> Vec<Value> {
    lines
        .iter()
        .map(|line| {
            let mut value = serde_json::Map::new();
            for (name, text) in by.headings().iter().zip(&line.group) {
                value.insert((*name).to_owned(), json!(text.as_str()));
            }
            let needs_none = line.action == NO_PERMISSION;
            value.insert("action".to_owned(), if needs_none { Value::Null } else { json!(line.action.as_str()) });
            let what = if needs_none { "event_name" } else { "resource" };
            value.insert(what.to_owned(), json!(line.resource.as_str()));
            for (name, text) in [("outcome", line.outcome), ("confidence", &line.confidence), ("rule", &line.rule)] {
                value.insert(name.to_owned(), json!(text));
            }
            value.insert("overflow".to_owned(), json!(line.overflow));
            value.insert("event_count".to_owned(), json!(line.event_count));
            value.insert("first_time".to_owned(), json!(format_time(line.first_time_us)));
            value.insert("last_time".to_owned(), json!(format_time(line.last_time_us)));
            Value::Object(value)
        })
        .collect()
}

fn csv_text(lines: &[Line], by: By) -> String {
    let rest =
        ["action", "resource", "outcome", "confidence", "rule", "event_count", "first_time", "last_time", "overflow"];
    let headings: Vec<&str> = by.headings().iter().chain(&rest).copied().collect();
    let mut out = headings.join(",") + "\n";
    for line in lines {
        let (count, first, last) =
            (line.event_count.to_string(), format_time(line.first_time_us), format_time(line.last_time_us));
        let overflow = if line.overflow { "true" } else { "false" };
        let rest =
            [&line.action, &line.resource, line.outcome, &line.confidence, &line.rule, &count, &first, &last, overflow];
        let cells: Vec<String> = line.group.iter().map(Text::as_str).chain(rest).map(csv_cell).collect();
        out += &(cells.join(",") + "\n");
    }
    out
}

/// Source: RFC 4180.
fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
