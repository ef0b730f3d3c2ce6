//! SQL text → statements → answers. Several statements stand between semicolons.

use std::collections::HashMap;

use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

use super::error::QueryError;
use super::trino::adapt;

/// The statements of a text, in order.
pub fn parse(sql: &str) -> Result<Vec<Statement>, QueryError> {
    let mut statements: Vec<Statement> = DFParser::parse_sql_with_dialect(sql, &PostgreSqlDialect {})?.into();
    statements.iter_mut().for_each(adapt);
    Ok(statements)
}

/// Runs one statement. `parameters` are the values of `$name` in it. A statement that answers nothing (`CREATE VIEW`)
/// has an answer without columns.
pub async fn execute(
    context: &SessionContext,
    statement: Statement,
    parameters: &HashMap<String, String>,
) -> Result<SendableRecordBatchStream, QueryError> {
    let plan = context.state().statement_to_plan(statement).await?;
    let frame = context.execute_logical_plan(with_parameters(plan, parameters)?).await?;
    Ok(frame.execute_stream().await?)
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
