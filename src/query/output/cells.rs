//! Cells of text: what a value is in the modes that have texts only, with nothing in it that anything would act on.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::query::csv;
use crate::query::error::QueryError;
use crate::query::functions::encoded;

/// Whether values are written as JSON where there is but one text for them.
fn is_nested(data_type: &DataType) -> bool {
    data_type.is_nested() && !matches!(data_type, DataType::Union(_, _))
}

/// The same columns under names that are each another's: objects and files have no two of one name.
pub(super) fn distinct_names(schema: &SchemaRef) -> SchemaRef {
    let mut taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut seen = HashSet::new();
    let mut renamed = Vec::new();
    for field in schema.fields() {
        let mut name = field.name().clone();
        if !seen.insert(name.clone()) {
            let free = (2..).map(|number| format!("{} {number}", field.name())).find(|name| taken.insert(name.clone()));
            name = free.unwrap_or(name);
            seen.insert(name.clone());
        }
        renamed.push(field.as_ref().clone().with_name(name));
    }
    Arc::new(Schema::new(renamed))
}

/// The rows under these names.
pub(super) fn renamed(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &rows)?)
}

/// The columns as CSV has them: numbers, times and truth values as they are, nested ones as JSON, all others as texts;
/// all texts do no harm.
pub(super) fn csv_cells(batch: &RecordBatch, printable: fn(&str) -> String) -> Result<RecordBatch, QueryError> {
    let options = format_options();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let data_type = field.data_type();
        let is_own = data_type.is_numeric() || data_type.is_temporal() || matches!(data_type, DataType::Boolean);
        let name = csv::harmless(field.name(), printable);
        if is_own {
            fields.push(Field::new(name, data_type.clone(), field.is_nullable()));
            columns.push(Arc::clone(column));
            continue;
        }
        let texts: StringArray = if is_nested(data_type) {
            encoded(column)?.iter().map(|json| json.as_deref().map(|json| csv::harmless(json, printable))).collect()
        } else {
            let formatter = ArrayFormatter::try_new(column, &options)?;
            let text = |row| csv::harmless(&formatter.value(row).to_string(), printable);
            (0..column.len()).map(|row| column.is_valid(row).then(|| text(row))).collect()
        };
        fields.push(Field::new(name, DataType::Utf8, true));
        columns.push(Arc::new(texts));
    }
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &rows)?)
}

/// The values of a column as texts: what is nested as JSON.
///
/// # Errors
/// Values that have no text.
pub fn texts_of(column: &ArrayRef) -> Result<StringArray, QueryError> {
    if is_nested(column.data_type()) {
        return Ok(encoded(column)?.into_iter().collect());
    }
    let options = format_options();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    Ok((0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string())).collect())
}

pub(super) fn format_options() -> FormatOptions<'static> {
    FormatOptions::default().with_display_error(true).with_null("")
}

/// The cells of each row as texts, as they are in the log.
pub(super) fn texts(
    batch: &RecordBatch,
    rows: usize,
    mut each: impl FnMut(Vec<String>) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let options = format_options();
    let formatters: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
    for row in 0..rows.min(batch.num_rows()) {
        each(formatters.iter().map(|column| column.value(row).to_string()).collect())?;
    }
    Ok(())
}

/// One line with everything in it shown: line ends and tabs as well.
pub(super) fn shown(printable: fn(&str) -> String, text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}
