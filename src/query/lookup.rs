//! One event by its id, in the store's own columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{col, lit};
use datafusion::prelude::SessionContext;

use super::error::QueryError;
use crate::store::Table;

/// The rows of `events` with this `event_id`, in the schema of the store's files.
pub async fn events_by_id(context: &SessionContext, event_id: &str) -> Result<Vec<RecordBatch>, QueryError> {
    let events = context.table(Table::Events.name()).await?;
    let id = lit(ScalarValue::Utf8View(Some(event_id.to_owned())));
    let batches = events.filter(col("event_id").eq(id))?.collect().await?;
    let schema = Table::Events.schema();
    let as_stored = |batch: &RecordBatch| {
        let columns =
            batch.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
        Ok(RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)?)
    };
    batches.iter().filter(|batch| batch.num_rows() > 0).map(as_stored).collect()
}
