//! What a cast does beside changing a type: `whole` rounds, `varchar` writes times as Trino does; `typeof` names types.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::DateTime;
use datafusion::error::Result;
use datafusion::logical_expr::cast as cast_expr;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::plain::{Plain, TEXT, returns};
use super::zone::offset_seconds;

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let signature = || Signature::any(1, Volatility::Immutable);
    vec![
        ScalarUDF::from(Whole { signature: signature() }),
        ScalarUDF::from(Varchar { signature: signature() }),
        Plain::of_any("typeof", 1, returns!(TEXT), |arrays, _| {
            let name = arrays.first().map(|array| type_name(array.data_type()));
            let rows = arrays.first().map_or(0, |array| array.len());
            Ok(Arc::new(StringViewArray::from_iter(std::iter::repeat_n(name, rows))))
        }),
    ]
}

/// `whole(x)`: a fraction rounded, half away from zero, as a cast to a whole number does it in SQL; DataFusion cuts it off.
/// Anything else as it is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    signature: Signature,
}

fn is_fraction(data_type: &DataType) -> bool {
    data_type.is_floating()
        || matches!(data_type, DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale > 0)
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        "whole"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [fraction] if is_fraction(fraction) => Ok(DataType::Float64),
            [other] => Ok(other.clone()),
            _ => datafusion::common::plan_err!("whole takes one value"),
        }
    }

    fn simplify(&self, mut args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match args.first().map(|value| info.get_data_type(value)) {
            Some(Ok(data_type)) if !is_fraction(&data_type) => Ok(ExprSimplifyResult::Simplified(args.remove(0))),
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(values) = arrays.first() else { return datafusion::common::internal_err!("whole wants a value") };
        if !is_fraction(values.data_type()) {
            return Ok(ColumnarValue::Array(Arc::clone(values)));
        }
        let floats = cast(values, &DataType::Float64)?;
        let rounded = floats
            .as_primitive::<arrow::datatypes::Float64Type>()
            .unary::<_, arrow::datatypes::Float64Type>(f64::round);
        Ok(ColumnarValue::Array(Arc::new(rounded)))
    }
}

/// `varchar(x)`: `CAST(x AS varchar)`, times as `2023-07-10 12:00:00.000 UTC`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Varchar {
    signature: Signature,
}

impl ScalarUDFImpl for Varchar {
    fn name(&self) -> &str {
        "varchar"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(TEXT)
    }

    /// What is no time is cast by DataFusion, which knows how to look through that.
    fn simplify(&self, mut args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match args.first().map(|value| info.get_data_type(value)) {
            Some(Ok(DataType::Utf8View)) => Ok(ExprSimplifyResult::Simplified(args.remove(0))),
            Some(Ok(data_type)) if !matches!(data_type, DataType::Timestamp(_, _)) && !data_type.is_nested() => {
                Ok(ExprSimplifyResult::Simplified(cast_expr(args.remove(0), TEXT)))
            }
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(values) = arrays.first() else { return datafusion::common::internal_err!("varchar wants a value") };
        Ok(ColumnarValue::Array(match values.data_type() {
            DataType::Timestamp(_, zone) => times(values, zone.as_deref())?,
            nested if nested.is_nested() => {
                Arc::new(super::json::encoded(values)?.into_iter().collect::<StringViewArray>())
            }
            _ => cast(values, &TEXT)?,
        }))
    }
}

fn times(values: &ArrayRef, zone: Option<&str>) -> Result<ArrayRef> {
    let micros = cast(values, &DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into)))?;
    let mut rows = Vec::with_capacity(micros.len());
    for time in micros.as_primitive::<TimestampMicrosecondType>().iter() {
        rows.push(match (time, zone) {
            (None, _) => None,
            (Some(time_us), None) => local(time_us, 0),
            (Some(time_us), Some(zone)) => {
                local(time_us, offset_seconds(zone, time_us)?).map(|text| format!("{text} {zone}"))
            }
        });
    }
    Ok(Arc::new(rows.into_iter().collect::<StringViewArray>()))
}

fn local(time_us: i64, offset: i64) -> Option<String> {
    let local = time_us.checked_add(offset.checked_mul(1_000_000)?)?;
    Some(DateTime::from_timestamp_micros(local)?.format("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

/// The type's name in Trino.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        text if text.is_string() => "varchar".to_owned(),
        DataType::Null => "unknown".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 | DataType::UInt8 => "smallint".to_owned(),
        DataType::Int32 | DataType::UInt16 => "integer".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint".to_owned(),
        DataType::Float16 | DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Timestamp(unit, zone) => {
            let digits = match unit {
                TimeUnit::Second => 0,
                TimeUnit::Millisecond => 3,
                TimeUnit::Microsecond => 6,
                TimeUnit::Nanosecond => 9,
            };
            format!("timestamp({digits}){}", if zone.is_some() { " with time zone" } else { "" })
        }
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => "varbinary".to_owned(),
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            format!("array({})", type_name(field.data_type()))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                let types: Vec<String> = fields.iter().map(|field| type_name(field.data_type())).collect();
                format!("map({})", types.join(", "))
            }
            other => type_name(other),
        },
        DataType::Struct(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect();
            format!("row({})", fields.join(", "))
        }
        other => other.to_string().to_lowercase(),
    }
}
