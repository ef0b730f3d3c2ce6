//! `event_json(…)`: the record of an event as CloudTrail wrote it, from the columns of `events`.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::ScalarUDF;

use super::plain::{Plain, TEXT, returns};
use crate::record::{schema, to_json};

/// The function; it takes every column of `events`, in order.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![Plain::of_any("event_json", schema::COLUMNS.len(), returns!(TEXT), event_json)]
}

/// The call of it.
pub(in crate::query) fn event_json_call() -> String {
    let columns: Vec<&str> = schema::COLUMNS.iter().map(|column| column.name).collect();
    format!("event_json({})", columns.join(", "))
}

fn event_json(arrays: &[ArrayRef], _: &DataType) -> Result<ArrayRef> {
    let events = schema::events();
    let columns = arrays.iter().zip(events.fields()).map(|(array, field)| cast(array, field.data_type()));
    let batch = RecordBatch::try_new(Arc::clone(&events), columns.collect::<Result<_, _>>()?)?;
    let records = (0..batch.num_rows()).map(|row| Some(to_json(&batch, row).to_string()));
    Ok(Arc::new(records.collect::<StringViewArray>()))
}
