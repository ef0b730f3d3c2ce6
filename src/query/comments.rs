//! What each column of a table or a view says, and of what type it is in SQL.
//!
//! Columns of tables have their comments where they are defined. A column of a view that is made of one of these has
//! that one's; what views make of several is here.

use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::prelude::SessionContext;

use super::relations::USAGE_BY_FILE;
use super::sql_type::sql_type;
use super::trino::LAKE;
use crate::store::Table;

const IDENTITY: &str =
    "who called, in CloudTrail's nesting: useridentity.arn, useridentity.sessioncontext.sessionissuer.arn";
const ADDENDUM: &str = "why an event was delivered late or once more, and what it changes";
const TLS: &str = "TLS version, cipher suite and host name of the connection";
const DAY: &str = "day of the event as the keys of log objects have it: 2023/07/10; text, as partitions are";

/// Columns that views make of several of a table's, or of parts of one: view, column, what it says.
const OF_VIEWS: &[(&str, &str, &str)] = &[
    ("cloudtrail_logs", "useridentity", IDENTITY),
    ("cloudtrail_logs", "eventtime", "when the call was completed, UTC, text as logged: 2023-07-10T12:00:00Z"),
    ("cloudtrail_logs", "addendum", ADDENDUM),
    ("cloudtrail_logs", "tlsdetails", TLS),
    ("cloudtrail_logs", "year", "year of the event: 2023; text, as partitions are"),
    ("cloudtrail_logs", "month", "month of the event: 07; text, as partitions are"),
    ("cloudtrail_logs", "day", "day of the month of the event: 10; text, as partitions are"),
    ("cloudtrail_logs", "timestamp", DAY),
    ("cloudtrail_logs", "dt", DAY),
    ("cloudtrail_logs", "date", DAY),
    ("cloudtrail_logs", "date_partition", DAY),
    ("cloudtrail_logs", "p_date", DAY),
    (LAKE, "useridentity", IDENTITY),
    (LAKE, "addendum", ADDENDUM),
    (LAKE, "tlsdetails", TLS),
    (LAKE, "annotation", "what an annotation says, where the record has one"),
    (LAKE, "insightdetails", "what an Insights event tells of the unusual activity"),
    (LAKE, "eventjson", "the whole record as it was logged, JSON"),
    (LAKE, "eventjsonchecksum", "always NULL: a store has no checksum of a record"),
    ("aws_cloudtrail_log", "tp_id", "id of the event"),
    ("aws_cloudtrail_log", "tp_ips", "addresses that the event names"),
    ("aws_cloudtrail_log", "tp_akas", "ARNs of the resources that the event names"),
    ("aws_cloudtrail_log", "tp_usernames", "name and access key of who called"),
    ("aws_cloudtrail_log", "tp_table", "name of the table"),
    ("aws_cloudtrail_log", "resources", "resources that the event names, JSON"),
    ("aws_cloudtrail_log", "tls_details", TLS),
    ("aws_cloudtrail_log", "user_identity", "who called, nested: user_identity.session_context.session_issuer.arn"),
    ("event_actions", "source", "where the rule comes from that found the action"),
    (
        "event_actions",
        "account_id",
        "account in which the principal lives, or that logged the event where that isn't known",
    ),
];

/// A column as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type in SQL.
    pub sql_type: String,
    /// What it says; empty of tables and views that the session made.
    pub comment: String,
}

/// The columns of a table or a view of the session.
///
/// # Errors
/// There is none of that name.
pub async fn columns(context: &SessionContext, relation: &str) -> Result<Vec<ColumnInfo>> {
    let table = context.table_provider(TableReference::parse_str(relation)).await?;
    let made_of = table.get_logical_plan().map(|plan| made_of(&plan)).unwrap_or_default();
    let is_ours = super::relations::RELATIONS.iter().any(|known| known.name == relation);
    let schema = table.schema();
    let describe = |(place, field): (usize, &Arc<arrow::datatypes::Field>)| ColumnInfo {
        name: field.name().clone(),
        sql_type: sql_type(field.data_type()),
        comment: match is_ours {
            true => comment(relation, field.name(), made_of.get(place).and_then(Option::as_deref)).to_owned(),
            false => String::new(),
        },
    };
    Ok(schema.fields().iter().enumerate().map(describe).collect())
}

fn comment(relation: &str, column: &str, made_of: Option<&str>) -> &'static str {
    let of_view = OF_VIEWS.iter().find(|(view, name, _)| *view == relation && *name == column);
    if let Some((_, _, what)) = of_view {
        return what;
    }
    let table = if matches!(relation, "usage" | USAGE_BY_FILE) { Table::Usage } else { Table::Events };
    let of_table = table.comment(column).or_else(|| table.comment(made_of?));
    // What an event took has the names that usage has.
    of_table.or_else(|| Table::Usage.comment(column)).unwrap_or_default()
}

/// For each column of a view the one column of a table that it is made of.
fn made_of(plan: &LogicalPlan) -> Vec<Option<String>> {
    match plan {
        LogicalPlan::Projection(projection) => projection.expr.iter().map(single_column).collect(),
        LogicalPlan::SubqueryAlias(alias) => made_of(&alias.input),
        _ => Vec::new(),
    }
}

fn single_column(expr: &Expr) -> Option<String> {
    let columns: Vec<&Column> = expr.column_refs().into_iter().collect();
    match columns.as_slice() {
        [column] => Some(column.name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::{context, run};
    use crate::query::relations::RELATIONS;

    #[test]
    fn every_column_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        run(async {
            let context = context(dir.path()).await;
            for relation in RELATIONS {
                assert!(!relation.what.is_empty(), "{}", relation.name);
                for column in columns(&context, relation.name).await.unwrap() {
                    assert!(!column.comment.is_empty(), "{}.{} has no comment", relation.name, column.name);
                    assert!(!column.sql_type.contains("Utf8"), "{}.{}", relation.name, column.sql_type);
                }
            }
            for (view, column, _) in OF_VIEWS {
                let columns = columns(&context, view).await.unwrap();
                assert!(columns.iter().any(|known| known.name == *column), "{view} has no {column}");
            }
        });
    }
}
