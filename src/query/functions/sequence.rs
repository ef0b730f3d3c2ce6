//! `sequence`, and the places and counts of `slice`: with Trino's errors where DataFusion has an empty list.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{exec_err, internal_err, plan_err};
use datafusion::error::Result;
use datafusion::functions_nested::range::gen_series_udf;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::plain::{Plain, integer_at, integers, returns};

const INT: DataType = DataType::Int64;

/// Entries of a sequence at the most, as in Trino.
const ENTRIES_MAX: i64 = 10_000;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let signature = Signature::one_of(vec![TypeSignature::Any(2), TypeSignature::Any(3)], Volatility::Immutable);
    vec![
        ScalarUDF::from(Sequence { signature }),
        Plain::of("list_place", &[&[INT]], returns!(INT), |arrays, _| {
            let places = integers(arrays, 0)?;
            match places.iter().any(|place| place == Some(0)) {
                true => exec_err!("the places of a list are counted from 1\nhint: -1 is the last"),
                false => Ok(Arc::new(places.clone())),
            }
        }),
        Plain::of("list_count", &[&[INT]], returns!(INT), |arrays, _| {
            let counts = integers(arrays, 0)?;
            match counts.iter().flatten().find(|count| *count < 0) {
                Some(count) => exec_err!("{count} is no number of entries"),
                None => Ok(Arc::new(counts.clone())),
            }
        }),
    ]
}

/// `sequence(first, last)`, up or down, also of days; `sequence(first, last, step)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sequence {
    signature: Signature,
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

impl ScalarUDFImpl for Sequence {
    fn name(&self) -> &str {
        "sequence"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let is_whole = |data_type: &DataType| data_type.is_integer() || data_type.is_null();
        match types {
            [DataType::Date32, DataType::Date32] => Ok(list_of(DataType::Date32)),
            types if types.iter().all(is_whole) => Ok(list_of(INT)),
            [first, last, DataType::Interval(_)] if first == last => Ok(list_of(first.clone())),
            _ => plan_err!("sequence takes two numbers or two days, or two of a kind and a step"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let DataType::List(element) = args.return_field.data_type().clone() else {
            return internal_err!("sequence gives a list");
        };
        if args.args.iter().any(|argument| matches!(argument.data_type(), DataType::Interval(_))) {
            return gen_series_udf().invoke_with_args(args);
        }
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        // Days by their numbers.
        let as_numbers = |array: &ArrayRef| match array.data_type() {
            DataType::Date32 => cast(&cast(array, &DataType::Int32)?, &INT),
            _ => cast(array, &INT),
        };
        let numbers: Vec<ArrayRef> = arrays.iter().map(as_numbers).collect::<Result<_, _>>()?;
        let (values, lengths, valid) = sequences(&numbers)?;
        let values = match element.data_type() {
            DataType::Date32 => cast(&cast(&values, &DataType::Int32)?, &DataType::Date32)?,
            _ => values,
        };
        let offsets = OffsetBuffer::from_lengths(lengths);
        let list = ListArray::try_new(element, offsets, values, Some(NullBuffer::from(valid)))?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}

/// The entries of all rows, how many each row has, and which are known.
fn sequences(numbers: &[ArrayRef]) -> Result<(ArrayRef, Vec<usize>, Vec<bool>)> {
    let columns: Vec<&Int64Array> = numbers.iter().filter_map(|array| array.as_primitive_opt::<Int64Type>()).collect();
    let [firsts, lasts, steps @ ..] = columns.as_slice() else { return internal_err!("sequence wants two numbers") };
    let (mut entries, mut lengths, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..firsts.len() {
        let step = match steps.first() {
            Some(steps) => integer_at(steps, row),
            None => Some(if lasts.is_valid(row) && firsts.is_valid(row) && lasts.value(row) < firsts.value(row) {
                -1
            } else {
                1
            }),
        };
        let (Some(first), Some(last), Some(step)) = (integer_at(firsts, row), integer_at(lasts, row), step) else {
            lengths.push(0);
            valid.push(false);
            continue;
        };
        if step == 0 || (step > 0) != (last >= first) && first != last {
            return exec_err!("sequence({first}, {last}, {step}): the step leads away from the end");
        }
        let count = (i128::from(last) - i128::from(first)) / i128::from(step) + 1;
        if count > i128::from(ENTRIES_MAX) {
            return exec_err!("sequence({first}, {last}, {step}) has more than {ENTRIES_MAX} entries");
        }
        let before = entries.len();
        let mut next = Some(first);
        while let Some(entry) = next.filter(|entry| if step > 0 { *entry <= last } else { *entry >= last }) {
            entries.push(entry);
            next = entry.checked_add(step);
        }
        lengths.push(entries.len() - before);
        valid.push(true);
    }
    Ok((Arc::new(Int64Array::from(entries)), lengths, valid))
}
