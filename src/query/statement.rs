//! SQL text → statements → answers. Several statements stand between semicolons.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use futures::StreamExt;

use super::error::QueryError;
use super::memory;
use super::trino::adapt;

/// The statements of a text, in order.
pub fn parse(sql: &str) -> Result<Vec<Statement>, QueryError> {
    let mut statements: Vec<Statement> = DFParser::parse_sql_with_dialect(sql, &PostgreSqlDialect {})?.into();
    statements.iter_mut().for_each(adapt);
    Ok(statements)
}

/// Runs one statement. `parameters` are the values of `$name` in it. A statement that answers nothing (`CREATE VIEW`)
/// has an answer without columns.
///
/// Where memory runs out before there is any answer, it is run once more, in the least memory.
pub async fn execute(
    context: &SessionContext,
    statement: Statement,
    parameters: &HashMap<String, String>,
) -> Result<SendableRecordBatchStream, QueryError> {
    let plan = context.state().statement_to_plan(statement).await?;
    let frame = context.execute_logical_plan(with_parameters(plan, parameters)?).await?;
    let (state, plan) = frame.into_parts();
    match begun(run(&state, &plan).await?).await {
        Err(error) if memory::has_run_out(&error) => Ok(run(&memory::frugal(state), &plan).await?),
        stream => Ok(stream?),
    }
}

async fn run(state: &SessionState, plan: &LogicalPlan) -> Result<SendableRecordBatchStream> {
    let plan = state.create_physical_plan(plan).await?;
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
