//! From a text to its answer: which grammar reads it, what plans it, what runs it, within the limits.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use datafusion::common::ParamValues;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use tokio::time::timeout;

use super::catalog::introduce;
use super::problem::Problem;
use super::rewrite::rewrite;
use crate::query::{self, Library, Piece, Prepared, QueryError, Statement, Stop};
use crate::serve::job::{Answer, End, Ending, Failure, Jobs};
use crate::serve::source::{Source, World};

/// Reads what PostgreSQL's clients ask about the server, and rewrites what DataFusion does not have.
static OF_CLIENTS: LazyLock<PostgresCompatibilityParser> = LazyLock::new(PostgresCompatibilityParser::new);

/// A statement about the server that no parser takes as it is may be this long.
const UNREAD_MAX_BYTES: usize = 8 << 10;

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    sql: Arc<str>,
    /// Characters that stand before it in what the client sent.
    before: usize,
    /// Whether it asks about the server, and not about events.
    is_of_server: bool,
    user: Arc<str>,
}

impl Asked {
    /// A statement of a user.
    pub fn new(piece: &Piece, user: &Arc<str>) -> Asked {
        let called = |place: usize| piece.tokens.get(place + 1) == Some(&Token::LParen);
        let is_of_server = piece.tokens.iter().enumerate().any(|(place, token)| is_of_server(token, called(place)));
        Asked { sql: piece.sql.as_str().into(), before: piece.before, is_of_server, user: Arc::clone(user) }
    }

    /// Bytes of its text.
    pub fn text_bytes(&self) -> usize {
        self.sql.len()
    }

    fn problem(&self, failure: Failure, context: &SessionContext) -> Problem {
        Problem::of(failure, &self.sql, self.before, context)
    }

    /// What clients are told when all rows are there.
    pub fn tag(&self) -> &'static str {
        let first = self.sql.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        match first.to_lowercase().as_str() {
            "explain" => "EXPLAIN",
            "show" => "SHOW",
            _ => "SELECT",
        }
    }

    /// Read, on a thread that has room for that.
    fn statement(&self, library: &Library) -> Result<Statement, QueryError> {
        if !self.is_of_server {
            let mut statements = query::parse(&self.sql)?;
            return match (statements.pop(), statements.is_empty()) {
                (Some(statement), true) => query::with_library(statement, library),
                _ => Err(QueryError::OneStatement),
            };
        }
        query::brackets(&self.sql)?;
        // It is rewritten before anybody could look how deep it is: so it is read twice.
        match Parser::parse_sql(&PostgreSqlDialect {}, &self.sql) {
            Ok(statements) => statements.into_iter().try_for_each(|statement| Statement::of(statement).map(drop))?,
            Err(_) if self.sql.len() <= UNREAD_MAX_BYTES => {}
            Err(error) => return Err(DataFusionError::from(error).into()),
        }
        let mut statements = OF_CLIENTS.parse(&self.sql).map_err(DataFusionError::from)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(mut statement), true) => {
                rewrite(&mut statement);
                Statement::of(statement)
            }
            _ => Err(QueryError::OneStatement),
        }
    }
}

/// Functions about a server, and not about events.
const FUNCTIONS: &[&str] = &[
    "array_lower",
    "array_upper",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "format_type",
    "has_any_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "obj_description",
    "parse_ident",
    "quote_ident",
    "set_config",
    "session_user",
    "version",
];

/// Words that stand by themselves there.
const WORDS: &[&str] = &[
    "current_catalog",
    "current_role",
    "current_schema",
    "current_user",
    "information_schema",
    "regclass",
    "regnamespace",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "session_user",
];

/// Whether a word belongs to what clients ask about a server.
fn is_of_server(token: &Token, is_called: bool) -> bool {
    let Token::Word(word) = token else { return false };
    let word = word.value.to_lowercase();
    word.starts_with("pg_") || WORDS.contains(&word.as_str()) || is_called && FUNCTIONS.contains(&word.as_str())
}

/// A statement that is planned, and over what.
#[derive(Clone)]
pub(super) struct Planned {
    pub world: Arc<World>,
    pub prepared: Prepared,
}

/// What answers.
#[derive(Clone)]
pub(super) struct Asking {
    pub source: Arc<Source>,
    pub jobs: Jobs,
}

impl Asking {
    async fn world(&self) -> Result<Arc<World>, Failure> {
        let source = Arc::clone(&self.source);
        self.jobs.deep(async move { source.world().await }).await
    }

    fn session(&self, world: &World, stop: Stop, user: &str) -> Result<SessionContext, Failure> {
        let session = self.source.session(world, stop)?;
        introduce(&session, user);
        Ok(session)
    }

    /// Plans a statement over the newest snapshot, within `time`, unless it is ended before.
    ///
    /// # Errors
    /// What is no query, or can't be planned.
    pub async fn plan(&self, asked: &Asked, time: Duration, ending: &Ending) -> Result<Planned, Problem> {
        let world = self.world().await?;
        let context = self.session(&world, Stop::default(), &asked.user)?;
        let (own, source, session) = (asked.clone(), Arc::clone(&self.source), context.clone());
        let work = async move {
            let statement = own.statement(source.library())?;
            Ok(query::prepare(&session, statement).await?)
        };
        let prepared = self.within(time, ending, self.jobs.deep(work)).await;
        let prepared = prepared.map_err(|failure| asked.problem(failure, &context))?;
        Ok(Planned { world, prepared })
    }

    /// The same with the values of its parameters, within the same limits.
    ///
    /// # Errors
    /// Values that don't fit.
    pub async fn bind(
        &self,
        asked: &Asked,
        planned: &Planned,
        values: ParamValues,
        (time, ending): (Duration, &Ending),
    ) -> Result<Planned, Problem> {
        let context = self.session(&planned.world, Stop::default(), &asked.user)?;
        let prepared = planned.prepared.clone();
        let work = self.jobs.deep(async move { Ok(prepared.with_values(&values)?) });
        let bound = self.within(time, ending, work).await;
        let prepared = bound.map_err(|failure| asked.problem(failure, &context))?;
        Ok(Planned { world: Arc::clone(&planned.world), prepared })
    }

    async fn within<T>(
        &self,
        time: Duration,
        ending: &Ending,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let time = time.min(self.source.limits().time);
        tokio::select! {
            biased;
            end = ending.ended() => Err(Failure::Ended(end)),
            outcome = timeout(time, work) => outcome.unwrap_or(Err(Failure::Ended(End::TimedOut))),
        }
    }

    /// Runs a statement over the newest snapshot: as it was planned, where there is none since; with `values` where it
    /// takes any.
    ///
    /// # Errors
    /// What is no query; what can't be answered.
    pub async fn run(
        &self,
        asked: &Asked,
        planned: Option<(Planned, Option<ParamValues>)>,
        time: Duration,
        ending: Ending,
    ) -> Result<Answer, Problem> {
        let world = self.world().await?;
        let stop = Stop::default();
        let context = self.session(&world, stop.clone(), &asked.user)?;
        let (ready, values) = match planned {
            Some((planned, _)) if planned.world.snapshot.id == world.snapshot.id => (Some(planned.prepared), None),
            Some((_, values)) => (None, values),
            None => (None, None),
        };
        let (own, source, session) = (asked.clone(), Arc::clone(&self.source), context.clone());
        let work = async move {
            let prepared = match ready {
                Some(prepared) => prepared,
                None => {
                    let prepared = query::prepare(&session, own.statement(source.library())?).await?;
                    match &values {
                        Some(values) => prepared.with_values(values)?,
                        None => prepared,
                    }
                }
            };
            Ok(prepared.answer(&session).await?)
        };
        let answer = self.jobs.start_within(time, stop, ending, work).await;
        answer.map_err(|failure| asked.problem(failure, &context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::pieces;

    #[test]
    fn what_asks_about_the_server_is_told_by_its_words() {
        let user: Arc<str> = "ann".into();
        let of_server = |sql: &str| Asked::new(&pieces(sql)[0], &user).is_of_server;
        for sql in [
            "SELECT c.oid FROM pg_catalog.pg_class c",
            "select current_schema(), session_user",
            "SELECT 'events'::regclass",
            "SELECT * FROM information_schema.tables",
        ] {
            assert!(of_server(sql), "{sql}");
        }
        for sql in ["SELECT 'pg_class'", "SELECT event_name FROM events -- pg_class", "CALL denied_calls()"] {
            assert!(!of_server(sql), "{sql}");
        }
    }
}
