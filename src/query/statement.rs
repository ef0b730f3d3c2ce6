//! SQL text → statements → answers. Several statements stand between semicolons.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::{ObjectNamePart, Statement as SqlStatement, visit_relations};
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::Tokenizer;
use futures::StreamExt;

use super::breadth;
use super::comments::ColumnInfo;
use super::depth;
use super::error::QueryError;
use super::rights::{Rights, permitted};
use super::stop;
use super::trino;
use super::trino::dialect::AnalystDialect;
use super::{comments, describe, memory, shorthand};

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    parsed: Parsed,
    about: About,
    /// Whether names of tables may be those of Athena, Lake and Tailpipe.
    is_adapted: bool,
}

impl Statement {
    /// A statement that somebody else parsed, and which means what it says.
    ///
    /// # Errors
    /// One that is nested too deep, or comes to too much.
    pub fn of(parsed: SqlStatement) -> Result<Statement, QueryError> {
        let parsed = bounded(Parsed::Statement(Box::new(parsed)))?;
        Ok(Statement { parsed, about: About::Rows, is_adapted: false })
    }

    /// The same after `change` of each query in it, within the same bounds.
    pub(super) fn changed(
        mut self,
        mut change: impl FnMut(&mut depth::Part<'_>) -> Result<(), QueryError>,
    ) -> Result<Statement, QueryError> {
        let mut outcome = Ok(());
        let _ = depth::each_query(&mut self.parsed, &mut |part| {
            outcome = change(part);
            ControlFlow::Continue(())
        });
        outcome?;
        Ok(Statement { parsed: bounded(self.parsed)?, ..self })
    }
}

/// Refuses a statement that is nested too deep, or comes to too much.
fn bounded(parsed: Parsed) -> Result<Parsed> {
    breadth::of_text(depth::checked(parsed)?)
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The rows.
    Rows,
    /// The columns of a table: `DESCRIBE t`.
    Columns,
    /// The rows, summed up: `SUMMARIZE t`.
    Summary,
}

/// The statements of a text, in order.
///
/// # Errors
/// What is no SQL.
pub fn parse(sql: &str) -> Result<Vec<Statement>, QueryError> {
    Ok(statements(sql)?)
}

/// The same as DataFusion has them, for texts of our own.
pub(super) fn parsed(sql: &str) -> Result<Vec<Parsed>> {
    Ok(statements(sql)?.into_iter().map(|statement| statement.parsed).collect())
}

fn statements(sql: &str) -> Result<Vec<Statement>> {
    depth::brackets(sql)?;
    let sql = trino::stores_named(sql);
    let dialect = AnalystDialect;
    let tokens = Tokenizer::new(&dialect, &sql).tokenize_with_location().map_err(ParserError::from)?;
    let mut statements = Vec::new();
    for written in shorthand::statements(tokens) {
        let mut parser = DFParserBuilder::new(written.tokens).with_dialect(&dialect).build()?;
        for parsed in parser.parse_statements()? {
            let (mut parsed, is_description) = described(depth::checked(parsed)?)?;
            trino::adapt(&mut parsed);
            // What takes the place of a call may be deeper than the call.
            let parsed = bounded(parsed)?;
            let about = match (is_description, written.is_summarized) {
                (true, _) => About::Columns,
                (false, true) => About::Summary,
                (false, false) => About::Rows,
            };
            statements.push(Statement { parsed, about, is_adapted: true });
        }
    }
    Ok(statements)
}

/// `DESCRIBE t` as the query whose columns are told; any other statement as it is.
fn described(parsed: Parsed) -> Result<(Parsed, bool)> {
    let Parsed::Statement(statement) = &parsed else { return Ok((parsed, false)) };
    let SqlStatement::ExplainTable { table_name, .. } = statement.as_ref() else { return Ok((parsed, false)) };
    let sql = format!("SELECT * FROM {table_name}");
    let query = DFParserBuilder::new(sql.as_str()).with_dialect(&AnalystDialect).build()?.parse_statement()?;
    Ok((query, true))
}

/// The table or view that a statement is about, as the session calls it.
fn relation(statement: &Parsed) -> Option<String> {
    let Parsed::Statement(statement) = statement else { return None };
    let mut found = None;
    let _ = visit_relations(statement.as_ref(), |name| {
        found = name.0.last().and_then(ObjectNamePart::as_ident).map(|name| name.value.clone());
        ControlFlow::Break(())
    });
    found
}

/// Runs one statement. `parameters` are the values of `$name` in it. A statement that answers nothing (`CREATE VIEW`)
/// has an answer without columns.
///
/// Where memory runs out before there is any answer, it is run once more, in the least memory.
///
/// # Errors
/// Those of [`prepare`] and of the statement.
pub async fn execute(
    context: &SessionContext,
    statement: Statement,
    parameters: &HashMap<String, String>,
) -> Result<SendableRecordBatchStream, QueryError> {
    prepare(context, statement).await?.with_named(parameters)?.answer(context).await
}

/// Plans a statement, and says what it may not do.
///
/// # Errors
/// Those of planning; [`QueryError::ChangesNothing`] for one that would not do what it says, [`QueryError::ReadOnly`]
/// for one about files in a session that may only read its store, and [`QueryError::QueriesOnly`] for one that is no
/// query in a session that has nothing else.
pub async fn prepare(context: &SessionContext, mut statement: Statement) -> Result<Prepared, QueryError> {
    if statement.is_adapted {
        trino::resolve(&mut statement.parsed, &|name| context.table_exist(name).unwrap_or(false));
    }
    let relation = if statement.about == About::Columns { relation(&statement.parsed) } else { None };
    let plan = context.state().statement_to_plan(statement.parsed).await?;
    if let Some(relation) = relation {
        return Ok(Prepared::Columns(comments::columns(context, &relation).await?));
    }
    permitted(&plan, context)?;
    breadth::checked(&plan)?;
    Ok(match statement.about {
        About::Summary => Prepared::Summary(plan),
        About::Rows | About::Columns => Prepared::Rows(plan),
    })
}

/// A statement that is planned and permitted.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Its rows are the answer.
    Rows(LogicalPlan),
    /// These columns are.
    Columns(Vec<ColumnInfo>),
    /// Its rows, summed up.
    Summary(LogicalPlan),
}

impl Prepared {
    /// The columns of the answer.
    ///
    /// # Errors
    /// None that is known.
    pub fn schema(&self) -> Result<SchemaRef, QueryError> {
        Ok(match self {
            Prepared::Rows(LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Copy(_)) => {
                Arc::new(Schema::empty())
            }
            Prepared::Rows(plan) => Arc::clone(plan.schema().inner()),
            Prepared::Columns(columns) => describe::description(columns)?.schema(),
            Prepared::Summary(_) => describe::summary_schema(),
        })
    }

    /// The types of `$1`, `$2`, … as far as they are known.
    ///
    /// # Errors
    /// One that would be of two types.
    pub fn parameter_types(&self) -> Result<HashMap<String, Option<DataType>>, QueryError> {
        match self {
            Prepared::Rows(plan) | Prepared::Summary(plan) => {
                let mut types = plan.get_parameter_types()?;
                types.extend(lists(plan)?);
                Ok(types)
            }
            Prepared::Columns(_) => Ok(HashMap::new()),
        }
    }

    /// The same with the values of `$name`.
    ///
    /// # Errors
    /// One that has none.
    pub fn with_named(self, parameters: &HashMap<String, String>) -> Result<Prepared, QueryError> {
        self.with(|plan| with_parameters(plan, parameters))
    }

    /// The same with the values of `$1`, `$2`, ….
    ///
    /// # Errors
    /// One that has none, or another type.
    pub fn with_values(self, values: &ParamValues) -> Result<Prepared, QueryError> {
        self.with(|plan| plan.replace_params_with_values(values))
    }

    fn with(self, change: impl FnOnce(LogicalPlan) -> Result<LogicalPlan>) -> Result<Prepared, QueryError> {
        Ok(match self {
            Prepared::Rows(plan) => Prepared::Rows(change(plan)?),
            Prepared::Summary(plan) => Prepared::Summary(change(plan)?),
            Prepared::Columns(columns) => Prepared::Columns(columns),
        })
    }

    /// Runs it. Where memory runs out before there is any answer, it is run once more, in the least memory.
    ///
    /// # Errors
    /// Those of the statement.
    pub async fn answer(self, context: &SessionContext) -> Result<SendableRecordBatchStream, QueryError> {
        let plan = match self {
            Prepared::Rows(plan) => plan,
            Prepared::Columns(columns) => return Ok(describe::description(&columns)?),
            Prepared::Summary(plan) => {
                return Ok(describe::summary(context.execute_logical_plan(plan).await?).await?);
            }
        };
        Ok(answer(context.execute_logical_plan(plan).await?).await?)
    }
}

/// The rows of an answer, once the first are there: in the least memory where it takes more than there is.
///
/// # Errors
/// Those of the query.
pub async fn answer(frame: DataFrame) -> Result<SendableRecordBatchStream> {
    let (state, plan) = frame.into_parts();
    match begun(run(&state, &plan).await?).await {
        Err(error) if memory::has_run_out(&error) => run(&memory::frugal(state)?, &plan).await,
        stream => stream,
    }
}

/// Parameters that are lists, as in `x = ANY($1)`: the planner takes each for one of their elements.
fn lists(plan: &LogicalPlan) -> Result<HashMap<String, Option<DataType>>> {
    let texts = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    let mut found = HashMap::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(call) = expr
                    && call.name() == "array_has"
                    && let Some(Expr::Placeholder(parameter)) = call.args.first()
                {
                    found.insert(parameter.id.clone(), Some(texts.clone()));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

/// Runs a statement that answers nothing to its end.
///
/// # Errors
/// Those of the statement.
pub async fn finish(mut answer: SendableRecordBatchStream) -> Result<(), QueryError> {
    while answer.next().await.transpose()?.is_some() {}
    Ok(())
}

/// Whether a statement is of use only to statements after it: a view or a table that goes with the session.
pub fn prepares(statement: &Statement) -> bool {
    match &statement.parsed {
        Parsed::Statement(statement) => matches!(
            statement.as_ref(),
            SqlStatement::CreateView(_)
                | SqlStatement::CreateTable(_)
                | SqlStatement::Set(_)
                | SqlStatement::Prepare { .. }
                | SqlStatement::Drop { .. }
                | SqlStatement::Insert(_)
        ),
        Parsed::CreateExternalTable(_) | Parsed::Reset(_) => true,
        _ => false,
    }
}

async fn run(state: &SessionState, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
    let plan = state.create_physical_plan(plan).await?;
    let plan = match state.config().get_extension::<Rights>().and_then(|rights| rights.stop.clone()) {
        Some(stop) => stop::stoppable(plan, &stop)?,
        None => plan,
    };
    let task = TaskContext::from(state);
    let task = if has_nested_loop_join(&plan)? { without_spilling(task)? } else { task };
    execute_stream(plan, Arc::new(task))
}

/// The same answer, once its first rows are there.
async fn begun(mut stream: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
    let first = stream.next().await.transpose()?;
    let schema = stream.schema();
    let stream = futures::stream::iter(first.map(Ok)).chain(stream);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
}

fn has_nested_loop_join(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| Ok(node.is::<NestedLoopJoinExec>()))
}

/// A nested-loop join that spills loses rows without a word, so that it is to fail where memory runs out.
/// Source: datafusion 55.2.0, `NestedLoopJoinExec`; apache/datafusion#24676 and #24745, mended after it.
fn without_spilling(task: TaskContext) -> Result<TaskContext> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime =
        RuntimeEnvBuilder::from_runtime_env(&task.runtime_env()).with_disk_manager_builder(disk).build_arc()?;
    Ok(task.with_runtime(runtime))
}

fn with_parameters(plan: LogicalPlan, parameters: &HashMap<String, String>) -> Result<LogicalPlan> {
    let wanted = plan.get_parameter_names()?;
    if wanted.is_empty() {
        return Ok(plan);
    }
    let values: Vec<(String, ScalarValue)> = parameters
        .iter()
        .filter(|(name, _)| wanted.contains(&format!("${name}")))
        .map(|(name, value)| (name.clone(), ScalarValue::from(value.as_str())))
        .collect();
    plan.with_param_values(values)
}
