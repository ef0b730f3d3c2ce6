//! Which days a condition on `event_date` alone lets through: it is worked out for each day, so that any expression
//! prunes, also the `year = '2023' AND month = '07'` of partitioned Athena tables.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{AsArray, Date32Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};

use crate::store::DataFile;

/// The files whose day passes every filter that is about the day alone.
pub(super) fn on_days<'a>(files: &'a [DataFile], filters: &[Expr], state: &dyn Session) -> Result<Vec<&'a DataFile>> {
    let about_day = filters.iter().flat_map(split_conjunction).filter(|filter| is_about_day(filter)).cloned();
    let Some(filter) = conjunction(about_day) else { return Ok(files.iter().collect()) };
    let schema = Arc::new(Schema::new(vec![Field::new("event_date", DataType::Date32, true)]));
    let predicate = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
    let days = Date32Array::from_iter_values(files.iter().map(|file| file.event_date));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(days)])?;
    // What cannot be worked out here (a division by zero on one day) is left to the scan.
    let Ok(passes) = predicate.evaluate(&batch).and_then(|value| value.into_array(files.len())) else {
        return Ok(files.iter().collect());
    };
    let Some(passes) = passes.as_boolean_opt() else { return Ok(files.iter().collect()) };
    Ok(files.iter().zip(passes).filter_map(|(file, passes)| (passes == Some(true)).then_some(file)).collect())
}

fn is_about_day(filter: &Expr) -> bool {
    let columns: HashSet<_> = filter.column_refs();
    !filter.is_volatile() && !columns.is_empty() && columns.iter().all(|column| column.name == "event_date")
}
