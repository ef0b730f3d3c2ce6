//! What of an aggregation can be done over dictionaries.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;

use super::aggregates::{Aggregate, values_field};
use super::column::{Source, word_schema};
use super::scan::Scan;

/// An aggregation that can.
pub(super) struct Found {
    pub sources: Vec<Source>,
    pub aggregates: Vec<Aggregate>,
    /// The columns of the scan that come with dictionaries.
    pub dictionaries: BTreeSet<usize>,
}

/// The aggregation, where it can: every group is by a column, or by what is worked out of the words of one; every
/// aggregate is one that DataFusion works out for many groups at once, or a `count(DISTINCT column)`; one column at least
/// comes with its dictionary.
///
/// # Errors
/// None that is known.
pub(super) fn find(aggregate: &AggregateExec, scan: &Scan) -> Result<Option<Found>> {
    let plain = plain_columns(aggregate);
    let has_words = |column: usize| scan.has_words(column) && !plain.contains(&column);
    let mut dictionaries = BTreeSet::new();
    let mut sources = Vec::new();
    for (group, _) in aggregate.group_expr().expr() {
        let Some(source) = source(group, scan, has_words)? else { return Ok(None) };
        if let Source::Words { column, .. } = source {
            dictionaries.insert(column);
        }
        sources.push(source);
    }
    let mut aggregates = Vec::new();
    let mut at = aggregate.group_expr().num_group_exprs();
    for (function, filter) in aggregate.aggr_expr().iter().zip(aggregate.filter_expr()) {
        if function.is_distinct() {
            let column = counted(function).filter(|column| filter.is_none() && has_words(*column));
            let values = values_field(function, &aggregate.schema(), at);
            let (Some(column), Some(values)) = (column, values) else { return Ok(None) };
            dictionaries.insert(column);
            aggregates.push(Aggregate::Distinct { column: Source::Words { column, of: None }, values });
        } else if function.groups_accumulator_supported() && function.order_bys().is_empty() {
            aggregates.push(Aggregate::Any { function: Arc::clone(function), filter: filter.clone() });
        } else {
            return Ok(None);
        }
        at += function.state_fields()?.len();
    }
    Ok((!dictionaries.is_empty()).then_some(Found { sources, aggregates, dictionaries }))
}

/// Columns that something is worked out of, row by row.
fn plain_columns(aggregate: &AggregateExec) -> BTreeSet<usize> {
    let functions = aggregate.aggr_expr().iter().filter(|function| counted(function).is_none());
    let arguments = functions.flat_map(|function| function.expressions());
    let filters = aggregate.filter_expr().iter().flatten().cloned();
    arguments.chain(filters).flat_map(|expression| columns_of(&expression)).collect()
}

fn columns_of(expression: &Arc<dyn PhysicalExpr>) -> HashSet<usize> {
    collect_columns(expression).iter().map(Column::index).collect()
}

/// The column that is counted: only whether it is NULL matters, or which values it has.
fn counted(function: &AggregateFunctionExpr) -> Option<usize> {
    let arguments = function.expressions();
    let [argument] = arguments.as_slice() else { return None };
    let column = argument.downcast_ref::<Column>()?;
    (function.fun().name() == "count").then(|| column.index())
}

fn source(group: &Arc<dyn PhysicalExpr>, scan: &Scan, has_words: impl Fn(usize) -> bool) -> Result<Option<Source>> {
    let data_type = group.data_type(&scan.schema)?;
    if let Some(column) = group.downcast_ref::<Column>() {
        let column = column.index();
        return Ok(match data_type {
            DataType::Utf8View if has_words(column) => Some(Source::Words { column, of: None }),
            DataType::Utf8View => Some(Source::Texts { column }),
            DataType::Date32 | DataType::Int32 | DataType::Int64 | DataType::Boolean => {
                Some(Source::Integers { column })
            }
            _ => None,
        });
    }
    let columns: Vec<usize> = columns_of(group).into_iter().collect();
    let [column] = columns.as_slice() else { return Ok(None) };
    let is_text = matches!(data_type, DataType::Utf8 | DataType::Utf8View);
    if !is_text || !has_words(*column) || group.exists(|node| Ok(node.is_volatile_node()))? {
        return Ok(None);
    }
    // Of the one column, under the name that it has in the scan.
    let schema = word_schema(&scan.schema, *column);
    let of = reassign_expr_columns(Arc::clone(group), &schema)?;
    Ok(Some(Source::Words { column: *column, of: Some((of, schema)) }))
}
