//! How much a statement may come to once its names are written out.
//!
//! Planning makes a copy of a `WITH` query or view for each place that uses it. Thirty lines that each use the one
//! before twice come to a billion. DataFusion expands `WITH` while planning, so `WITH` is counted in the text; views
//! are counted in the plan.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::plan_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Query, VisitorMut};

use super::depth;

/// Relational operators that a statement may come to. A view over `events` comes to some ten.
pub(super) const OPERATORS_MAX: usize = 50_000;

/// Tables that a statement may name once `WITH` is written out.
const TABLES_MAX: u64 = 20_000;

/// Refuses a statement that comes to more than [`TABLES_MAX`] tables.
pub(super) fn of_text(mut statement: Statement) -> Result<Statement> {
    let mut names = Names { open: vec![Scope::default()] };
    let _ = depth::each_query(&mut statement, &mut |part| part.walk(&mut names));
    if names.open.iter().any(|scope| scope.tables > TABLES_MAX) {
        return plan_err!(
            "the statement comes to more than {TABLES_MAX} tables, since names in WITH stand for queries that name \
             others\n{HINT}"
        );
    }
    Ok(statement)
}

const HINT: &str = "hint: CREATE TABLE … AS keeps an answer that is used more than once";

/// A query that is being visited.
#[derive(Default)]
struct Scope {
    /// Tables that it names, those behind its names counted.
    tables: u64,
    /// What the names come to that its `WITH` has given so far.
    given: HashMap<String, u64>,
    /// Names of its `WITH` whose queries are still to be visited, the next one last; the visitor takes these first.
    next: Vec<String>,
}

/// Counts the tables of queries, the innermost last.
struct Names {
    open: Vec<Scope>,
}

impl VisitorMut for Names {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let given = query.with.iter().flat_map(|with| &with.cte_tables);
        let mut next: Vec<String> = given.map(|cte| cte.alias.name.value.to_lowercase()).collect();
        next.reverse();
        self.open.push(Scope { next, ..Scope::default() });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        let Some(Scope { tables, .. }) = self.open.pop() else { return ControlFlow::Break(()) };
        if let Some(outer) = self.open.last_mut() {
            match outer.next.pop() {
                Some(name) => {
                    outer.given.insert(name, tables.max(1));
                }
                None => outer.tables = outer.tables.saturating_add(tables),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<()> {
        let name = name.0.last().and_then(ObjectNamePart::as_ident).map(|name| name.value.to_lowercase());
        let known = |name: &String| self.open.iter().rev().find_map(|scope| scope.given.get(name)).copied();
        let tables = name.as_ref().and_then(known).unwrap_or(1);
        if let Some(scope) = self.open.last_mut() {
            scope.tables = scope.tables.saturating_add(tables);
        }
        ControlFlow::Continue(())
    }
}

/// Refuses a plan of more than [`OPERATORS_MAX`] operators, without going through the rest of it.
pub(super) fn checked(plan: &LogicalPlan) -> Result<()> {
    let mut left = OPERATORS_MAX;
    if count(plan, &mut left)? == TreeNodeRecursion::Stop {
        return plan_err!(
            "the statement comes to more than {OPERATORS_MAX} operators, since names in it stand for queries that name \
             others\n{HINT}"
        );
    }
    Ok(())
}

fn count(plan: &LogicalPlan, left: &mut usize) -> Result<TreeNodeRecursion> {
    let mut outcome = TreeNodeRecursion::Continue;
    plan.apply_with_subqueries(|node| {
        outcome = match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                view(node, left)?
            }
            None => TreeNodeRecursion::Stop,
        };
        Ok(outcome)
    })?;
    Ok(outcome)
}

/// The same for what a view stands for.
fn view(node: &LogicalPlan, left: &mut usize) -> Result<TreeNodeRecursion> {
    let LogicalPlan::TableScan(scan) = node else { return Ok(TreeNodeRecursion::Continue) };
    match scan.source.get_logical_plan() {
        Some(plan) => count(&plan, left),
        None => Ok(TreeNodeRecursion::Continue),
    }
}
