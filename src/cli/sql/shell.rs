//! The shell: statements and commands, one after the other, from a terminal, from standard input or from a file.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use datafusion::prelude::SessionContext;
use tokio::runtime::Handle;

use super::commands::{COMMANDS, Command, find, parse};
use super::editor::{Line, LineEditor, is_query};
use super::known::Known;
use super::screen::{Screen, Shared};
use super::script::{Item, script};
use crate::cli::answer::{Destination, layout, no_terminal};
use crate::cli::interrupt::{self, GRACE};
use crate::cli::table::{table, wrapped};
use crate::cli::{CliError, Context, Exit, ingest_summary, printable, terminal};
use crate::query::{self, Format, Library, QueryError, Statement, Stop, Written};
use crate::util::closest::closest;
use crate::util::shown;

/// Files that read files: deeper is a circle.
const READ_DEPTH_MAX: usize = 16;

/// How often a running query is looked at for an interrupt.
const LOOK: Duration = Duration::from_millis(50);

/// What a shell begins with.
pub(super) struct Start {
    pub session: SessionContext,
    pub library: Library,
    pub runtime: Handle,
    pub stop: Stop,
    pub format: Format,
    pub max_rows: usize,
    pub output: Option<PathBuf>,
    /// Values of `$name` in statements.
    pub parameters: HashMap<String, String>,
    /// Whether a person sits before it: errors don't end it then.
    pub is_interactive: bool,
    /// Whether files may be neither read nor written.
    pub is_read_only: bool,
    /// Reads `NAME=VALUE`.
    pub parameter: fn(&str) -> Result<(String, String), String>,
}

/// A running shell.
pub(super) struct Shell<'a> {
    session: SessionContext,
    library: Rc<Library>,
    runtime: Handle,
    stop: Stop,
    format: Format,
    is_expanded: bool,
    max_rows: usize,
    has_timer: bool,
    output: Option<Output>,
    parameters: HashMap<String, String>,
    last: Option<String>,
    /// How long the last statement ran, without what a pager took.
    took: Duration,
    is_interactive: bool,
    is_read_only: bool,
    parameter: fn(&str) -> Result<(String, String), String>,
    interrupts: interrupt::Shell,
    /// How a script ends that goes through: not all of an archive may have been readable.
    exit: Exit,
    context: &'a Context,
}

/// A file that answers go to.
struct Output {
    path: PathBuf,
    answers: u64,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    Leave,
}

impl<'a> Shell<'a> {
    pub fn new(start: Start, context: &'a Context) -> Shell<'a> {
        Shell {
            session: start.session,
            library: Rc::new(start.library),
            runtime: start.runtime,
            stop: start.stop,
            format: start.format,
            is_expanded: false,
            max_rows: start.max_rows,
            has_timer: false,
            output: start.output.map(|path| Output { path, answers: 0 }),
            parameters: start.parameters,
            last: None,
            took: Duration::ZERO,
            is_interactive: start.is_interactive,
            is_read_only: start.is_read_only,
            parameter: start.parameter,
            interrupts: interrupt::Shell::new(),
            exit: Exit::Done,
            context,
        }
    }

    /// Asks for statements until the user leaves.
    ///
    /// # Errors
    /// The terminal's.
    pub fn talk(mut self, greeting: &str) -> Result<Exit, CliError> {
        self.say(greeting)?;
        let known = Known::new(self.session.clone(), self.runtime.clone());
        let mut editor = LineEditor::new(known, Rc::clone(&self.library), self.context.color)?;
        loop {
            self.interrupts.prompts();
            let line = editor.read()?;
            self.interrupts.works();
            match line {
                Line::Nothing => {}
                Line::End => return Ok(Exit::Done),
                Line::Text(text) => {
                    if self.run(&text, 0)? == Then::Leave {
                        return Ok(Exit::Done);
                    }
                }
            }
        }
    }

    /// Runs a script to its end, or to its first error.
    ///
    /// # Errors
    /// Those of statements and commands.
    pub fn read(mut self, text: &str) -> Result<Exit, CliError> {
        self.run(text, 0)?;
        Ok(self.exit)
    }

    fn run(&mut self, text: &str, depth: usize) -> Result<Then, CliError> {
        let library = Rc::clone(&self.library);
        let script = script(text, |name| is_query(&library, name));
        for item in script.items {
            let outcome = match item {
                Item::Sql(sql) => self.statement(&sql).map(|()| Then::GoOn),
                Item::Command(line) => self.command(&line, depth),
            };
            match outcome {
                Ok(Then::GoOn) => {}
                Ok(Then::Leave) => return Ok(Then::Leave),
                Err(error) if self.is_interactive => {
                    self.told(&error);
                    // What follows may rest on what failed.
                    return Ok(Then::GoOn);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Then::GoOn)
    }

    fn told(&self, error: &CliError) {
        match error {
            CliError::BrokenPipe => {}
            error => self.context.error(&error.to_string()),
        }
    }

    fn statement(&mut self, sql: &str) -> Result<(), CliError> {
        self.last = Some(sql.to_owned());
        let parameters = self.parameters.clone();
        self.ask(sql, &parameters)
    }

    fn ask(&mut self, sql: &str, parameters: &HashMap<String, String>) -> Result<(), CliError> {
        let at = |error| query::at(error, sql, &self.session);
        for statement in query::parse(sql).map_err(at)? {
            let statement = query::with_library(statement, &self.library)?;
            self.answer(statement, sql, parameters)?;
            if self.has_timer {
                self.note(&format!("Time: {:.3} s", self.took.as_secs_f64()))?;
            }
        }
        Ok(())
    }

    /// How answers are written now.
    fn mode(&self) -> Format {
        if self.is_expanded && self.format == Format::Table { Format::Line } else { self.format }
    }

    fn answer(
        &mut self,
        statement: Statement,
        sql: &str,
        parameters: &HashMap<String, String>,
    ) -> Result<(), CliError> {
        let format = self.mode();
        let is_file = self.output.is_some();
        if format.is_binary() && !is_file && terminal::size().is_some() {
            return Err(no_terminal(format));
        }
        let layout = layout(self.max_rows, is_file);
        let is_paged = self.is_interactive && !is_file;
        let screen = Shared::new(Screen::new(is_paged));
        let target = match &self.output {
            None => Target::Screen(screen.clone()),
            Some(Output { path, answers: 0 }) => Target::File(Destination::file(path)?),
            Some(_) if format.is_binary() => {
                let text = format!("a file of {} holds one answer\nhint: .output another file", format.name());
                return Err(CliError::Usage(text));
            }
            Some(Output { path, .. }) => Target::File(Destination::more(path)?),
        };
        let (session, parameters) = (self.session.clone(), parameters.clone());
        let begun = Instant::now();
        let outcome = self.ending(async move {
            let mut target = target;
            let answer = query::execute(&session, statement, &parameters).await?;
            if answer.schema().fields().is_empty() {
                query::finish(answer).await?;
                return Ok(None);
            }
            let written = query::write(answer, format, &layout, &mut target).await?;
            Ok(Some((written, target)))
        });
        self.interrupts.works();
        self.took = begun.elapsed();
        let shown = screen.screen().finish();
        let read = ingest_summary::archives(&query::archives_read(&self.session), self.context);
        self.exit = if read == Exit::Done { self.exit } else { read };
        match outcome {
            Err(Ended::Stopped) => return Err(CliError::failed("stopped")),
            Err(Ended::Error(QueryError::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
                return if self.is_interactive { Ok(()) } else { Err(CliError::BrokenPipe) };
            }
            Err(Ended::Error(error)) => return Err(query::at(error, sql, &self.session).into()),
            Ok(None) => {}
            Ok(Some((written, target))) => self.told_rows(&written, target)?,
        }
        match shown {
            // Whoever leaves the pager has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// Says how much there was, where people read it.
    fn told_rows(&mut self, written: &Written, target: Target) -> Result<(), CliError> {
        let rows = match written.rows {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        };
        if let (Some(output), Target::File(file)) = (&mut self.output, target) {
            file.finish()?;
            output.answers += 1;
            let path = shown::path(&output.path);
            return self.note(&format!("{rows} in {path}"));
        }
        if !matches!(self.mode(), Format::Table | Format::Line) || !self.is_interactive {
            if written.left_out > 0 {
                self.context.warn(&format!("{} of {rows} shown\nhint: .maxrows N", written.rows - written.left_out));
            }
            return Ok(());
        }
        let mut said = vec![rows];
        if written.left_out > 0 {
            said.push(format!("{} not shown: .maxrows N, or another .mode", written.left_out));
        }
        match (written.columns_left_out, written.is_cut) {
            (0, false) => {}
            (0, true) => said.push("… is cut: \\x shows all".to_owned()),
            (1, _) => said.push("1 column not shown: \\x shows all".to_owned()),
            (columns, _) => said.push(format!("{columns} columns not shown: \\x shows all")),
        }
        self.say(&format!("({})", said.join("; ")))
    }

    /// Runs to its end, or until it is interrupted: then it is left to itself after a while.
    fn ending<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, Ended> {
        self.interrupts.queries(&self.stop);
        let (done, end) = mpsc::channel();
        let task = self.runtime.spawn(async move {
            let _ = done.send(work.await);
        });
        loop {
            match end.recv_timeout(LOOK) {
                Ok(_) if self.stop.is_asked() => return Err(Ended::Stopped),
                Ok(outcome) => return outcome.map_err(Ended::Error),
                Err(RecvTimeoutError::Timeout) if self.stop.is_asked() => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let error = io::Error::other("the query broke off");
                    return Err(Ended::Error(QueryError::Output(error)));
                }
            }
        }
        task.abort();
        let _ = end.recv_timeout(GRACE);
        Err(Ended::Stopped)
    }

    /// Asks something about statements and tables, which is for people in whatever mode answers are.
    fn tell(&mut self, sql: &str, parameters: &HashMap<String, String>) -> Result<(), CliError> {
        let mode = (self.format, self.is_expanded);
        (self.format, self.is_expanded) = (Format::Table, false);
        let told = self.ask(sql, parameters);
        (self.format, self.is_expanded) = mode;
        told
    }

    fn command(&mut self, line: &str, depth: usize) -> Result<Then, CliError> {
        let state = |is_on: bool| if is_on { "on" } else { "off" };
        match parse(line, self.parameter).map_err(CliError::Usage)? {
            Command::Quit => return Ok(Then::Leave),
            Command::Help(name) => self.help(name.as_deref())?,
            Command::Tables => self.tables()?,
            Command::Schema(None) => {
                for relation in query::RELATIONS {
                    self.say(&format!("{}: {}", relation.name, relation.what))?;
                    self.tell(&format!("DESCRIBE {}", relation.name), &HashMap::new())?;
                    self.say("")?;
                }
            }
            Command::Schema(Some(name)) => {
                if let Some(relation) = query::RELATIONS.iter().find(|relation| relation.name == name) {
                    self.say(relation.what)?;
                }
                self.tell(&format!("DESCRIBE {}", quoted(&name)), &HashMap::new())?;
            }
            Command::Queries(word) => self.queries(word.as_deref())?,
            Command::Run(name, given) => {
                let library = Rc::clone(&self.library);
                let named = match library.get(&name) {
                    Ok(named) => named,
                    Err(error) => return Err(self.no_query(&name, error)),
                };
                let parameters = named.parameters(given.into_iter().collect())?;
                self.last = Some(named.sql.clone());
                self.ask(&named.sql, &parameters)?;
            }
            Command::Mode(None) => self.say(&format!("mode: {}", self.mode().name()))?,
            Command::Mode(Some(format)) => (self.format, self.is_expanded) = (format, false),
            Command::Expanded(wanted) => {
                self.is_expanded = wanted.unwrap_or(!self.is_expanded);
                self.note(&format!("a line a value: {}", state(self.is_expanded)))?;
            }
            Command::Output(Some(_)) if self.is_read_only => {
                return Err(QueryError::ReadOnly { what: ".output writes a file" }.into());
            }
            Command::Read(_) if self.is_read_only => {
                return Err(QueryError::ReadOnly { what: ".read reads a file" }.into());
            }
            Command::Output(path) => self.output = path.map(|path| Output { path, answers: 0 }),
            Command::Read(path) => return self.read_file(&path, depth),
            Command::MaxRows(None) => self.say(&format!("rows at the most: {}", self.max_rows))?,
            Command::MaxRows(Some(rows)) => self.max_rows = rows,
            Command::Timer(wanted) => {
                self.has_timer = wanted.unwrap_or(!self.has_timer);
                self.note(&format!("timer: {}", state(self.has_timer)))?;
            }
            Command::Explain(sql) => {
                let Some(sql) = sql.or_else(|| self.last.clone()) else {
                    return Err(CliError::Usage("no statement yet\nhint: .explain SELECT …".to_owned()));
                };
                let parameters = self.parameters.clone();
                let is_asked = sql.trim_start().get(..7).is_some_and(|word| word.eq_ignore_ascii_case("explain"));
                let sql = if is_asked { sql } else { format!("EXPLAIN {}", sql.trim_start()) };
                self.tell(&sql, &parameters)?;
            }
        }
        Ok(Then::GoOn)
    }

    fn read_file(&mut self, path: &Path, depth: usize) -> Result<Then, CliError> {
        if depth >= READ_DEPTH_MAX {
            return Err(CliError::failed(format!("{}: .read within .read, too deep", shown::path(path))));
        }
        let text = std::fs::read_to_string(path).map_err(QueryError::io("read", path))?;
        self.run(&text, depth + 1)
    }

    /// Lines of the shell's own, paged as answers are.
    fn say(&self, text: &str) -> Result<(), CliError> {
        let mut screen = Screen::new(self.is_interactive);
        let said = screen.write_all(format!("{}\n", printable(text)).as_bytes()).and_then(|()| screen.finish());
        match said {
            Err(error) if self.is_interactive && error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    /// What is no answer: it stays out of what a script writes.
    fn note(&self, text: &str) -> Result<(), CliError> {
        if self.is_interactive {
            return self.say(text);
        }
        self.context.say(text);
        Ok(())
    }

    /// Names and what they mean, wrapped to the terminal.
    fn list(&self, rows: &[(String, String)]) -> Result<(), CliError> {
        let mut lines = table(&["", ""], &[]);
        for (name, what) in rows {
            lines.add_row([printable(name), printable(what)]);
        }
        let width = terminal::size().map_or(80, |(columns, _)| columns);
        // The row of headings is none.
        let text = wrapped(&mut lines, width);
        self.say(text.split_once('\n').map_or("", |(_, rows)| rows).trim_end())
    }

    fn help(&self, name: Option<&str>) -> Result<(), CliError> {
        let line = |known: &super::commands::Known| {
            let first = known.names.first().copied().unwrap_or_default();
            let others = known.names.get(1..).unwrap_or_default().join(", ");
            let others = if others.is_empty() { String::new() } else { format!(" ({others})") };
            (format!("{first} {}", known.takes).trim_end().to_owned(), format!("{}{others}", known.what))
        };
        if let Some(name) = name {
            let dotted = format!(".{}", name.trim_start_matches(['.', '\\']));
            let Some(known) = find(name).or_else(|| find(&dotted)) else {
                return self.say(query::topic(name).map_err(CliError::Usage)?.trim_end());
            };
            return self.list(&[line(known)]);
        }
        self.say("Statements end with ; and may take several lines. Tab completes, Ctrl-C stops a query.")?;
        self.list(&COMMANDS.iter().map(line).collect::<Vec<_>>())
    }

    fn tables(&self) -> Result<(), CliError> {
        let ours = |name: &str| query::RELATIONS.iter().find(|relation| relation.name == name);
        let what = |name: &str| match ours(name) {
            Some(relation) => relation.what.to_owned(),
            None => "made in this session".to_owned(),
        };
        let rows = query::tables(&self.session).into_iter().map(|name| (name.clone(), what(&name)));
        self.list(&rows.collect::<Vec<_>>())
    }

    fn queries(&self, word: Option<&str>) -> Result<(), CliError> {
        if let Some(named) = word.and_then(|name| self.library.get(name).ok()) {
            return self.say(&named.describe());
        }
        let wanted = word.unwrap_or_default().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        let found = self.library.iter().filter(|(name, named)| has(name) || has(&named.describe()));
        let rows: Vec<(String, String)> =
            found.map(|(name, named)| (name.to_owned(), named.summary().to_owned())).collect();
        if rows.is_empty() {
            return Err(CliError::Usage(format!("no query is about {wanted}\nhint: .queries lists them all")));
        }
        self.list(&rows)
    }

    fn no_query(&self, name: &str, error: QueryError) -> CliError {
        match closest(name, self.library.iter().map(|(name, _)| name)).first() {
            Some(meant) => CliError::Usage(format!("no query is named {name}\nhint: did you mean {meant}?")),
            None => error.into(),
        }
    }
}

/// A table's name in SQL.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    if name.chars().all(is_plain) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// How a query did not come to its answer.
enum Ended {
    Stopped,
    Error(QueryError),
}

/// Where an answer goes.
enum Target {
    Screen(Shared),
    File(Destination),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::Screen(screen) => screen.write(bytes),
            Target::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::Screen(screen) => screen.flush(),
            Target::File(file) => file.flush(),
        }
    }
}
