//! Aggregations over columns that files hold as dictionaries.
//!
//! DataFusion reads each text of a column, hashes it and compares it, row by row. Here the first step of an aggregation has
//! the dictionary's places instead: each word is looked at once a dictionary, and so is what an expression makes
//! of it. `scan` makes a scan give dictionaries, `column`, `numbers` and `pairs` make numbers of words, `groups` and
//! `aggregates` put the rows together, `exec` is the operator. What stands behind it, the exchange and the final step, is
//! DataFusion's; it takes in the same columns as before.

mod aggregates;
mod column;
mod exec;
mod find;
mod groups;
mod numbers;
mod pairs;
mod scan;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode, Partitioning, ReplaceChildrenOptions};

use exec::{DictionaryAggregateExec, Grouping};
use find::find;
pub(super) use scan::AsWritten;
use scan::Scan;

/// The rule.
#[derive(Debug)]
pub(super) struct GroupByDictionary;

impl PhysicalOptimizerRule for GroupByDictionary {
    fn name(&self) -> &'static str {
        "group_by_dictionary"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            let other = match plan.downcast_ref::<AggregateExec>() {
                Some(aggregate) => over_dictionaries(aggregate)?,
                None => None,
            };
            Ok(other.map_or_else(|| Transformed::no(plan), Transformed::yes))
        })
        .data()
    }
}

/// The same step over dictionaries, where that can be.
fn over_dictionaries(aggregate: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let group_by = aggregate.group_expr();
    let is_plain = *aggregate.mode() == AggregateMode::Partial
        && *aggregate.input_order_mode() == InputOrderMode::Linear
        && aggregate.limit_options().is_none()
        && aggregate.dynamic_expressions_produced().is_empty()
        && !group_by.is_empty()
        && (group_by.has_grouping_set() || group_by.groups().len() == 1)
        && group_by.groups().iter().collect::<BTreeSet<_>>().len() == group_by.groups().len();
    if !is_plain {
        return Ok(None);
    }
    let (dealt, input) = dealt(aggregate.input());
    let Some(scan) = Scan::of(input) else { return Ok(None) };
    let Some(found) = find(aggregate, &scan)? else { return Ok(None) };
    let Some(mut input) = scan.with_dictionaries(&found.dictionaries)? else { return Ok(None) };
    if let Some(dealt) = dealt {
        input = Arc::clone(dealt).replace_children(vec![input], ReplaceChildrenOptions::new(Recompute))?;
    }
    let grouping = Grouping {
        sources: found.sources,
        aggregates: found.aggregates,
        sets: group_by.groups().to_vec(),
        has_set_numbers: group_by.has_grouping_set(),
        schema: aggregate.schema(),
    };
    let shown = DisplayableExecutionPlan::new(aggregate);
    let shown = shown.one_line().to_string();
    let shown = shown.trim_end().split_once("gby=").map_or("", |(_, shown)| shown);
    let properties = Arc::clone(aggregate.properties());
    let expressions = group_by.input_exprs();
    let plan = DictionaryAggregateExec::new(grouping, input, properties, format!("gby={shown}"), expressions);
    Ok(Some(Arc::new(plan)))
}

/// What stands between a scan of one file and the aggregation, where it deals the scan's batches to all threads; and the
/// scan.
fn dealt(input: &Arc<dyn ExecutionPlan>) -> (Option<&Arc<dyn ExecutionPlan>>, &Arc<dyn ExecutionPlan>) {
    match input.downcast_ref::<RepartitionExec>() {
        Some(dealing) if matches!(dealing.partitioning(), Partitioning::RoundRobinBatch(_)) => {
            (Some(input), dealing.input())
        }
        _ => (None, input),
    }
}

#[cfg(test)]
mod tests;
