//! `trailpare actions`: which actions were used, by whom, on what.

use std::cmp::Ordering;
use std::io::{self, BufWriter, Write};
use std::iter::Peekable;

use serde_json::{Value, json};

use super::select::SelectArgs;
use super::table::{render, row, table};
use super::{CliError, Context, Exit};
use crate::iam::Outcome;
use crate::query::csv;
use crate::time::format_time;
use crate::usage::{ReadError, Sessions, Text, UsageRow};

/// Show which IAM actions were used, on which resources, how often, first and last; what was denied, or failed before
/// anybody decided, stands apart.
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
    /// Its place among those of its group, before its name.
    rank: u8,
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

/// The rank of what needs no permission.
const NEEDS_NONE: u8 = 3;

impl By {
    fn headings(self) -> &'static [&'static str] {
        match self {
            By::Principal => &["principal_arn"],
            By::Session => &["principal_arn", "session_name"],
            By::Account => &["account_id"],
        }
    }

    fn group(self, row: &UsageRow) -> Vec<&str> {
        match self {
            By::Principal => vec![&row.principal_arn],
            By::Session => vec![&row.principal_arn, row.session_name.as_deref().unwrap_or_default()],
            By::Account => vec![&row.account_id],
        }
    }

    /// The order of lines, and of the rows that a line adds up.
    fn order(self) -> fn(&UsageRow, &UsageRow) -> Ordering {
        match self {
            By::Principal => |a, b| compare(By::Principal, a, b).then_with(|| UsageRow::compare(a, b)),
            By::Session => |a, b| compare(By::Session, a, b).then_with(|| UsageRow::compare(a, b)),
            By::Account => |a, b| compare(By::Account, a, b).then_with(|| UsageRow::compare(a, b)),
        }
    }
}

/// The order of the lines that two rows count for.
fn compare(by: By, a: &UsageRow, b: &UsageRow) -> Ordering {
    by.group(a).cmp(&by.group(b)).then_with(|| what(a).cmp(&what(b)))
}

/// What a line of its group is about: its rank, action, resource or event, whether that stands for further ones, and how it
/// is known.
fn what(row: &UsageRow) -> (u8, &str, &str, bool, &str) {
    let rank = match row.outcome {
        _ if row.action.is_none() => NEEDS_NONE,
        Outcome::Allowed => 0,
        Outcome::Denied => 1,
        Outcome::Undecided => 2,
    };
    let action = row.action.as_deref().unwrap_or(NO_PERMISSION);
    let resource = if row.action.is_none() { &row.event_name } else { &row.resource };
    (rank, action, resource, row.overflow, &row.confidence)
}

pub fn run(args: &ActionsArgs, context: &Context) -> Result<Exit, CliError> {
    let sessions = if args.by == By::Session { Sessions::Apart } else { Sessions::Together };
    let (selected, uses) = args.select.open(sessions, context.catalog, context)?;
    let space = args.select.memory.space();
    let rows = uses.ordered_by(args.by.order(), &space)?.into_iter();
    let mut lines = Lines { by: args.by, rows: rows.peekable() };
    if lines.rows.peek().is_none() {
        return Err(selected.nobody()?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        Format::Table => write_tables(lines, space.bytes(), &mut out)?,
        Format::Json => write_list(lines, args.by, &mut out)?,
        Format::Ndjson => lines.try_for_each(|line| Ok::<_, CliError>(writeln!(out, "{}", value(&line?, args.by))?))?,
        Format::Csv => write_csv(lines, args.by, &mut out)?,
    }
    out.flush()?;
    context.detail(&format!("snapshot {}, {}", selected.snapshot.id, selected.range));
    Ok(selected.exit)
}

/// Adds up the rows of each group: one line an action, resource, outcome and confidence. The rows come in their order.
struct Lines<I: Iterator<Item = Result<UsageRow, ReadError>>> {
    by: By,
    rows: Peekable<I>,
}

impl<I: Iterator<Item = Result<UsageRow, ReadError>>> Iterator for Lines<I> {
    type Item = Result<Line, ReadError>;

    fn next(&mut self) -> Option<Result<Line, ReadError>> {
        let first = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let mut line = line(&first, self.by);
        let is_same = |row: &Result<UsageRow, ReadError>| {
            row.as_ref().is_ok_and(|row| compare(self.by, row, &first) == Ordering::Equal)
        };
        while let Some(Ok(row)) = self.rows.next_if(is_same) {
            line.event_count += row.event_count;
            line.first_time_us = line.first_time_us.min(row.first_time_us);
            line.last_time_us = line.last_time_us.max(row.last_time_us);
        }
        Some(Ok(line))
    }
}

fn line(row: &UsageRow, by: By) -> Line {
    let (rank, action, resource, overflow, _) = what(row);
    Line {
        group: by.group(row).into_iter().map(Text::from).collect(),
        rank,
        action: action.into(),
        resource: resource.into(),
        overflow,
        outcome: row.outcome.as_str(),
        confidence: row.confidence.clone(),
        rule: row.rule.clone(),
        event_count: row.event_count,
        first_time_us: row.first_time_us,
        last_time_us: row.last_time_us,
    }
}

/// What a line of a table takes while its columns are made as wide as they must be.
const TABLE_LINE_BYTES: u64 = 2_500;

/// One table a group.
fn write_tables(
    lines: impl Iterator<Item = Result<Line, ReadError>>,
    memory_bytes: u64,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let lines_max = memory_bytes / TABLE_LINE_BYTES;
    let (mut group, mut is_first): (Vec<Line>, bool) = (Vec::new(), true);
    let mut write = |group: &[Line]| -> io::Result<()> {
        if !std::mem::take(&mut is_first) {
            out.write_all(b"\n")?;
        }
        out.write_all(table_text(group).as_bytes())
    };
    for line in lines {
        let line = line?;
        if group.first().is_some_and(|first| first.group != line.group) {
            write(&std::mem::take(&mut group))?;
        }
        group.push(line);
        if group.len() as u64 > lines_max {
            return Err(CliError::failed(format!(
                "--memory-limit: a table of more than {lines_max} lines takes more memory than there is\n\
                 hint: --format csv, or raise it"
            )));
        }
    }
    Ok(write(&group)?)
}

fn table_text(lines: &[Line]) -> String {
    let Some(first) = lines.first() else { return String::new() };
    let heading: Vec<&str> = first.group.iter().map(Text::as_str).filter(|text| !text.is_empty()).collect();
    let mut out = format!("{}\n", super::printable(&heading.join("  ")));
    let mut table = table(&["  ACTION", "RESOURCE", "OUTCOME", "CONFIDENCE", "EVENTS", "FIRST", "LAST"], &[4]);
    for line in lines {
        row(
            &mut table,
            [
                &format!("  {}", line.action),
                &if line.overflow { format!("{} (further ones)", line.resource) } else { line.resource.to_string() },
                line.outcome,
                &line.confidence,
                &line.event_count.to_string(),
                &format_time(line.first_time_us),
                &format_time(line.last_time_us),
            ],
        );
    }
    out += &render(&table);
    out
}

fn value(line: &Line, by: By) -> Value {
    let mut value = serde_json::Map::new();
    for (name, text) in by.headings().iter().zip(&line.group) {
        value.insert((*name).to_owned(), json!(text.as_str()));
    }
    let needs_none = line.rank == NEEDS_NONE;
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
}

/// A JSON list, a line at a time.
fn write_list(
    lines: impl Iterator<Item = Result<Line, ReadError>>,
    by: By,
    out: &mut impl Write,
) -> Result<(), CliError> {
    for (number, line) in lines.enumerate() {
        let text = serde_json::to_string_pretty(&value(&line?, by))?;
        let before = if number == 0 { "[" } else { "," };
        write!(out, "{before}\n  {}", text.replace('\n', "\n  "))?;
    }
    Ok(out.write_all(b"\n]\n")?)
}

fn write_csv(
    lines: impl Iterator<Item = Result<Line, ReadError>>,
    by: By,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let rest =
        ["action", "resource", "outcome", "confidence", "rule", "event_count", "first_time", "last_time", "overflow"];
    let headings: Vec<&str> = by.headings().iter().chain(&rest).copied().collect();
    let mut rows = csv::Rows::new(out, super::printable);
    rows.write(headings)?;
    for line in lines {
        let line = line?;
        let (count, first, last) =
            (line.event_count.to_string(), format_time(line.first_time_us), format_time(line.last_time_us));
        let overflow = if line.overflow { "true" } else { "false" };
        let rest =
            [&line.action, &line.resource, line.outcome, &line.confidence, &line.rule, &count, &first, &last, overflow];
        rows.write(line.group.iter().map(Text::as_str).chain(rest))?;
    }
    Ok(rows.finish()?)
}
