//! What statements about tables answer: `DESCRIBE t` and `SUMMARIZE t`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::functions_aggregate::expr_fn::{approx_distinct, avg, count, max, min};
use datafusion::logical_expr::{Expr, cast, lit};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::DataFrame;

use super::comments::ColumnInfo;
use super::sql_type::sql_type;

/// An answer of one batch.
fn answer(columns: Vec<(&str, ArrayRef)>) -> Result<SendableRecordBatchStream> {
    let field = |(name, values): &(&str, ArrayRef)| Field::new(*name, values.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns.into_iter().map(|(_, values)| values).collect())?;
    let rows = futures::stream::iter([Ok(batch)]);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
}

/// What `DESCRIBE` answers.
pub(super) fn description(columns: &[ColumnInfo]) -> Result<SendableRecordBatchStream> {
    let texts =
        |of: fn(&ColumnInfo) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(columns.iter().map(of))) };
    answer(vec![
        ("column_name", texts(|column| &column.name)),
        ("data_type", texts(|column| &column.sql_type)),
        ("comment", texts(|column| &column.comment)),
    ])
}

/// The columns of what `SUMMARIZE` answers.
pub(super) fn summary_schema() -> SchemaRef {
    let columns = [
        ("column_name", DataType::Utf8),
        ("column_type", DataType::Utf8),
        ("min", DataType::Utf8),
        ("max", DataType::Utf8),
        ("approx_unique", DataType::Int64),
        ("avg", DataType::Float64),
        ("count", DataType::Int64),
        ("null_percentage", DataType::Float64),
    ];
    Arc::new(Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec()))
}

/// What is asked of each column.
const ASKED: usize = 5;

/// What `SUMMARIZE` answers: a row for each column of the rows.
pub(super) async fn summary(rows: DataFrame) -> Result<SendableRecordBatchStream> {
    let schema = Arc::clone(rows.schema().inner());
    let columns = rows.schema().columns();
    let mut asked = vec![count(lit(1)).alias("rows")];
    for (place, (column, field)) in columns.iter().zip(schema.fields()).enumerate() {
        let own = || Expr::Column(column.clone());
        let data_type = field.data_type();
        let is_plain = !data_type.is_nested();
        // Functions of a column that does not have them answer NULL.
        let null = || min(lit(datafusion::common::ScalarValue::Utf8(None)));
        let text = || if data_type.is_string() { own() } else { cast(own(), DataType::Utf8) };
        let each = [
            count(own()),
            if is_plain { min(own()) } else { null() },
            if is_plain { max(own()) } else { null() },
            if is_plain { approx_distinct(text()) } else { null() },
            if data_type.is_numeric() { avg(cast(own(), DataType::Float64)) } else { null() },
        ];
        asked.extend(each.into_iter().enumerate().map(|(what, expr)| expr.alias(format!("{place} {what}"))));
    }
    let batches = rows.aggregate(Vec::new(), asked)?.collect().await?;
    let values: Vec<Option<String>> = match batches.iter().find(|batch| batch.num_rows() > 0) {
        Some(batch) => batch.columns().iter().map(first).collect::<Result<_>>()?,
        None => Vec::new(),
    };
    let value = |place: usize, what: usize| values.get(1 + place * ASKED + what).cloned().flatten();
    let number = |place: usize, what: usize| value(place, what).and_then(|text| text.parse::<i64>().ok());
    let all: i64 = values.first().cloned().flatten().and_then(|text| text.parse().ok()).unwrap_or_default();
    let places = 0..columns.len();
    let texts =
        |what: usize| -> ArrayRef { Arc::new(places.clone().map(|at| value(at, what)).collect::<StringArray>()) };
    let numbers =
        |what: usize| -> ArrayRef { Arc::new(places.clone().map(|at| number(at, what)).collect::<Int64Array>()) };
    let averages: Float64Array = places.clone().map(|at| value(at, 4)?.parse::<f64>().ok()).collect();
    let null_share = |at: usize| {
        let there = number(at, 0)?;
        (all > 0).then(|| (1_000.0 * (all - there) as f64 / all as f64).round() / 10.0)
    };
    answer(vec![
        ("column_name", Arc::new(StringArray::from_iter_values(schema.fields().iter().map(|field| field.name())))),
        (
            "column_type",
            Arc::new(StringArray::from_iter_values(schema.fields().iter().map(|field| sql_type(field.data_type())))),
        ),
        ("min", texts(1)),
        ("max", texts(2)),
        ("approx_unique", numbers(3)),
        ("avg", Arc::new(averages)),
        ("count", numbers(0)),
        ("null_percentage", Arc::new(places.clone().map(null_share).collect::<Float64Array>())),
    ])
}

fn first(column: &ArrayRef) -> Result<Option<String>> {
    if column.is_empty() || column.is_null(0) || matches!(column.data_type(), DataType::Null) {
        return Ok(None);
    }
    let options = FormatOptions::default();
    Ok(Some(ArrayFormatter::try_new(column, &options)?.value(0).to_string()))
}
