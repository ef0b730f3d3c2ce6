//! What statements of a session may do.

use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::{DdlStatement, LogicalPlan, Statement as PlannedStatement};
use datafusion::prelude::SessionContext;

use super::error::QueryError;
use super::options::Options;
use super::relations::RELATIONS;
use super::stop::Stop;

/// What statements of a session may do.
#[derive(Debug)]
pub(super) struct Rights {
    /// No statement reads or writes a file beside the store.
    pub read_only: bool,
    /// No statement does anything but answer.
    pub queries_only: bool,
    /// What asks queries to end.
    pub stop: Option<Stop>,
}

impl Rights {
    pub fn of(options: &Options) -> Rights {
        Rights { read_only: options.read_only, queries_only: options.queries_only, stop: options.stop.clone() }
    }
}

/// Refuses what would not do what it says, and files where only the store may be read.
pub(super) fn permitted(plan: &LogicalPlan, context: &SessionContext) -> Result<(), QueryError> {
    let changes_nothing = |what: &str| Err(QueryError::ChangesNothing { what: what.to_owned() });
    let rights = context.copied_config().get_extension::<Rights>();
    let read_only = rights.as_ref().is_some_and(|rights| rights.read_only);
    if rights.is_some_and(|rights| rights.queries_only) {
        return match others_than_queries(plan)? {
            Some(what) => Err(QueryError::QueriesOnly { what }),
            None => Ok(()),
        };
    }
    let is_ours = |name: &TableReference| {
        let schema = name.schema().unwrap_or("main");
        schema == "main" && RELATIONS.iter().any(|relation| relation.name == name.table())
    };
    match plan {
        LogicalPlan::Copy(_) if read_only => Err(QueryError::ReadOnly { what: "COPY writes a file" }),
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(_)) if read_only => {
            Err(QueryError::ReadOnly { what: "CREATE EXTERNAL TABLE reads a file" })
        }
        LogicalPlan::Ddl(DdlStatement::CreateExternalTable(create)) if is_ours(&create.name) => {
            changes_nothing(&format!("CREATE EXTERNAL TABLE {}", create.name))
        }
        LogicalPlan::Ddl(DdlStatement::CreateView(create)) if is_ours(&create.name) => {
            changes_nothing(&format!("CREATE VIEW {}", create.name))
        }
        LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(create)) if is_ours(&create.name) => {
            changes_nothing(&format!("CREATE TABLE {}", create.name))
        }
        LogicalPlan::Ddl(DdlStatement::DropTable(drop)) if is_ours(&drop.name) => {
            changes_nothing(&format!("DROP TABLE {}", drop.name))
        }
        LogicalPlan::Ddl(DdlStatement::DropView(drop)) if is_ours(&drop.name) => {
            changes_nothing(&format!("DROP VIEW {}", drop.name))
        }
        LogicalPlan::Ddl(
            ddl @ (DdlStatement::CreateCatalogSchema(_)
            | DdlStatement::CreateCatalog(_)
            | DdlStatement::CreateIndex(_)
            | DdlStatement::DropCatalogSchema(_)
            | DdlStatement::CreateFunction(_)
            | DdlStatement::DropFunction(_)),
        ) => changes_nothing(ddl.name()),
        LogicalPlan::Dml(dml) if is_ours(&dml.table_name) => {
            changes_nothing(&format!("{} {}", dml.op.name(), dml.table_name))
        }
        LogicalPlan::Statement(PlannedStatement::TransactionStart(_) | PlannedStatement::TransactionEnd(_)) => {
            changes_nothing("a transaction")
        }
        LogicalPlan::Explain(explain) => permitted(&explain.plan, context),
        LogicalPlan::Analyze(analyze) => permitted(&analyze.input, context),
        _ => Ok(()),
    }
}

/// What a plan does beside answering, its subqueries and what it explains included.
fn others_than_queries(plan: &LogicalPlan) -> Result<Option<String>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        found = match node {
            LogicalPlan::Ddl(ddl) => Some(ddl.name().to_owned()),
            LogicalPlan::Dml(dml) => Some(dml.op.name().to_owned()),
            LogicalPlan::Copy(_) => Some("COPY".to_owned()),
            LogicalPlan::Statement(statement) => Some(statement.name().to_owned()),
            LogicalPlan::Explain(explain) => others_than_queries(&explain.plan)?,
            LogicalPlan::Analyze(analyze) => others_than_queries(&analyze.input)?,
            _ => None,
        };
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
