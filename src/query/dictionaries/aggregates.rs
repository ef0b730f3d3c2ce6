//! What is worked out of the rows of each group, as far as a partition knows it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray, RecordBatch, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::cast::as_boolean_array;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::column::{Column, Source};
use super::numbers::NULL;
use super::pairs::Pairs;

/// One aggregate of a plan.
#[derive(Clone, Debug)]
pub(super) enum Aggregate {
    /// Any that DataFusion can work out for many groups at once.
    Any { function: Arc<AggregateFunctionExpr>, filter: Option<Arc<dyn PhysicalExpr>> },
    /// `count(DISTINCT column)`. `values` is the field of the values in its state, a list.
    Distinct { column: Source, values: Arc<Field> },
}

/// Its state, for all groups.
pub(super) enum State {
    Any {
        accumulator: Box<dyn GroupsAccumulator>,
        arguments: Vec<Arc<dyn PhysicalExpr>>,
        filter: Option<Arc<dyn PhysicalExpr>>,
    },
    Distinct(Box<Distinct>),
}

/// Which values each group has.
pub(super) struct Distinct {
    column: Column,
    pairs: Pairs,
    /// Of the rows of the last batch.
    numbers: Vec<u32>,
    values: Arc<Field>,
}

impl State {
    /// # Errors
    /// DataFusion has no accumulator for it.
    pub fn new(aggregate: &Aggregate) -> Result<State> {
        Ok(match aggregate {
            Aggregate::Any { function, filter } => State::Any {
                accumulator: function.create_groups_accumulator()?,
                arguments: function.expressions(),
                filter: filter.clone(),
            },
            Aggregate::Distinct { column, values } => State::Distinct(Box::new(Distinct {
                column: Column::new(column.clone()),
                pairs: Pairs::default(),
                numbers: Vec::new(),
                values: Arc::clone(values),
            })),
        })
    }

    pub fn size_bytes(&self) -> usize {
        match self {
            State::Any { accumulator, .. } => accumulator.size(),
            State::Distinct(distinct) => {
                distinct.column.size_bytes() + distinct.pairs.size_bytes() + 4 * distinct.numbers.capacity()
            }
        }
    }

    /// How many values it holds beside one a group.
    pub fn count(&self) -> usize {
        match self {
            State::Any { .. } => 0,
            State::Distinct(distinct) => distinct.pairs.count(),
        }
    }

    /// Takes in a batch whose rows are of these groups.
    ///
    /// # Errors
    /// An argument can't be worked out.
    pub fn take_in(&mut self, batch: &RecordBatch, groups: &[usize], count: usize) -> Result<()> {
        match self {
            State::Any { accumulator, arguments, filter } => {
                let evaluate = |argument: &Arc<dyn PhysicalExpr>| {
                    argument.evaluate(batch).and_then(|value| value.into_array(batch.num_rows()))
                };
                let values = arguments.iter().map(evaluate).collect::<Result<Vec<ArrayRef>>>()?;
                let filter = filter.as_ref().map(evaluate).transpose()?;
                let filter: Option<&BooleanArray> = filter.as_ref().map(|array| as_boolean_array(array)).transpose()?;
                accumulator.update_batch(&values, groups, filter, count)
            }
            State::Distinct(distinct) => distinct.take_in(batch, groups, count),
        }
    }

    /// The state of each group, as columns; there is none behind it.
    ///
    /// # Errors
    /// The accumulator has none.
    pub fn give(&mut self, count: usize) -> Result<Vec<ArrayRef>> {
        match self {
            State::Any { accumulator, .. } => accumulator.state(EmitTo::All),
            State::Distinct(distinct) => Ok(vec![distinct.give(count)?]),
        }
    }
}

impl Distinct {
    fn take_in(&mut self, batch: &RecordBatch, groups: &[usize], count: usize) -> Result<()> {
        let Distinct { column, pairs, numbers, .. } = self;
        numbers.clear();
        column.of(batch, numbers)?;
        pairs.make_room(count, column.numbers().count());
        for (group, number) in groups.iter().zip(&*numbers) {
            if *number != NULL {
                pairs.number(u32::try_from(*group).unwrap_or(u32::MAX), *number);
            }
        }
        Ok(())
    }

    fn give(&mut self, count: usize) -> Result<ArrayRef> {
        let values = self.column.numbers().values(self.values.data_type())?;
        let lists = lists(self.pairs.pairs(), count, &values, &self.values)?;
        self.pairs = Pairs::default();
        self.column.clear();
        Ok(lists)
    }
}

/// For each group the list of its values.
fn lists(pairs: &[(u32, u32)], count: usize, values: &ArrayRef, field: &Arc<Field>) -> Result<ArrayRef> {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    let mut lengths = vec![0_usize; count];
    for (group, _) in &sorted {
        match lengths.get_mut(*group as usize) {
            Some(length) => *length += 1,
            None => return internal_err!("a value of no group"),
        }
    }
    let numbers: UInt32Array = sorted.iter().map(|(_, number)| *number).collect();
    let values = take(values, &numbers, None)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), OffsetBuffer::from_lengths(lengths), values, None)?))
}

/// The field of the values in the state of a `count(DISTINCT text)`, where the state is such a list.
pub(super) fn values_field(function: &AggregateFunctionExpr, schema: &Schema, at: usize) -> Option<Arc<Field>> {
    let fields = function.state_fields().ok()?;
    let ([_], DataType::List(values)) = (fields.as_slice(), schema.fields().get(at)?.data_type()) else { return None };
    (values.data_type() == &DataType::Utf8View).then(|| Arc::clone(values))
}
