//! `trailpare detect`: Sigma rules over the store.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use datafusion::prelude::SessionContext;
use tokio::runtime::Runtime;

use super::answer::{Destination, no_terminal, write_rows};
use super::interrupt::Temporary;
use super::select::{SelectArgs, Selected};
use super::spill_folder::SpillFolder;
use super::table::{render, row, table};
use super::{CliError, Context, Exit, printable};
use crate::detect::report::{COLUMNS, SCHEMA, Sum, Sums, about, document_row, row as flat, sarif};
use crate::detect::{Finding, Findings, Header, Level, Rules, Window, correlated, has_events, sql};
use crate::query::{self, Format, Options, QueryError};
use crate::store::Snapshot;
use crate::time::format_time;
use crate::usage::TimeRange;
use crate::util::shown::{self, count};

/// Look for what Sigma rules describe: rules for CloudTrail, as the public ones are, correlations and filters.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
RULES are files, folders with all .yml and .yaml below them, or - for standard input; a file may have several documents.
Rules for other logs are left out. A rule that can't be run is named with its place and what to do; the others run.

Exit codes: 0 nothing was found, 5 something was, 3 nothing was found and some rules could not be run.

Examples:
  trailpare detect rules/cloud/aws/cloudtrail
  trailpare detect rules/ --level high --from yesterday --format json
  trailpare detect rules/ filters/ --account 111122223333 --format csv -o found.csv
  trailpare detect rule.yml --sql")]
pub struct DetectArgs {
    /// Rules: files, folders, or - for standard input.
    #[arg(value_name = "RULES", required = true)]
    rules: Vec<PathBuf>,
    /// Only rules of this level and graver ones.
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<Level>,
    /// Print the rules as SQL that `trailpare sql` takes, and look for nothing.
    #[arg(long, visible_alias = "explain", conflicts_with_all = ["format", "archive", "at"])]
    sql: bool,
    /// How to write what was found. The table sums up by rule and principal; the other modes have a row a finding.
    #[arg(long, value_name = "MODE", value_enum, default_value = "table", help_heading = "Answer")]
    format: Mode,
    /// Write it to a file instead of standard output: it appears when it is whole, and only you may read it.
    #[arg(short, long, value_name = "FILE", help_heading = "Answer")]
    output: Option<PathBuf>,
    /// Threads; one a core where nothing is said.
    #[arg(long, value_name = "N", help_heading = "How", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    #[command(flatten)]
    select: SelectArgs,
}

/// The modes of every answer, and SARIF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Rows(Format),
    Sarif,
}

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        const MODES: [Mode; 11] = [
            Mode::Rows(Format::Table),
            Mode::Rows(Format::Line),
            Mode::Rows(Format::Csv),
            Mode::Rows(Format::Tsv),
            Mode::Rows(Format::Json),
            Mode::Rows(Format::Ndjson),
            Mode::Rows(Format::Markdown),
            Mode::Rows(Format::Html),
            Mode::Rows(Format::Parquet),
            Mode::Rows(Format::Arrow),
            Mode::Sarif,
        ];
        &MODES
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Mode::Rows(format) => format.to_possible_value(),
            Mode::Sarif => Some(PossibleValue::new("sarif").help("SARIF 2.1.0")),
        }
    }
}

pub fn run(args: &DetectArgs, context: &Context) -> Result<Exit, CliError> {
    let rules = Rules::read(&args.rules, &mut io::stdin().lock(), args.level);
    say(&rules, context);
    if rules.headers().is_empty() {
        return Err(nothing_to_run(&rules, args.level));
    }
    let exit = if rules.problems.is_empty() { Exit::Done } else { Exit::Refused };
    if args.sql {
        let mut out = destination(args)?;
        out.write_all(sql(&rules)?.as_bytes())?;
        out.finish()?;
        return Ok(exit);
    }
    let spill = SpillFolder::create()?;
    let _temporary = Temporary::new(spill.path());
    let (snapshot, range, taken) = args.select.snapshot(context)?;
    let runtime = query::runtime(args.select.memory.memory_limit, args.threads.map(usize::from))?;
    let options = Options {
        spill: Some(spill.path().to_owned()),
        threads: args.threads.map(usize::from),
        memory_limit_bytes: Some(args.select.memory.memory_limit),
        catalog: Some(context.catalog),
        read_only: true,
        queries_only: false,
        stop: None,
    };
    let session = runtime.block_on(query::session(&snapshot, &options)).map_err(QueryError::from)?;
    let selection = match args.select.is_open() {
        true => None,
        false => Some(args.select.selection().knowing(&snapshot)?),
    };
    let window = Window { range, selection };
    if window.selection.is_some() && !runtime.block_on(has_events(&session, &window))? {
        let selection = args.select.selection();
        return Err(Selected { snapshot, selection, range, rows: Vec::new(), exit: taken }.nobody()?);
    }
    let mut found = Found::begin(&rules, &runtime, &session, &window)?;
    let mut out = destination(args)?;
    let snapshot_id = Asked { snapshot: &snapshot, range };
    match args.format {
        Mode::Rows(Format::Table) => tables(&rules, &mut found, &mut out)?,
        Mode::Rows(Format::Json) => document(&rules, &mut found, &snapshot_id, &mut out)?,
        Mode::Rows(format) => {
            let headers = rules.headers();
            let rows = found.by_ref().map(|finding| {
                let finding = finding?;
                let header = headers.get(finding.rule).copied();
                Ok::<_, CliError>(header.map_or(serde_json::Value::Null, |header| flat(&finding, header)))
            });
            write_rows(format, COLUMNS, rows, &mut out)?;
        }
        Mode::Sarif => writeln!(out, "{:#}", sarif(&rules, &sums(&rules, &mut found)?))?,
    }
    out.finish()?;
    let findings: u64 = found.counts.iter().sum();
    context.detail(&format!("snapshot {}, {range}: {}", snapshot.id, count(findings, "finding")));
    Ok(exit.worst(taken).worst(if findings > 0 { Exit::Found } else { Exit::Done }))
}

fn destination(args: &DetectArgs) -> Result<Destination, CliError> {
    match (&args.output, args.format) {
        (Some(path), _) => Destination::file(path),
        (None, Mode::Rows(format)) if format.is_binary() && io::stdout().is_terminal() => Err(no_terminal(format)),
        (None, _) => Ok(Destination::Out(io::BufWriter::new(io::stdout()))),
    }
}

/// Says what is left out, and what can't be run.
fn say(rules: &Rules, context: &Context) {
    rules.problems.iter().for_each(|problem| context.warn(&problem.to_string()));
    rules.notes.iter().for_each(|note| context.say(&note.to_string()));
    if !rules.skipped.is_empty() {
        let left_out = rules.skipped.len();
        context.say(&format!("left out, rules for other logs: {left_out} of {}", count(rules.documents, "document")));
        for skipped in &rules.skipped {
            let header = &skipped.header;
            let (title, why) = (shown::name(&header.title), shown::name(&skipped.why));
            context.detail(&format!("left out: {}: {title}: {why}", header.place));
        }
    }
}

fn nothing_to_run(rules: &Rules, level: Option<Level>) -> CliError {
    let mut text = format!("no rule that can be run among {}", count(rules.documents, "document"));
    if !rules.rules.is_empty()
        && let Some(level) = level
    {
        text += &format!("\nhint: of a lower level than {level}, or of none: {}", count(rules.rules.len(), "rule"));
    } else {
        text += "\nhint: rules for CloudTrail say product: aws and service: cloudtrail below logsource:";
    }
    CliError::failed(text)
}

/// What was asked.
struct Asked<'a> {
    snapshot: &'a Snapshot,
    range: TimeRange,
}

/// Findings one after the other, counted by rule.
struct Found<'a> {
    runtime: &'a Runtime,
    singles: Findings,
    correlated: std::vec::IntoIter<Finding>,
    counts: Vec<u64>,
    is_over: bool,
}

impl<'a> Found<'a> {
    fn begin(
        rules: &Rules,
        runtime: &'a Runtime,
        session: &SessionContext,
        window: &Window,
    ) -> Result<Found<'a>, CliError> {
        let correlated = runtime.block_on(correlated(session, rules, window))?.into_iter();
        let singles = runtime.block_on(Findings::begin(session, rules, window))?;
        Ok(Found { runtime, singles, correlated, counts: vec![0; rules.headers().len()], is_over: false })
    }
}

impl Iterator for Found<'_> {
    type Item = Result<Finding, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        let single = match self.is_over {
            true => None,
            false => match self.runtime.block_on(self.singles.next()) {
                Ok(single) => single,
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error.into()));
                }
            },
        };
        self.is_over |= single.is_none();
        let finding = single.or_else(|| self.correlated.next())?;
        if let Some(count) = self.counts.get_mut(finding.rule) {
            *count += 1;
        }
        Some(Ok(finding))
    }
}

/// Findings of each rule, summed up.
fn sums(rules: &Rules, found: &mut Found<'_>) -> Result<Vec<Sums>, CliError> {
    let mut sums = vec![Sums::default(); rules.headers().len()];
    for finding in found {
        let finding = finding?;
        if let Some(sums) = sums.get_mut(finding.rule) {
            sums.add(&finding);
        }
    }
    Ok(sums)
}

/// Lines that a table has for one rule.
const LINES_MAX: usize = 30;

fn tables(rules: &Rules, found: &mut Found<'_>, out: &mut impl Write) -> Result<(), CliError> {
    let sums = sums(rules, found)?;
    let headers = rules.headers();
    let hits = sums.iter().filter(|sums| !sums.is_empty()).count();
    let findings: u64 = found.counts.iter().sum();
    let (findings, found, none) =
        (count(findings, "finding"), count(hits, "rule"), count(headers.len() - hits, "rule"));
    writeln!(out, "{findings} of {found}; {none} found nothing")?;
    for (header, sums) in headers.into_iter().zip(&sums).filter(|(_, sums)| !sums.is_empty()) {
        write!(out, "\n{}", section(header, &sums.sorted()))?;
    }
    Ok(())
}

fn section(header: &Header, sums: &[&Sum]) -> String {
    let level = header.level.map_or("no level", Level::as_str);
    let id = header.id.as_deref().map(|id| format!("  {id}")).unwrap_or_default();
    let mut out = format!("{level}  {}\n", printable(&format!("{}{id}", header.title)).replace('\n', " "));
    let mut table = table(&["  WHO", "EVENTS", "FIRST", "LAST", "EVENT IDS"], &[1]);
    for sum in sums.iter().take(LINES_MAX) {
        let more = if sum.events > sum.ids.len() { " …" } else { "" };
        row(
            &mut table,
            [
                &format!("  {}", sum.whom),
                &sum.events.to_string(),
                &format_time(sum.first_us),
                &format_time(sum.last_us),
                &format!("{}{more}", sum.ids.join(" ")),
            ],
        );
    }
    out += &render(&table);
    if let more @ 1.. = sums.len().saturating_sub(LINES_MAX) {
        out += &format!("  … and {more} more: --format csv has all\n");
    }
    out
}

/// The document: findings as they come, then what is said of the rules.
fn document(rules: &Rules, found: &mut Found<'_>, asked: &Asked<'_>, out: &mut impl Write) -> Result<(), CliError> {
    let headers = rules.headers();
    let time = |time_us: Option<i64>| serde_json::to_string(&time_us.map(format_time));
    writeln!(out, "{{\n  \"schema\": \"{SCHEMA}\",\n  \"snapshot\": {},", asked.snapshot.id)?;
    writeln!(out, "  \"from\": {},\n  \"to\": {},", time(asked.range.from_us)?, time(asked.range.to_us)?)?;
    write!(out, "  \"findings\": [")?;
    let mut before = "\n    ";
    for finding in found.by_ref() {
        let finding = finding?;
        let Some(header) = headers.get(finding.rule) else { continue };
        write!(out, "{before}{}", serde_json::to_string(&document_row(&finding, header))?)?;
        before = ",\n    ";
    }
    write!(out, "\n  ]")?;
    for (key, value) in about(rules, &found.counts) {
        let text = serde_json::to_string_pretty(&value)?.replace('\n', "\n  ");
        write!(out, ",\n  {}: {text}", serde_json::to_string(&key)?)?;
    }
    Ok(writeln!(out, "\n}}")?)
}
