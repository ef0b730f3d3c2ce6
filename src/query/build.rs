//! What other rooms build conditions of: calls of functions that SQL has here, and conditions as SQL.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ScalarUDF};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Value};
use datafusion::sql::unparser::Unparser;

use super::error::QueryError;
use super::functions;
use super::walk::each_expression;

/// A call of a function of ours that is about texts, JSON, addresses, times or whole events.
///
/// # Errors
/// There is no such function.
pub fn call(name: &str, arguments: Vec<Expr>) -> Result<Expr> {
    static FUNCTIONS: LazyLock<HashMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
        let all = functions::of_conditions().into_iter();
        all.map(|function| (function.name().to_owned(), Arc::new(function))).collect()
    });
    match FUNCTIONS.get(name) {
        Some(function) => Ok(function.call(arguments)),
        None => plan_err!("no function {name} for conditions"),
    }
}

/// A condition as the SQL that `trailpare sql` takes.
///
/// # Errors
/// SQL has no words for it.
pub fn sql_of(condition: &Expr) -> Result<String, QueryError> {
    let unparser = Unparser::default().with_pretty(true);
    let mut sql = unparser.expr_to_sql(condition)?;
    // Texts are quoted here: the parser's own writer takes a quote behind a backslash for one that is escaped.
    each_expression(&mut sql, |expr| {
        if let SqlExpr::Value(value) = expr
            && let Value::SingleQuotedString(text) = &value.value
        {
            value.value = Value::Placeholder(format!("'{}'", text.replace('\'', "''")));
        }
    });
    Ok(sql.to_string())
}

/// Whether a text is a network as `cidr_contains` takes it: `10.0.0.0/8`.
pub fn is_network(text: &str) -> bool {
    functions::is_network(text)
}
