//! What a client says once it is in, and what it gets: statements at once (the simple protocol), or prepared, bound and
//! run in parts (the extended one).

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::ParamValues;
use datafusion_postgres::pgwire::messages::PgWireBackendMessage as Reply;
use datafusion_postgres::pgwire::messages::data::{FieldDescription, NoData, RowDescription};
use datafusion_postgres::pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};
use datafusion_postgres::pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, ReadyForQuery, TransactionStatus,
};
use datafusion_postgres::pgwire::messages::startup::{Authentication, BackendKeyData, ParameterStatus, SecretKey};

use super::ask::{Asked, Asking, Planned};
use super::cancel::{Key, Runs};
use super::columns::Columns;
use super::command::Command;
use super::message::{Bind, Message};
use super::parameters::Parameters;
use super::problem::Problem;
use super::settings::Settings;
use super::wire::Output;
use crate::query::{Piece, pieces};
use crate::serve::job::{Answer, Ending, Failure};

/// Prepared statements of a connection at the most.
const STATEMENTS_MAX: usize = 1_000;

/// Bytes of the texts of those statements at the most: a plan grows with the text that it is made from.
const STATEMENTS_MAX_BYTES: usize = 4 << 20;

/// Portals and cursors of a connection at the most.
const PORTALS_MAX: usize = 64;

/// Number of `text` among PostgreSQL's types.
const TEXT: u32 = 25;

/// What ends what a client asked for.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is told.
    Problem(Problem),
    /// It has gone.
    Gone(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Gone(error)
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Problem(problem)
    }
}

/// A statement that is prepared.
enum Statement {
    Empty,
    Command(Command),
    Query(Box<Query>),
}

impl Statement {
    /// Bytes of the text of a query.
    fn text_bytes(&self) -> usize {
        match self {
            Statement::Query(query) => query.asked.text_bytes(),
            Statement::Empty | Statement::Command(_) => 0,
        }
    }
}

/// A query that is planned.
struct Query {
    asked: Asked,
    planned: Planned,
    parameters: Parameters,
    columns: Arc<Columns>,
}

/// A statement with its values, and how far its answer was read.
struct Portal {
    statement: Arc<Statement>,
    /// The query with its values, and the values.
    bound: Option<(Planned, Option<ParamValues>)>,
    columns: Option<Arc<Columns>>,
    formats: Vec<i16>,
    rows: Rows,
    /// Whether it stays when the transaction ends.
    outlives: bool,
}

/// How far an answer was read.
enum Rows {
    Unasked,
    Open(Box<Open>),
    Done,
}

/// An answer that is being read.
struct Open {
    answer: Answer,
    columns: Arc<Columns>,
    /// Rows at hand, and the next one among them.
    batch: Option<(RecordBatch, usize)>,
    /// Rows that were given.
    given: u64,
    ending: Ending,
}

/// A connection that is let in.
pub(super) struct Session {
    asking: Asking,
    user: Arc<str>,
    settings: Settings,
    transaction: TransactionStatus,
    statements: HashMap<String, Arc<Statement>>,
    portals: HashMap<String, Portal>,
    /// Whether what comes is left alone until the next `Sync`, because something before it went wrong.
    is_skipping: bool,
    runs: Arc<Runs>,
}

impl Session {
    /// One of a user, with what the client asked for at its beginning.
    pub fn new(asking: Asking, user: &str, asked: &HashMap<String, String>, runs: Arc<Runs>) -> Session {
        Session {
            asking,
            user: user.into(),
            settings: Settings::new(user, asked),
            transaction: TransactionStatus::Idle,
            statements: HashMap::new(),
            portals: HashMap::new(),
            is_skipping: false,
            runs,
        }
    }

    /// Tells the client that it is in.
    ///
    /// # Errors
    /// It has gone.
    pub async fn welcome(&self, key: &Key, out: &mut Output) -> io::Result<()> {
        out.add(&Reply::Authentication(Authentication::Ok))?;
        for (name, value) in self.settings.reported() {
            out.add(&Reply::ParameterStatus(ParameterStatus::new(name.to_owned(), value)))?;
        }
        out.add(&Reply::BackendKeyData(BackendKeyData::new(key.number, SecretKey::I32(key.secret))))?;
        self.ready(out).await
    }

    async fn ready(&self, out: &mut Output) -> io::Result<()> {
        out.add(&Reply::ReadyForQuery(ReadyForQuery::new(self.transaction)))?;
        out.flush().await
    }

    /// Does what a message asks for. A problem is told, and ends the connection where it is fatal.
    ///
    /// # Errors
    /// The client has gone.
    pub async fn handle(&mut self, message: Message, out: &mut Output) -> Result<(), Fault> {
        if self.is_skipping && message != Message::Sync {
            return Ok(());
        }
        let is_simple = matches!(message, Message::Query(_) | Message::FunctionCall);
        let outcome = self.answer(message, out).await;
        self.runs.rest();
        match outcome {
            Err(Fault::Problem(problem)) if !problem.is_fatal() => Ok(self.refuse(&problem, is_simple, out).await?),
            outcome => outcome,
        }
    }

    /// Tells what is wrong with a message that was not understood.
    ///
    /// # Errors
    /// The client has gone.
    pub async fn refuse(&mut self, problem: &Problem, is_simple: bool, out: &mut Output) -> io::Result<()> {
        if self.is_skipping {
            return Ok(());
        }
        out.add(&problem.message())?;
        self.failed();
        self.is_skipping = !is_simple;
        // A client that sent Flush waits for the error before it sends Sync.
        if is_simple { self.ready(out).await } else { out.flush().await }
    }

    /// A statement went wrong, and with it the transaction that it is part of.
    fn failed(&mut self) {
        if self.transaction == TransactionStatus::Transaction {
            self.transaction = TransactionStatus::Error;
        }
        self.portals.retain(|_, portal| portal.outlives);
    }

    async fn answer(&mut self, message: Message, out: &mut Output) -> Result<(), Fault> {
        match message {
            Message::Query(sql) => self.simple(&sql, out).await,
            Message::Parse { name, sql, types } => self.parse(name, &sql, &types, out).await,
            Message::Bind(bind) => self.bind(bind, out).await,
            Message::Describe { kind, name } => self.describe(kind, &name, out),
            Message::Execute { portal, rows_max } => self.execute(&portal, rows_max, out).await,
            Message::Close { kind, name } => {
                match kind {
                    b'S' => drop(self.statements.remove(&name)),
                    _ => drop(self.portals.remove(&name)),
                }
                Ok(out.add(&Reply::CloseComplete(CloseComplete::new()))?)
            }
            Message::Flush => Ok(out.flush().await?),
            Message::Sync => {
                self.is_skipping = false;
                if self.transaction == TransactionStatus::Idle {
                    self.portals.retain(|_, portal| portal.outlives);
                }
                Ok(self.ready(out).await?)
            }
            Message::FunctionCall => Err(Problem::new("0A000", "functions are called in queries here").into()),
            Message::Terminate | Message::Copy => Ok(()),
        }
    }

    async fn simple(&mut self, sql: &str, out: &mut Output) -> Result<(), Fault> {
        self.statements.remove("");
        self.portals.remove("");
        let pieces = pieces(sql);
        if pieces.is_empty() {
            out.add(&Reply::EmptyQueryResponse(EmptyQueryResponse::new()))?;
        }
        for piece in &pieces {
            if let Some(command) = Command::of(piece)? {
                self.command(&command, true, &[], out).await?;
                continue;
            }
            self.check_transaction()?;
            let asked = Asked::new(piece, &self.user);
            let mut open = self.open(&asked, None).await?;
            out.add(&Reply::RowDescription(open.columns.description(&[])))?;
            let given = give(&mut open, &[], None, out).await?.0;
            out.add(&complete(asked.tag(), Some(given)))?;
        }
        Ok(self.ready(out).await?)
    }

    fn check_transaction(&self) -> Result<(), Problem> {
        match self.transaction {
            TransactionStatus::Error => {
                Err(Problem::new("25P02", "the transaction has failed: nothing but ROLLBACK or COMMIT until it ends"))
            }
            _ => Ok(()),
        }
    }

    /// Starts a query.
    async fn open(&self, asked: &Asked, planned: Option<(Planned, Option<ParamValues>)>) -> Result<Open, Problem> {
        let ending = self.runs.begin();
        let answer = self.asking.run(asked, planned, self.settings.timeout(), ending.clone()).await?;
        let columns = Arc::new(Columns::of(&answer.schema())?);
        Ok(Open { answer, columns, batch: None, given: 0, ending })
    }

    async fn plan(&self, piece: &Piece, types: &[u32]) -> Result<Query, Problem> {
        let asked = Asked::new(piece, &self.user);
        let planned = self.asking.plan(&asked, self.settings.timeout(), &self.runs.begin()).await?;
        let parameters = Parameters::of(&planned.prepared.parameter_types()?, types)?;
        let columns = columns_of(&planned)?;
        Ok(Query { asked, planned, parameters, columns })
    }

    async fn parse(&mut self, name: String, sql: &str, types: &[u32], out: &mut Output) -> Result<(), Fault> {
        if self.statements.len() >= STATEMENTS_MAX && !self.statements.contains_key(&name) {
            let message = format!("a connection has {STATEMENTS_MAX} prepared statements at the most");
            return Err(Problem::new("54000", message).into());
        }
        let others = self.statements.iter().filter(|(other, _)| **other != name);
        let bytes: usize = others.map(|(_, statement)| statement.text_bytes()).sum();
        if bytes + sql.len() > STATEMENTS_MAX_BYTES {
            let message =
                format!("the prepared statements of a connection have {STATEMENTS_MAX_BYTES} bytes at the most");
            return Err(Problem::new("54000", message).into());
        }
        if !name.is_empty() && self.statements.contains_key(&name) {
            return Err(Problem::new("42P05", format!("prepared statement \"{name}\" already exists")).into());
        }
        let pieces = pieces(sql);
        let statement = match pieces.as_slice() {
            [] => Statement::Empty,
            [piece] => match Command::of(piece)? {
                Some(command) => Statement::Command(command),
                None => {
                    self.check_transaction()?;
                    Statement::Query(Box::new(self.plan(piece, types).await?))
                }
            },
            _ => return Err(Problem::new("42601", "a prepared statement is one statement").into()),
        };
        self.statements.insert(name, Arc::new(statement));
        Ok(out.add(&Reply::ParseComplete(ParseComplete::new()))?)
    }

    async fn bind(&mut self, bind: Bind, out: &mut Output) -> Result<(), Fault> {
        let unknown = || Problem::new("26000", format!("prepared statement \"{}\" does not exist", bind.statement));
        let statement = Arc::clone(self.statements.get(&bind.statement).ok_or_else(unknown)?);
        if !bind.portal.is_empty() && self.portals.contains_key(&bind.portal) {
            return Err(Problem::new("42P03", format!("cursor \"{}\" already exists", bind.portal)).into());
        }
        let (bound, columns) = match statement.as_ref() {
            Statement::Query(query) => {
                let values = query.parameters.values(&bind)?;
                match values {
                    None => (Some((query.planned.clone(), None)), Some(Arc::clone(&query.columns))),
                    Some(values) => {
                        let within = (self.settings.timeout(), &self.runs.begin());
                        let bound = self.asking.bind(&query.asked, &query.planned, values.clone(), within).await?;
                        let columns = columns_of(&bound)?;
                        (Some((bound, Some(values))), Some(columns))
                    }
                }
            }
            Statement::Command(_) | Statement::Empty => (None, None),
        };
        let count = columns.as_ref().map(|columns| columns.len());
        if let Some(count) = count
            && !matches!(bind.result_formats.len(), 0 | 1)
            && bind.result_formats.len() != count
        {
            return Err(Problem::new("08P01", "formats are none, one for all, or one a column").into());
        }
        let formats = bind.result_formats;
        let portal = Portal { statement, bound, columns, formats, rows: Rows::Unasked, outlives: false };
        self.put(bind.portal, portal)?;
        Ok(out.add(&Reply::BindComplete(BindComplete::new()))?)
    }

    fn put(&mut self, name: String, portal: Portal) -> Result<(), Problem> {
        if self.portals.len() >= PORTALS_MAX && !self.portals.contains_key(&name) {
            return Err(Problem::new("54000", format!("a connection has {PORTALS_MAX} cursors at the most")));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    fn portal(&mut self, name: &str) -> Result<&mut Portal, Problem> {
        self.portals.get_mut(name).ok_or_else(|| Problem::new("34000", format!("cursor \"{name}\" does not exist")))
    }

    fn describe(&mut self, kind: u8, name: &str, out: &mut Output) -> Result<(), Fault> {
        if kind == b'P' {
            let portal = self.portal(name)?;
            let (statement, formats) = (Arc::clone(&portal.statement), portal.formats.clone());
            let columns = portal.columns.clone();
            let described = match (columns, statement.as_ref()) {
                (Some(columns), _) => Some(columns.description(&formats)),
                (None, Statement::Command(command)) => self.described(command, &formats),
                (None, _) => None,
            };
            return Ok(out.add(&description(described))?);
        }
        let unknown = || Problem::new("26000", format!("prepared statement \"{name}\" does not exist"));
        let statement = Arc::clone(self.statements.get(name).ok_or_else(unknown)?);
        let (parameters, described) = match statement.as_ref() {
            Statement::Query(query) => (query.parameters.description(), Some(query.columns.description(&[]))),
            Statement::Command(command) => (Parameters::default().description(), self.described(command, &[])),
            Statement::Empty => (Parameters::default().description(), None),
        };
        out.add(&Reply::ParameterDescription(parameters))?;
        Ok(out.add(&description(described))?)
    }

    /// The columns of what a statement about the session answers.
    fn described(&self, command: &Command, formats: &[i16]) -> Option<RowDescription> {
        match command {
            Command::Show(name) => Some(texts(&[name])),
            Command::ShowAll => Some(texts(&["name", "setting"])),
            Command::Fetch { name, is_move: false, .. } => {
                Some(self.portals.get(name)?.columns.as_ref()?.description(formats))
            }
            _ => None,
        }
    }

    async fn execute(&mut self, name: &str, rows_max: u64, out: &mut Output) -> Result<(), Fault> {
        let portal = self.portal(name)?;
        let (statement, formats) = (Arc::clone(&portal.statement), portal.formats.clone());
        match statement.as_ref() {
            Statement::Empty => Ok(out.add(&Reply::EmptyQueryResponse(EmptyQueryResponse::new()))?),
            Statement::Command(command) => self.command(command, false, &formats, out).await,
            Statement::Query(query) => {
                self.check_transaction()?;
                let rows_max = (rows_max > 0).then_some(rows_max);
                let (given, is_over) = self.read(name, rows_max, &formats, true, out).await?;
                let end = Reply::PortalSuspended(PortalSuspended::new());
                Ok(out.add(&if is_over { complete(query.asked.tag(), Some(given)) } else { end })?)
            }
        }
    }

    /// Reads further rows of a portal, and gives them, or lets them go. Tells how many, and whether there are no more.
    async fn read(
        &mut self,
        name: &str,
        rows_max: Option<u64>,
        formats: &[i16],
        is_given: bool,
        out: &mut Output,
    ) -> Result<(u64, bool), Fault> {
        let portal = self.portal(name)?;
        let mut open = match std::mem::replace(&mut portal.rows, Rows::Done) {
            Rows::Done => return Ok((0, true)),
            Rows::Open(open) => {
                self.runs.follow(&open.ending);
                open
            }
            Rows::Unasked => {
                let (statement, bound) = (Arc::clone(&portal.statement), portal.bound.take());
                let Statement::Query(query) = statement.as_ref() else { return Ok((0, true)) };
                Box::new(self.open(&query.asked, bound).await?)
            }
        };
        let outcome = if is_given {
            give(&mut open, formats, rows_max, out).await?
        } else {
            leave_out(&mut open, rows_max).await?
        };
        if !outcome.1 {
            self.portal(name)?.rows = Rows::Open(open);
        }
        Ok(outcome)
    }

    /// Does what is about the session. `is_described`: the columns of an answer are told before it.
    async fn command(
        &mut self,
        command: &Command,
        is_described: bool,
        formats: &[i16],
        out: &mut Output,
    ) -> Result<(), Fault> {
        if !matches!(command, Command::Commit { .. } | Command::Rollback { .. } | Command::RollbackToSavepoint) {
            self.check_transaction()?;
        }
        if is_described && let Some(described) = self.described(command, formats) {
            out.add(&Reply::RowDescription(described))?;
        }
        let mut tag = complete(command.tag(), None);
        match command {
            Command::Set { name, value } => {
                if let Some((name, value)) = self.settings.set(name, value.as_deref())? {
                    out.add(&Reply::ParameterStatus(ParameterStatus::new(name.to_owned(), value)))?;
                }
            }
            Command::ResetAll => self.reset(out)?,
            Command::Show(name) => {
                let unknown = || Problem::new("42704", format!("unrecognized configuration parameter \"{name}\""));
                out.add(&row(&[&self.settings.show(name).ok_or_else(unknown)?]))?;
            }
            Command::ShowAll => {
                for (name, value) in self.settings.all() {
                    out.add(&row(&[name, &value]))?;
                }
            }
            Command::Begin(_) => self.transaction = TransactionStatus::Transaction,
            Command::Commit { chain } | Command::Rollback { chain } => {
                // What has failed can't be committed.
                let is_failed = self.transaction == TransactionStatus::Error;
                tag = complete(if is_failed { "ROLLBACK" } else { command.tag() }, None);
                self.transaction = match (*chain, self.transaction) {
                    (true, TransactionStatus::Idle) => {
                        return Err(Problem::new("25P01", "AND CHAIN can only be said in a transaction").into());
                    }
                    (true, _) => TransactionStatus::Transaction,
                    (false, _) => TransactionStatus::Idle,
                };
                self.portals.retain(|_, portal| portal.outlives);
            }
            Command::RollbackToSavepoint if self.transaction == TransactionStatus::Error => {
                self.transaction = TransactionStatus::Transaction;
            }
            Command::Discard => {
                self.reset(out)?;
                self.statements.clear();
                self.portals.clear();
            }
            Command::Deallocate(None) => self.statements.clear(),
            Command::Deallocate(Some(name)) => {
                let unknown = || Problem::new("26000", format!("prepared statement \"{name}\" does not exist"));
                self.statements.remove(name).ok_or_else(unknown)?;
            }
            Command::Declare { name, outlives, sql, before } => self.declare(name, *outlives, sql, *before).await?,
            Command::Fetch { name, rows_max, is_move } => {
                let given = match rows_max {
                    Some(0) => 0,
                    _ => self.read(name, *rows_max, formats, !is_move, out).await?.0,
                };
                tag = complete(command.tag(), Some(given));
            }
            Command::CloseCursor(None) => self.portals.clear(),
            Command::CloseCursor(Some(name)) => {
                self.portal(name)?;
                self.portals.remove(name);
            }
            Command::RollbackToSavepoint | Command::Savepoint(_) | Command::Accept(_) => {}
        }
        Ok(out.add(&tag)?)
    }

    /// Sets all settings to their defaults, and tells the client which of those that it was told have changed.
    fn reset(&mut self, out: &mut Output) -> io::Result<()> {
        let before = self.settings.reported();
        self.settings.reset();
        let changed = self.settings.reported().into_iter().filter(|reported| !before.contains(reported));
        for (name, value) in changed {
            out.add(&Reply::ParameterStatus(ParameterStatus::new(name.to_owned(), value)))?;
        }
        Ok(())
    }

    async fn declare(&mut self, name: &str, outlives: bool, sql: &str, before: usize) -> Result<(), Problem> {
        if self.transaction == TransactionStatus::Idle && !outlives {
            return Err(Problem::new("25P01", "a cursor needs a transaction, or WITH HOLD"));
        }
        if self.portals.contains_key(name) {
            return Err(Problem::new("42P03", format!("cursor \"{name}\" already exists")));
        }
        let mut pieces = pieces(sql);
        let (Some(mut piece), true) = (pieces.pop(), pieces.is_empty()) else {
            return Err(Problem::new("42601", "a cursor is for one query"));
        };
        piece.before += before;
        let query = self.plan(&piece, &[]).await?;
        let (bound, columns) = (Some((query.planned.clone(), None)), Some(Arc::clone(&query.columns)));
        let statement = Arc::new(Statement::Query(Box::new(query)));
        let portal = Portal { statement, bound, columns, formats: Vec::new(), rows: Rows::Unasked, outlives };
        self.put(name.to_owned(), portal)
    }
}

impl Open {
    /// Gets rows at hand; `false` behind the last.
    async fn fill(&mut self) -> Result<bool, Problem> {
        while self.batch.as_ref().is_none_or(|(batch, next)| *next >= batch.num_rows()) {
            match self.answer.next().await {
                None => return Ok(false),
                Some(Err(failure)) => return Err(failure.into()),
                Some(Ok(batch)) => self.batch = Some((self.columns.changed(&batch)?, 0)),
            }
        }
        Ok(true)
    }
}

/// Gives rows: how many, and whether there are no more.
async fn give(open: &mut Open, formats: &[i16], rows_max: Option<u64>, out: &mut Output) -> Result<(u64, bool), Fault> {
    let limit = open.answer.rows_max();
    let mut writer = open.columns.writer(formats);
    let mut given = 0;
    loop {
        // Who has what it asked for does not wait for what comes behind it.
        if rows_max == Some(given) {
            return Ok((given, false));
        }
        if !open.fill().await? {
            return Ok((given, true));
        }
        let Some((batch, next)) = &mut open.batch else { continue };
        while *next < batch.num_rows() && rows_max != Some(given) {
            if open.given >= limit {
                return Err(Problem::from(Failure::TooManyRows(limit)).into());
            }
            out.add(&Reply::DataRow(writer.row(batch, *next)?))?;
            *next += 1;
            given += 1;
            open.given += 1;
            if out.is_full() {
                out.flush().await?;
            }
        }
    }
}

/// Lets rows go: how many, and whether there are no more.
async fn leave_out(open: &mut Open, rows_max: Option<u64>) -> Result<(u64, bool), Problem> {
    let mut left_out = 0;
    while open.fill().await? {
        let Some((batch, next)) = &mut open.batch else { break };
        let here = (batch.num_rows() - *next) as u64;
        let wanted = rows_max.map_or(here, |most| here.min(most - left_out));
        *next = next.saturating_add(usize::try_from(wanted).unwrap_or(usize::MAX));
        left_out += wanted;
        if rows_max == Some(left_out) {
            return Ok((left_out, false));
        }
    }
    Ok((left_out, true))
}

fn columns_of(planned: &Planned) -> Result<Arc<Columns>, Problem> {
    Ok(Arc::new(Columns::of(planned.prepared.schema()?.as_ref())?))
}

fn complete(tag: &str, rows: Option<u64>) -> Reply {
    let tag = match rows {
        Some(rows) => format!("{tag} {rows}"),
        None => tag.to_owned(),
    };
    Reply::CommandComplete(CommandComplete::new(tag))
}

fn description(described: Option<RowDescription>) -> Reply {
    match described {
        Some(described) => Reply::RowDescription(described),
        None => Reply::NoData(NoData::new()),
    }
}

/// Columns of texts.
fn texts(names: &[&str]) -> RowDescription {
    let text = |name: &&str| FieldDescription::new((*name).to_owned(), 0, 0, TEXT, -1, -1, 0);
    RowDescription::new(names.iter().map(text).collect())
}

/// A row of texts.
fn row(texts: &[&str]) -> Reply {
    use bytes::BufMut;
    use datafusion_postgres::pgwire::messages::data::DataRow;
    let mut data = bytes::BytesMut::new();
    for text in texts {
        data.put_u32(u32::try_from(text.len()).unwrap_or_default());
        data.put_slice(text.as_bytes());
    }
    Reply::DataRow(DataRow::new(data, i16::try_from(texts.len()).unwrap_or_default()))
}
