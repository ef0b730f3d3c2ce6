//! How much a statement may come to once its names are written out: planning goes through every place where a name
//! stands. Each `WITH` or view that names the one before it twice doubles that, so that thirty lines are a billion.

use datafusion::common::plan_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;

/// Relational operators that a statement may come to. A view over `events` comes to some ten.
pub(super) const OPERATORS_MAX: usize = 50_000;

/// Refuses a plan of more than [`OPERATORS_MAX`] operators, without going through the rest of it.
pub(super) fn checked(plan: &LogicalPlan) -> Result<()> {
    let mut left = OPERATORS_MAX;
    if count(plan, &mut left)? == TreeNodeRecursion::Stop {
        return plan_err!(
            "the statement comes to more than {OPERATORS_MAX} operators, since names in it stand for queries that name \
             others\nhint: CREATE TABLE … AS keeps an answer that is used more than once"
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
