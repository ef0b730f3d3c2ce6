//! `trailpare actions`: which actions were used, by whom, on what.

use std::io::{self, Write};

use super::answer::{OutputArgs, write_rows};
use super::select::SelectArgs;
use super::table::{render, row, table};
use super::{CliError, Context, Exit};
use crate::query::{Format, csv};
use crate::report::actions::{By, Line, Lines};
use crate::report::rows::Type;
use crate::time::format_time;
use crate::usage::{ReadError, Sessions, Text};

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
    by: ByArg,
    #[command(flatten)]
    answer: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ByArg {
    /// Role, user, root, ...
    Principal,
    /// Principal and session name: for Identity Center roles, the person.
    Session,
    /// The account in which the principals live.
    Account,
}

impl ByArg {
    fn by(self) -> By {
        match self {
            ByArg::Principal => By::Principal,
            ByArg::Session => By::Session,
            ByArg::Account => By::Account,
        }
    }
}

pub fn run(args: &ActionsArgs, context: &Context) -> Result<Exit, CliError> {
    let by = args.by.by();
    let sessions = if by == By::Session { Sessions::Apart } else { Sessions::Together };
    let (selected, uses) = args.select.open(sessions, context.catalog, context)?;
    let space = args.select.memory.space();
    let mut lines = Lines::new(by, uses.ordered_by(by.order(), &space)?.into_iter());
    if lines.is_empty() {
        return Err(selected.nobody()?);
    }
    let mut out = args.answer.open()?;
    match args.answer.format {
        Format::Table => write_tables(lines, space.bytes(), &mut out)?,
        Format::Json => write_list(lines, &mut out)?,
        Format::Ndjson => {
            lines.try_for_each(|line| Ok::<_, CliError>(writeln!(out, "{}", serde_json::to_string(&line?)?)?))?
        }
        Format::Csv => write_csv(lines, by, &mut out)?,
        mode => write_rows(mode, &columns(by), lines, &mut out)?,
    }
    out.finish()?;
    context.detail(&format!("snapshot {}, {}", selected.snapshot.id, selected.range));
    Ok(selected.exit)
}

/// Columns of a line that every grouping has.
const REST: [(&str, Type); 9] = [
    ("action", Type::Text),
    ("resource", Type::Text),
    ("outcome", Type::Text),
    ("confidence", Type::Text),
    ("rule", Type::Text),
    ("event_count", Type::Count),
    ("first_time", Type::Text),
    ("last_time", Type::Text),
    ("overflow", Type::Flag),
];

fn columns(by: By) -> Vec<(&'static str, Type)> {
    by.headings().iter().map(|name| (*name, Type::Text)).chain(REST).collect()
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

/// A JSON list, a line at a time.
fn write_list(lines: impl Iterator<Item = Result<Line, ReadError>>, out: &mut impl Write) -> Result<(), CliError> {
    for (number, line) in lines.enumerate() {
        let text = serde_json::to_string_pretty(&line?)?;
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
    let mut rows = csv::Rows::new(out, super::printable);
    rows.write(columns(by).into_iter().map(|(name, _)| name))?;
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
