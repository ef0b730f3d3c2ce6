//! `sum` of whole numbers: an error where the answer has no room, as in Trino. DataFusion's wraps around.
//!
//! What is summed is DECIMAL(38, 0) on the way, whose room no number of rows can use up, so that the order of the rows
//! doesn't matter; only the answer has to fit.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::util::display::FormatOptions;
use datafusion::common::{ScalarValue, exec_datafusion_err};
use datafusion::error::Result;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature,
};

/// What is summed on the way. A sum of 2^63 rows has room in it.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// `sum`.
pub(super) fn function() -> AggregateUDF {
    AggregateUDF::from(WholeSum { inner: Sum::new() })
}

/// DataFusion's `sum`, but for whole numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WholeSum {
    inner: Sum,
}

fn is_whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int64 | DataType::UInt64)
}

/// The same field, as wide as a sum is on the way.
fn wide_field(field: &Field) -> FieldRef {
    Arc::new(field.clone().with_data_type(WIDE))
}

/// Has an accumulator made for wide numbers.
fn widened<T>(args: AccumulatorArgs, make: impl FnOnce(AccumulatorArgs) -> Result<T>) -> Result<T> {
    let fields: Vec<FieldRef> = args.expr_fields.iter().map(|field| wide_field(field)).collect();
    make(AccumulatorArgs { return_field: wide_field(&args.return_field), expr_fields: &fields, ..args })
}

impl AggregateUDFImpl for WholeSum {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let answer = args.return_type().clone();
        if !is_whole(&answer) {
            return self.inner.accumulator(args);
        }
        let inner = widened(args, |args| self.inner.accumulator(args))?;
        Ok(Box::new(Widened { inner, answer }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if !is_whole(args.return_type()) {
            return self.inner.state_fields(args);
        }
        let return_field = wide_field(&args.return_field);
        self.inner.state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        let answer = args.return_type().clone();
        if !is_whole(&answer) {
            return self.inner.create_groups_accumulator(args);
        }
        let inner = widened(args, |args| self.inner.create_groups_accumulator(args))?;
        Ok(Box::new(WidenedGroups { inner, answer }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let answer = args.return_type().clone();
        // DataFusion has the distinct sum of a sliding window for BIGINT alone.
        if !is_whole(&answer) || args.is_distinct {
            return self.inner.create_sliding_accumulator(args);
        }
        let inner = widened(args, |args| self.inner.create_sliding_accumulator(args))?;
        Ok(Box::new(Widened { inner, answer }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.inner.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(data_type)
    }
}

/// The answer as the type that it has to fit.
fn narrowed(sums: &dyn Array, answer: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, format_options: FormatOptions::default() };
    cast_with_options(sums, answer, &options).map_err(|_| {
        exec_datafusion_err!("a sum of whole numbers has no room in 64 bits\nhint: sum(CAST(x AS decimal(38, 0))) has")
    })
}

fn wide(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    Ok(values.iter().map(|values| arrow::compute::cast(values, &WIDE)).collect::<Result<_, _>>()?)
}

/// Sums in wide numbers, answers in narrow ones.
#[derive(Debug)]
struct Widened {
    inner: Box<dyn Accumulator>,
    answer: DataType,
}

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&wide(values)?)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&narrowed(&sum, &self.answer)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&wide(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// The same for many groups at once.
struct WidenedGroups {
    inner: Box<dyn GroupsAccumulator>,
    answer: DataType,
}

impl GroupsAccumulator for WidenedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(&wide(values)?, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        narrowed(&self.inner.evaluate(emit_to)?, &self.answer)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.inner.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&wide(values)?, opt_filter)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size()
    }
}
