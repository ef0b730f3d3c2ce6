//! `trailpare sql`: questions in SQL.
//!
//! `shell` runs statements and `commands` one after the other, `script` takes them apart; on a terminal `editor` reads
//! them, `complete` offers what may follow and `known` knows it, `screen` pages answers.

mod commands;
mod complete;
mod editor;
mod known;
mod screen;
mod script;
mod shell;

use std::collections::HashMap;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use datafusion::prelude::SessionContext;

use self::script::{Item, script};
use self::shell::{Shell, Start};
use super::answer::{OutputArgs, layout};
use super::interrupt::Temporary;
use super::machine::MemoryArgs;
use super::select::{StoreArgs, open_store, refresh_usage};
use super::spill_folder::SpillFolder;
use super::{CliError, Context, Exit, allocator, ingest_summary, named_list};
use crate::query::{self, Format, Library, Options, QueryError, Stop};
use crate::report::evidence::thousands;
use crate::store::{Snapshot, Store, Table};
use crate::time::format_date;
use crate::util::shown;

/// Ask the store in SQL (DataFusion's dialect, close to PostgreSQL's).
///
/// Tables: events (one row an event, CloudTrail's names in snake_case), usage (who used which action on what),
/// event_actions (each event's IAM actions and resources), cloudtrail_logs (events under the names of the table that
/// the AWS documentation has people create in Athena), cloudtrail_lake (as an event data store has them),
/// aws_cloudtrail_log (as Tailpipe has them). Queries for these run as they are. cloudtrail_archive('PATH') has the
/// events of log objects that no store has, in the columns of events. `SHOW TABLES`, `DESCRIBE events` and `SHOW
/// FUNCTIONS` tell more.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without statements, a terminal gets a shell: `.help` there. Elsewhere they are read from standard input.
Several statements stand between semicolons. $name in a statement is the value of --param name=VALUE. A named
query is a table, too: FROM denied_calls(principal => '%deploy%').

Examples:
  trailpare sql
  trailpare sql \"SELECT event_name, count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 10\"
  trailpare sql \"SELECT DISTINCT action FROM usage WHERE principal_arn LIKE '%/deploy' AND outcome = 'allowed'\"
  trailpare sql \"SELECT request_parameters ->> 'bucketName' AS bucket, count(*) FROM events
                 WHERE event_date = DATE '2023-07-10' AND event_source = 's3.amazonaws.com' GROUP BY 1\"
  trailpare sql -f athena-query.sql --format csv --output answer.csv
  trailpare sql \"SELECT userIdentity.arn, eventTime FROM cloudtrail_lake WHERE eventTime > '2023-07-10 12:00:00'\"
  trailpare sql \"COPY (SELECT * FROM usage) TO 'usage.parquet'\"
  trailpare sql \"CREATE EXTERNAL TABLE known STORED AS CSV LOCATION 'known.csv' OPTIONS (format.has_header true);
                 SELECT * FROM usage WHERE principal_arn NOT IN (SELECT arn FROM known)\"
  trailpare sql \"SELECT event_name, count(*) FROM cloudtrail_archive('AWSLogs/') WHERE event_date = DATE '2024-03-01' GROUP BY 1\"
  trailpare sql --list
  trailpare sql --list mfa
  trailpare sql --named denied-calls --param principal=%deploy%")]
pub struct SqlArgs {
    /// The statements; a shell, or standard input, where nothing is said.
    #[arg(value_name = "SQL", conflicts_with_all = ["file", "named", "list"])]
    sql: Option<String>,
    /// Read the statements from a file.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["named", "list"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    answer: OutputArgs,
    /// Nothing but the store: statements that read or write files (COPY … TO, CREATE EXTERNAL TABLE,
    /// cloudtrail_archive) are refused.
    #[arg(long, help_heading = "From where")]
    read_only: bool,
    /// Rows that a table shows at the most; the modes for programs have no limit.
    #[arg(long, value_name = "N", default_value_t = 10_000, help_heading = "Answer")]
    max_rows: usize,
    /// The value of $NAME in the statements, as NAME=VALUE.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_parameter, help_heading = "Named queries")]
    param: Vec<(String, String)>,
    /// Run a query of the library.
    #[arg(long, value_name = "NAME", conflicts_with = "list", help_heading = "Named queries")]
    named: Option<String>,
    /// List the library by topic; with a word the queries about it, with their parameters and an example (`--format
    /// json` for programs).
    #[arg(long, value_name = "WORD", num_args = 0..=1, default_missing_value = "", help_heading = "Named queries")]
    list: Option<String>,
    /// What the reference has on a table, a column, a named query or a function; `tables` and `queries` list them.
    #[arg(long, value_name = "TOPIC", conflicts_with_all = ["sql", "file", "named", "list"], help_heading = "Help")]
    topic: Option<String>,
    /// A folder of .sql files that add to the library or stand in for some of its queries.
    #[arg(long, value_name = "DIR", env = "TRAILPARE_QUERIES", help_heading = "Named queries")]
    queries: Option<PathBuf>,
    /// Which store.
    #[command(flatten, next_help_heading = "From where")]
    store: StoreArgs,
    /// Ask this snapshot instead of the newest.
    #[arg(long, value_name = "SNAPSHOT", help_heading = "From where")]
    at: Option<i64>,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Threads; one a core where nothing is said.
    #[arg(long, value_name = "N", help_heading = "How", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

fn parse_parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), query::day(name, value))),
        _ => Err("not a parameter; hint: write NAME=VALUE".to_owned()),
    }
}

pub fn run(args: &SqlArgs, context: &Context) -> Result<Exit, CliError> {
    if let Some(word) = &args.list {
        return named_list::print(&Library::open(args.queries.as_deref())?, word, args.answer.format);
    }
    if let Some(topic) = &args.topic {
        let text = query::topic(topic).map_err(CliError::Usage)?;
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(Exit::Done);
    }
    let library = Library::open(args.queries.as_deref())?;
    let question = question(args, &library)?;
    allocator::stay_below_between_queries(args.memory.memory_limit);
    // What sorts and joins spill is in a folder of its own, so that it can be removed whenever the process ends.
    let spill = SpillFolder::create()?;
    // An operator that is all at computing never gives way: an interrupt ends the process, not the future.
    let _temporary = Temporary::new(spill.path());
    let snapshot = match &question {
        Question::Sql(sql, _) if asks_archive_alone(args, sql) => {
            context.say(&format!("no store at {}: its tables are empty", shown::path(&args.store.store)));
            Store::open_or_create(&spill.path().join("none"))?.snapshot(None)?
        }
        _ => open(&args.store.store, args.at, args.memory.memory_limit, context)?,
    };
    let runtime = query::runtime(args.memory.memory_limit, args.threads.map(usize::from))?;
    let stop = Stop::default();
    let is_shell = !matches!(question, Question::Sql(..));
    let options = Options {
        spill: Some(spill.path().to_owned()),
        threads: args.threads.map(usize::from),
        memory_limit_bytes: Some(args.memory.memory_limit),
        catalog: Some(context.catalog),
        read_only: args.read_only,
        queries_only: false,
        stop: is_shell.then(|| stop.clone()),
    };
    let session = runtime.block_on(query::session(&snapshot, &options)).map_err(QueryError::from)?;
    let start = |is_interactive: bool, library: Library| Start {
        session: session.clone(),
        library,
        runtime: runtime.handle().clone(),
        stop,
        format: args.answer.format,
        max_rows: args.max_rows,
        output: args.answer.output.clone(),
        parameters: args.param.iter().cloned().collect(),
        is_interactive,
        is_read_only: args.read_only,
        parameter: parse_parameter,
    };
    let outcome = match question {
        Question::Sql(sql, parameters) => {
            runtime.block_on(answer(args, &sql, &parameters, (&session, &library), context))
        }
        Question::Script(text) => Shell::new(start(false, library), context).read(&text),
        Question::Shell => Shell::new(start(true, library), context).talk(&greeting(&args.store.store, &snapshot)),
    };
    // A query that was stopped may still be on its way: nobody waits for it.
    runtime.shutdown_background();
    outcome
}

/// What a shell says first.
fn greeting(dir: &Path, snapshot: &Snapshot) -> String {
    let days = snapshot.files(Table::Events).iter().map(|file| file.event_date);
    let span = match (days.clone().min(), days.max()) {
        (Some(first), Some(last)) => format!(", {} to {}", format_date(first), format_date(last)),
        _ => String::new(),
    };
    format!(
        "trailpare {}: {}, {} events{span}\nStatements end with ; and .help lists the commands.",
        env!("CARGO_PKG_VERSION"),
        shown::path(dir),
        thousands(snapshot.rows(Table::Events))
    )
}

/// Whether there is no store, and statements name log objects, which need none.
fn asks_archive_alone(args: &SqlArgs, sql: &str) -> bool {
    let has_store = std::fs::symlink_metadata(&args.store.store).is_ok();
    !has_store && args.at.is_none() && query::names_archive(sql)
}

/// The store as it stands, its usage brought up to date.
pub(super) fn open(
    dir: &Path,
    at: Option<i64>,
    memory_limit_bytes: u64,
    context: &Context,
) -> Result<Snapshot, CliError> {
    let store = open_store(dir, context)?;
    if at.is_none() {
        refresh_usage(&store, memory_limit_bytes, context)?;
    }
    Ok(store.snapshot(at)?)
}

/// What is asked.
enum Question {
    /// Statements, and the values of their parameters.
    Sql(String, HashMap<String, String>),
    /// Statements and commands of the shell.
    Script(String),
    /// Somebody sits at a terminal.
    Shell,
}

fn question(args: &SqlArgs, library: &Library) -> Result<Question, CliError> {
    let given: HashMap<String, String> = args.param.iter().cloned().collect();
    if let Some(name) = &args.named {
        let named = library.get(name)?;
        return Ok(Question::Sql(named.sql.clone(), named.parameters(given)?));
    }
    let sql = match (&args.sql, &args.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(path)) => std::fs::read_to_string(path).map_err(QueryError::io("read", path))?,
        (None, None) if io::stdin().is_terminal() && io::stdout().is_terminal() => return Ok(Question::Shell),
        (None, None) if io::stdin().is_terminal() => String::new(),
        (None, None) => {
            let mut sql = String::new();
            io::stdin().read_to_string(&mut sql).map_err(QueryError::io("read", Path::new("standard input")))?;
            sql
        }
    };
    if sql.trim().is_empty() {
        return Err(CliError::Usage(
            "no statement given\nhint: trailpare sql \"SELECT count(*) FROM events\"".to_owned(),
        ));
    }
    let has_commands =
        script(&sql, |word| editor::is_query(library, word)).items.iter().any(|item| matches!(item, Item::Command(_)));
    Ok(if has_commands { Question::Script(sql) } else { Question::Sql(sql, given) })
}

async fn answer(
    args: &SqlArgs,
    sql: &str,
    parameters: &HashMap<String, String>,
    (session, library): (&SessionContext, &Library),
    context: &Context,
) -> Result<Exit, CliError> {
    let mut out = args.answer.open()?;
    let outcome = run_all(args, (session, library), sql, parameters, &mut out, context).await;
    match outcome {
        Err(CliError::Failed(error)) => match error.downcast::<QueryError>() {
            Ok(error) => Err(query::at(*error, sql, session).into()),
            Err(error) => Err(CliError::Failed(error)),
        },
        Err(error) => Err(error),
        Ok(()) => {
            out.finish()?;
            Ok(ingest_summary::archives(&query::archives_read(session), context))
        }
    }
}

async fn run_all(
    args: &SqlArgs,
    (session, library): (&SessionContext, &Library),
    sql: &str,
    parameters: &HashMap<String, String>,
    mut out: impl Write + Send,
    context: &Context,
) -> Result<(), CliError> {
    let mut answers = 0;
    let format = args.answer.format;
    let layout = layout(args.max_rows, args.answer.output.is_some());
    let statements = query::parse(sql)?;
    if !statements.is_empty() && statements.iter().all(query::prepares) {
        return Err(CliError::Usage(
            "these statements would change nothing: what they make goes with the command\n\
             hint: put the query that uses it behind a semicolon"
                .to_owned(),
        ));
    }
    for statement in statements {
        let statement = query::with_library(statement, library)?;
        let stream = query::execute(session, statement, parameters).await?;
        if stream.schema().fields().is_empty() {
            query::finish(stream).await?;
            continue;
        }
        answers += 1;
        if answers > 1 && format.is_binary() {
            let text = format!("a file of {} holds the answer of one statement, not of several", format.name());
            return Err(CliError::Usage(text));
        }
        if answers > 1 && format == Format::Table {
            out.write_all(b"\n").map_err(QueryError::Output)?;
        }
        let written = match query::write(stream, format, &layout, &mut out).await {
            Err(QueryError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Err(CliError::BrokenPipe);
            }
            other => other?,
        };
        if written.left_out > 0 {
            let shown = written.rows - written.left_out;
            context.warn(&format!(
                "{shown} of {} rows shown\nhint: --max-rows, or --format csv for all of them",
                written.rows
            ));
        } else {
            context.detail(&format!("{} rows", written.rows));
        }
        if written.columns_left_out > 0 {
            context.say(&format!("{} columns not shown: --format line shows all", written.columns_left_out));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        sql: SqlArgs,
    }

    fn question_of(args: &[&str]) -> Result<(String, HashMap<String, String>), CliError> {
        let command = Command::try_parse_from([&["sql"], args].concat()).map_err(|e| CliError::Usage(e.to_string()))?;
        let library = Library::open(None)?;
        match question(&command.sql, &library)? {
            Question::Sql(sql, parameters) => Ok((sql, parameters)),
            Question::Script(text) => Ok((format!("script: {text}"), HashMap::new())),
            Question::Shell => panic!("a shell"),
        }
    }

    #[test]
    fn statements_come_from_one_place() {
        assert_eq!(question_of(&["SELECT 1"]).unwrap().0, "SELECT 1");
        assert_eq!(question_of(&[".mode csv\nSELECT 1;"]).unwrap().0, "script: .mode csv\nSELECT 1;");
        assert!(question_of(&["SELECT 1", "--named", "root-use"]).is_err());
        assert!(question_of(&["SELECT 1", "-f", "x.sql"]).is_err());
        assert!(question_of(&["  "]).is_err());
        assert!(question_of(&["-f", "/nowhere/x.sql"]).unwrap_err().to_string().contains("/nowhere/x.sql"));
    }

    #[test]
    fn parameters_are_names_and_values() {
        let (_, parameters) = question_of(&["SELECT $a", "--param", "a=b=c"]).unwrap();
        assert_eq!(parameters.get("a").map(String::as_str), Some("b=c"));
        assert!(question_of(&["SELECT 1", "--param", "a"]).is_err());
        assert!(question_of(&["--named", "denied-calls", "--param", "nonsense=1"]).is_err());
        assert!(question_of(&["--named", "denied-call"]).unwrap_err().to_string().contains("denied-calls"));
    }
}
