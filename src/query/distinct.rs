//! Several `DISTINCT` aggregates at once, each by a grouping of its own.
//!
//! DataFusion turns one `count(DISTINCT x)` into a grouping by `x`, which can spill. Of several it keeps every value in
//! memory. Here `SELECT g, count(DISTINCT a), count(DISTINCT b), sum(c) FROM t GROUP BY g` becomes
//! three groupings of `t` by `g`, one for each of the two and one for the rest, joined on `g`, so that what is not known of
//! `g` meets itself.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule.
#[derive(Debug)]
pub(super) struct DistinctApart;

impl OptimizerRule for DistinctApart {
    fn name(&self) -> &str {
        "distinct_apart"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let parts = parts(&aggregate.aggr_expr);
        if parts.len() < 2 || !is_repeatable(&aggregate.input)? || is_grouping_set(&aggregate.group_expr) {
            return Ok(Transformed::no(plan));
        }
        Ok(Transformed::yes(apart(aggregate, parts)?))
    }
}

/// The places of aggregates that go together: those without `DISTINCT`, and those with it of the same arguments.
fn parts(aggregates: &[Expr]) -> Vec<Vec<usize>> {
    let mut parts: Vec<(Option<&Vec<Expr>>, Vec<usize>)> = Vec::new();
    for (place, aggregate) in aggregates.iter().enumerate() {
        let key = distinct_of(aggregate);
        match parts.iter_mut().find(|(other, _)| *other == key) {
            Some((_, places)) => places.push(place),
            None => parts.push((key, vec![place])),
        }
    }
    // One alone is done well as it is.
    let is_needed = parts.iter().filter(|(key, _)| key.is_some()).count() >= 1;
    if is_needed { parts.into_iter().map(|(_, places)| places).collect() } else { Vec::new() }
}

fn distinct_of(aggregate: &Expr) -> Option<&Vec<Expr>> {
    match aggregate {
        Expr::AggregateFunction(AggregateFunction {
            params: AggregateFunctionParams { distinct: true, args, .. },
            ..
        }) => Some(args),
        Expr::Alias(alias) => distinct_of(&alias.expr),
        _ => None,
    }
}

fn is_grouping_set(groups: &[Expr]) -> bool {
    groups.iter().any(|group| matches!(group, Expr::GroupingSet(_)))
}

/// Whether the rows are the same ones each time: no limit picks some, nothing is random.
fn is_repeatable(plan: &LogicalPlan) -> Result<bool> {
    let mut is_repeatable = true;
    plan.apply_with_subqueries(|node| {
        let is_picking =
            matches!(node, LogicalPlan::Limit(_) | LogicalPlan::Extension(_) | LogicalPlan::RecursiveQuery(_));
        let is_volatile = node.expressions().iter().any(Expr::is_volatile);
        is_repeatable &= !is_picking && !is_volatile;
        Ok(if is_repeatable { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(is_repeatable)
}

/// The groupings, joined, with the columns of the one that they stand for.
fn apart(aggregate: &Aggregate, parts: Vec<Vec<usize>>) -> Result<LogicalPlan> {
    let groups = aggregate.group_expr.len();
    let mut joined: Option<(LogicalPlanBuilder, Vec<Column>)> = None;
    // The column of each aggregate.
    let mut found: Vec<Option<Column>> = vec![None; aggregate.aggr_expr.len()];
    for (number, places) in parts.iter().enumerate() {
        let aggregates = places.iter().filter_map(|place| aggregate.aggr_expr.get(*place).cloned()).collect::<Vec<_>>();
        let grouping = Aggregate::try_new(Arc::clone(&aggregate.input), aggregate.group_expr.clone(), aggregates)?;
        // Each part's columns under names of its own.
        let table = TableReference::bare(format!("__distinct_{number}"));
        let columns: Vec<Column> =
            (0..grouping.schema.fields().len()).map(|at| Column::new(Some(table.clone()), format!("c{at}"))).collect();
        let names = grouping.schema.columns().into_iter().enumerate();
        let named: Vec<Expr> = names.map(|(at, column)| Expr::Column(column).alias(format!("c{at}"))).collect();
        let part = LogicalPlanBuilder::from(LogicalPlan::Aggregate(grouping)).project(named)?.alias(table)?;
        for (place, column) in places.iter().zip(columns.iter().skip(groups)) {
            if let Some(found) = found.get_mut(*place) {
                *found = Some(column.clone());
            }
        }
        let keys: Vec<Column> = columns.into_iter().take(groups).collect();
        joined = Some(match joined {
            None => (part, keys),
            Some((before, first)) if groups == 0 => (before.cross_join(part.build()?)?, first),
            Some((before, first)) => {
                let on = (first.clone(), keys);
                let join =
                    before.join_detailed(part.build()?, JoinType::Inner, on, None, NullEquality::NullEqualsNull)?;
                (join, first)
            }
        });
    }
    let Some((joined, first)) = joined else { return Ok(LogicalPlan::Aggregate(aggregate.clone())) };
    let sources = first.into_iter().map(Some).chain(found).flatten();
    let columns = sources
        .zip(aggregate.schema.iter())
        .map(|(source, (qualifier, field))| Expr::Column(source).alias_qualified(qualifier.cloned(), field.name()));
    joined.project(columns.collect::<Vec<_>>())?.build()
}
