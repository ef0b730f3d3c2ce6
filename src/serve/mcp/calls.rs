//! What the tools do.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::arguments::Arguments;
use super::tools::Tool;
use crate::query::{self, Format, Layout, QueryError, Sink, Statement, Stop};
use crate::report::actions::{By, Lines};
use crate::report::evidence::Proofs;
use crate::report::explain::explanations;
use crate::report::status::Status;
use crate::serve::job::{End, Ending, Failure, Jobs};
use crate::serve::source::Source;
use crate::time::{Moment, now_us};
use crate::usage::{self, RoleLives, Selection, Sessions, Space, TimeRange};

/// Rows that an answer has where nothing is said.
const ROWS_DEFAULT: u64 = 100;

/// Events that one call may ask about.
const EVENTS_MAX: usize = 20;

/// What the program takes beside the uses that an answer is made of.
const PROGRAM_BYTES: u64 = 144 << 20;

/// What calls need.
#[derive(Clone)]
pub(super) struct Calls {
    pub source: Arc<Source>,
    pub jobs: Jobs,
    pub runtime: Handle,
}

impl Calls {
    /// Does what a tool is for. An error is in words: whoever asked may ask better.
    pub fn call(&self, tool: Tool, given: &Map<String, Value>, ending: &Ending) -> Result<Value, String> {
        let schema = tool.input();
        let arguments = Arguments::new(given, &schema)?;
        match tool {
            Tool::Status => self.status(),
            Tool::Actions => self.actions(&arguments),
            Tool::Explain => self.explain(&arguments, ending),
            Tool::Reference => {
                let text = query::topic(arguments.text("topic")?.unwrap_or_default())?;
                // A text as long as that of a table would be cut; lines are not.
                Ok(json!({ "lines": text.lines().collect::<Vec<&str>>() }))
            }
            Tool::ListQueries => self.list_queries(&arguments),
            Tool::RunQuery => self.run_query(&arguments, ending),
            Tool::Sql => self.sql(&arguments, ending),
        }
    }

    fn status(&self) -> Result<Value, String> {
        let status = Status::read(self.source.store()).map_err(|error| error.to_string())?;
        serde_json::to_value(&status).map_err(|error| error.to_string())
    }

    fn list_queries(&self, arguments: &Arguments<'_>) -> Result<Value, String> {
        let word = arguments.text("word")?.unwrap_or_default();
        let topics = self.source.library().by_topic(word);
        if topics.is_empty() {
            return Err(format!("no query is about {word}"));
        }
        let listed = |queries: Vec<&query::Named>| -> Vec<Value> {
            let short = |named: &&query::Named| json!({ "name": named.name, "answers": named.summary() });
            let whole = |named: &&query::Named| serde_json::to_value(named).unwrap_or_default();
            // All of them with everything would be more than anybody reads.
            queries.iter().map(|named| if word.is_empty() { short(named) } else { whole(named) }).collect()
        };
        Ok(Value::Object(
            topics.into_iter().map(|(topic, queries)| (topic.to_owned(), listed(queries).into())).collect(),
        ))
    }

    fn run_query(&self, arguments: &Arguments<'_>, ending: &Ending) -> Result<Value, String> {
        let named = self.source.library().called(arguments.text("name")?.unwrap_or_default());
        let named = named.map_err(|error| error.to_string())?;
        let dated = |(name, value): (String, String)| {
            let value = query::day(&name, &value);
            (name, value)
        };
        let given = arguments.pairs("parameters")?.into_iter().map(dated).collect();
        let parameters = named.parameters(given).map_err(|error| error.to_string())?;
        self.rows(&named.sql, parameters, arguments, ending)
    }

    fn sql(&self, arguments: &Arguments<'_>, ending: &Ending) -> Result<Value, String> {
        self.rows(arguments.text("sql")?.unwrap_or_default(), HashMap::new(), arguments, ending)
    }

    /// The rows of one statement.
    fn rows(
        &self,
        sql: &str,
        parameters: HashMap<String, String>,
        arguments: &Arguments<'_>,
        ending: &Ending,
    ) -> Result<Value, String> {
        let limits = self.source.limits();
        let rows_max = arguments.count("max_rows")?.unwrap_or(ROWS_DEFAULT).min(limits.rows);
        self.runtime.block_on(async {
            let world = self.source.world().await.map_err(|error| error.to_string())?;
            let stop = Stop::default();
            let session = self.source.session(&world, stop.clone()).map_err(|error| error.to_string())?;
            let (source, asked, context) = (Arc::clone(&self.source), sql.to_owned(), session.clone());
            let work = async move {
                let statement = query::with_library(one(&asked)?, source.library())?;
                Ok(query::execute(&context, statement, &parameters).await?)
            };
            let answered = async {
                let mut answer = self.jobs.start(stop, ending.clone(), work).await?;
                let mut rows = Rows::new(answer.schema(), rows_max);
                while !rows.is_full
                    && let Some(batch) = answer.next().await
                {
                    rows.add(&batch?)?;
                }
                Ok::<_, Failure>(rows)
            };
            let rows = answered.await.map_err(|failure| said(failure, sql, &session))?;
            let (given, is_complete) = (rows.rows.len(), !rows.is_full);
            let mut result = json!({ "row_count": given, "complete": is_complete, "rows": rows.rows });
            if let (false, Some(fields)) = (is_complete, result.as_object_mut()) {
                let more = format!("there are more than {given} rows: narrow the question, add up, or raise max_rows");
                fields.insert("more".to_owned(), more.into());
            }
            Ok(result)
        })
    }

    fn actions(&self, arguments: &Arguments<'_>) -> Result<Value, String> {
        let selection = Selection {
            roles: arguments.texts("role")?,
            users: arguments.texts("user")?,
            permission_sets: arguments.texts("permission_set")?,
            principals: arguments.texts("principal")?,
            sessions: arguments.texts("session")?,
            accounts: arguments.texts("account")?,
            ..Selection::default()
        };
        selection.validate().map_err(|error| format!("{error}: give role, user, permission_set or principal"))?;
        let by = match arguments.text("by")? {
            None | Some("principal") => By::Principal,
            Some("session") => By::Session,
            Some("account") => By::Account,
            Some(_) => return Err("by is principal, session or account".to_owned()),
        };
        let moment = |name: &str| match arguments.text(name)? {
            None => Ok(None),
            Some(text) => Moment::parse(text, now_us()).map(Some).ok_or_else(|| format!("{name}: {}", Moment::HINT)),
        };
        let range = TimeRange {
            from_us: moment("from")?.map(|moment| moment.begin_us),
            to_us: moment("to")?.map(|moment| moment.end_us),
        };
        let limits = self.source.limits();
        let rows_max = arguments.count("max_rows")?.unwrap_or(ROWS_DEFAULT).min(limits.rows);
        let world = self.runtime.block_on(self.source.world()).map_err(|error| error.to_string())?;
        let selection = selection.knowing(&world.snapshot).map_err(|error| error.to_string())?;
        let sessions = if by == By::Session { Sessions::Apart } else { Sessions::Together };
        let bytes = limits.memory_of_query_bytes().saturating_sub(PROGRAM_BYTES);
        let space = Space::new(self.source.spill(), bytes);
        let uses = usage::read_within(&world.snapshot, &selection, &range, sessions, self.source.catalog(), &space);
        let uses = uses.and_then(|uses| uses.ordered_by(by.order(), &space)).map_err(|error| error.to_string())?;
        let mut lines = Lines::new(by, uses.into_iter());
        let mut rows = Vec::new();
        for line in lines.by_ref().take(usize::try_from(rows_max).unwrap_or(usize::MAX)) {
            let line = line.map_err(|error| error.to_string())?;
            rows.push(serde_json::to_value(&line).map_err(|error| error.to_string())?);
        }
        let is_complete = lines.is_empty();
        Ok(json!({
            "whose": selection.to_string(),
            "when": range.to_string(),
            "row_count": rows.len(),
            "complete": is_complete,
            "rows": rows,
        }))
    }

    fn explain(&self, arguments: &Arguments<'_>, ending: &Ending) -> Result<Value, String> {
        let ids = arguments.texts("event_id")?;
        if ids.len() > EVENTS_MAX {
            return Err(format!("{EVENTS_MAX} events at once are the most"));
        }
        let with_record = arguments.flag("record")?;
        let proofs = Proofs::read(self.source.store()).map_err(|error| error.to_string())?;
        let found = self.runtime.block_on(async {
            let world = self.source.world().await?;
            let session = self.source.session(&world, Stop::default())?;
            let find = self.jobs.deep(async move {
                let mut found = Vec::new();
                for id in ids {
                    let batches = query::events_by_id(&session, &id).await?;
                    found.push((id, batches));
                }
                let lives = RoleLives::of_events(&world.snapshot, found.iter().flat_map(|(_, batches)| batches));
                Ok((found, lives))
            });
            tokio::select! {
                end = ending.ended() => Err(Failure::Ended(end)),
                found = timeout(self.source.limits().time, find) => {
                    found.unwrap_or(Err(Failure::Ended(End::TimedOut)))
                }
            }
        });
        let (found, lives) = found.map_err(|error| error.to_string())?;
        let lives = lives.map_err(|error| error.to_string())?;
        let mut explained = Vec::new();
        for (id, batches) in found {
            if batches.is_empty() {
                explained.push(json!({ "event_id": id, "error": "the store has no such event" }));
            }
            for batch in &batches {
                let catalog = self.source.catalog();
                let of_batch =
                    explanations(batch, catalog, proofs.as_ref(), &lives).map_err(|error| error.to_string())?;
                for explanation in of_batch {
                    let mut value = serde_json::to_value(&explanation).map_err(|error| error.to_string())?;
                    if let (false, Some(fields)) = (with_record, value.as_object_mut()) {
                        fields.remove("record");
                    }
                    explained.push(value);
                }
            }
        }
        Ok(json!({ "events": explained }))
    }
}

/// Rows that are written at once.
const CHUNK_ROWS: usize = 64;

/// Bytes of rows that are looked at: more would be cut anyway.
const ROWS_MAX_BYTES: usize = 16 << 20;

/// The first rows of an answer.
struct Rows {
    schema: SchemaRef,
    rows_max: u64,
    rows: Vec<Value>,
    bytes: usize,
    /// Whether there are more.
    is_full: bool,
}

impl Rows {
    fn new(schema: SchemaRef, rows_max: u64) -> Rows {
        Rows { schema, rows_max, rows: Vec::new(), bytes: 0, is_full: false }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        let layout = Layout { max_rows: usize::MAX, width: None, printable: str::to_owned };
        let mut begin = 0;
        while begin < batch.num_rows() {
            let room = usize::try_from(self.rows_max).unwrap_or(usize::MAX).saturating_sub(self.rows.len());
            let length = CHUNK_ROWS.min(batch.num_rows() - begin).min(room);
            if length == 0 || self.bytes > ROWS_MAX_BYTES {
                self.is_full = true;
                return Ok(());
            }
            let mut written = Vec::new();
            let mut sink = Sink::new(Format::Ndjson, &self.schema, &layout, &mut written)?;
            sink.write(&batch.slice(begin, length))?;
            sink.finish()?;
            let lines = written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            self.rows.extend(lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()));
            self.bytes += written.len();
            begin += length;
        }
        Ok(())
    }
}

/// The only statement of a text.
fn one(sql: &str) -> Result<Statement, Failure> {
    let mut statements = query::parse(sql)?;
    match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(QueryError::OneStatement.into()),
    }
}

/// A failure in words, with the place in the SQL where it is.
fn said(failure: Failure, sql: &str, session: &datafusion::prelude::SessionContext) -> String {
    match failure {
        Failure::Query(error) => query::at(error, sql, session).to_string(),
        other => other.to_string(),
    }
}
