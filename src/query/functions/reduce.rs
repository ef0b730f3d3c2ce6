//! `reduce(list, start, (state, element) -> state, state -> answer)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::{cast, interleave, nullif, take, take_arrays};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, HigherOrderFunctionArgs, HigherOrderReturnFieldArgs, HigherOrderSignature, HigherOrderUDF,
    HigherOrderUDFImpl, LambdaParametersProgress, ValueOrLambda, Volatility,
};

/// The function.
pub(super) fn function() -> Arc<HigherOrderUDF> {
    let signature = HigherOrderSignature::exact(
        vec![ValueOrLambda::Value(()), ValueOrLambda::Value(()), ValueOrLambda::Lambda(()), ValueOrLambda::Lambda(())],
        Volatility::Immutable,
    );
    Arc::new(HigherOrderUDF::new_from_impl(Reduce { signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Reduce {
    signature: HigherOrderSignature,
}

fn usage<T>() -> Result<T> {
    plan_err!("reduce takes a list, a start, (state, element) -> state, and state -> answer")
}

fn element(list: &DataType) -> Result<&FieldRef> {
    match list {
        DataType::List(element) => Ok(element),
        _ => usage(),
    }
}

fn unnamed(data_type: &DataType) -> FieldRef {
    Arc::new(Field::new("", data_type.clone(), true))
}

impl HigherOrderUDFImpl for Reduce {
    fn name(&self) -> &str {
        "reduce"
    }

    fn signature(&self) -> &HigherOrderSignature {
        &self.signature
    }

    fn coerce_value_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [list, start] = types else { return usage() };
        let list = match list {
            DataType::List(_) => list.clone(),
            DataType::LargeList(element) | DataType::FixedSizeList(element, _) | DataType::ListView(element) => {
                DataType::List(Arc::clone(element))
            }
            DataType::Null => DataType::new_list(DataType::Null, true),
            _ => return usage(),
        };
        Ok(vec![list, start.clone()])
    }

    /// The state is of the type that the first lambda gives, which is found out with that of the start.
    fn lambda_parameters(
        &self,
        step: usize,
        fields: &[ValueOrLambda<FieldRef, Option<FieldRef>>],
    ) -> Result<LambdaParametersProgress> {
        let [ValueOrLambda::Value(list), ValueOrLambda::Value(start), ValueOrLambda::Lambda(next), _] = fields else {
            return usage();
        };
        let element = element(list.data_type())?;
        let of = |state: &FieldRef| vec![Arc::clone(state), Arc::clone(element)];
        Ok(match (step, next) {
            (_, Some(state)) => LambdaParametersProgress::Complete(vec![of(state), vec![Arc::clone(state)]]),
            _ => LambdaParametersProgress::Partial(vec![Some(of(start)), None]),
        })
    }

    fn coerce_values_for_lambdas(&self, fields: &[ValueOrLambda<DataType, DataType>]) -> Result<Option<Vec<DataType>>> {
        let [ValueOrLambda::Value(list), ValueOrLambda::Value(_), ValueOrLambda::Lambda(state), _] = fields else {
            return usage();
        };
        Ok(Some(vec![list.clone(), state.clone()]))
    }

    fn return_field_from_args(&self, args: HigherOrderReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [_, _, _, ValueOrLambda::Lambda(answer)] => Ok(unnamed(answer.data_type())),
            _ => usage(),
        }
    }

    fn invoke_with_args(&self, args: HigherOrderFunctionArgs) -> Result<ColumnarValue> {
        let [
            ValueOrLambda::Value(list),
            ValueOrLambda::Value(start),
            ValueOrLambda::Lambda(next),
            ValueOrLambda::Lambda(answer),
        ] = args.args.as_slice()
        else {
            return usage();
        };
        let list = list.to_array(args.number_rows)?;
        let Some(list) = list.as_list_opt::<i32>() else { return usage() };
        let mut state: ArrayRef = start.to_array(args.number_rows)?;
        let longest = (0..list.len()).filter(|row| list.is_valid(*row)).map(|row| list.value_length(row)).max();
        for place in 0..longest.unwrap_or(0) {
            let is_there = |row: &usize| list.is_valid(*row) && list.value_length(*row) > place;
            let rows: Vec<usize> = (0..list.len()).filter(is_there).collect();
            let begin = |row: usize| list.offsets().get(row).and_then(|at| u32::try_from(at + place).ok());
            let places: UInt32Array = rows.iter().map(|row| begin(*row)).collect();
            let indices: UInt32Array = rows.iter().map(|row| u32::try_from(*row).ok()).collect();
            let elements = take(list.values(), &places, None)?;
            let before = take(&state, &indices, None)?;
            let after = next
                .evaluate(&[&|| Ok(Arc::clone(&before)), &|| Ok(Arc::clone(&elements))], |captured| {
                    Ok(take_arrays(captured, &indices, None)?)
                })?
                .into_array(rows.len())?;
            let after = cast(&after, state.data_type())?;
            let mut from: Vec<(usize, usize)> = (0..list.len()).map(|row| (0, row)).collect();
            for (at, row) in rows.iter().enumerate() {
                if let Some(source) = from.get_mut(*row) {
                    *source = (1, at);
                }
            }
            state = interleave(&[state.as_ref(), after.as_ref()], &from)?;
        }
        let answers =
            answer.evaluate(&[&|| Ok(Arc::clone(&state))], |captured| Ok(captured.to_vec()))?.into_array(list.len())?;
        let answers = cast(&answers, args.return_field.data_type())?;
        // Nothing is known of a list that isn't.
        let unknown: BooleanArray = (0..list.len()).map(|row| Some(list.is_null(row))).collect();
        Ok(ColumnarValue::Array(nullif(&answers, &unknown)?))
    }
}
