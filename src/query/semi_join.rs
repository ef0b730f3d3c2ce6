//! `EXISTS`, `IN` and their opposites over what holds a key many times.
//!
//! One partner is enough. DataFusion's hash join goes through all pairs of equal keys: of
//! a principal and an address that half a million events have on either side, 250 billion. Here each key of the side
//! that is only asked is there once, as in DuckDB.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, Expr, Join, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule.
#[derive(Debug)]
pub(super) struct KeysOnce;

impl OptimizerRule for KeysOnce {
    fn name(&self) -> &str {
        "keys_once"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(join) = &plan else { return Ok(Transformed::no(plan)) };
        // A further condition may hold for one partner and not for another of the same key.
        if join.filter.is_some() || join.on.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let joined = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                let keys = join.on.iter().map(|(_, right)| right);
                once(&join.right, keys)?.map(|right| Join { right, ..join.clone() })
            }
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                let keys = join.on.iter().map(|(left, _)| left);
                once(&join.left, keys)?.map(|left| Join { left, ..join.clone() })
            }
            _ => None,
        };
        Ok(joined.map_or_else(|| Transformed::no(plan), |join| Transformed::yes(LogicalPlan::Join(join))))
    }
}

/// Each key of the rows once; `None` where that is so already, or where a key is no plain column.
fn once<'e>(rows: &Arc<LogicalPlan>, keys: impl Iterator<Item = &'e Expr>) -> Result<Option<Arc<LogicalPlan>>> {
    let is_grouped = |plan: &LogicalPlan| matches!(plan, LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_));
    let mut columns: Vec<Expr> = Vec::new();
    for key in keys {
        if !matches!(key, Expr::Column(_)) {
            return Ok(None);
        }
        if !columns.contains(key) {
            columns.push(key.clone());
        }
    }
    if is_grouped(rows) || rows.max_rows().is_some_and(|rows| rows <= 1) {
        return Ok(None);
    }
    let grouped = Aggregate::try_new(Arc::clone(rows), columns, Vec::new())?;
    Ok(Some(Arc::new(LogicalPlan::Aggregate(grouped))))
}
