//! Reading a data file: some columns of it, and of these only the rows and pages that are wanted.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::PageIndexPolicy;

use super::checks::{CheckedFile, Stored};
use super::error::StoreError;
use super::tables::Table;

/// Rows that a reader gives at a time.
pub(super) const BATCH_ROWS: usize = 8 * 1024;

/// Which rows of a file are wanted: the columns it takes to tell, and the telling.
pub struct RowPredicate<'a> {
    /// The columns that `wanted` looks at; it gets a batch of just these.
    pub columns: &'a [&'a str],
    /// Whether it gets texts as dictionaries, so that it looks at each but once.
    pub dictionaries: bool,
    /// One truth value a row.
    pub wanted: Wanted<'a>,
}

/// Says of a batch which rows are wanted.
pub type Wanted<'a> = Box<dyn FnMut(RecordBatch) -> Result<BooleanArray, ArrowError> + Send + 'a>;

/// Reads a data file, some columns of it where `columns` names them, and only the rows that `predicate` wants.
pub fn read_batches<S: Stored + ?Sized>(
    stored: &S,
    columns: Option<&[&str]>,
    predicate: Option<RowPredicate<'_>>,
) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<S>, StoreError> {
    let file = CheckedFile::open(stored)?;
    let open = || {
        let policy = if predicate.is_some() { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
        let options = ArrowReaderOptions::new().with_page_index_policy(policy);
        let metadata = ArrowReaderMetadata::load(&file, options)?;
        let selection = predicate.map(|predicate| select(file.clone(), &metadata, predicate)).transpose()?;
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata).with_batch_size(BATCH_ROWS);
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build()
    };
    open().map(|reader| batches(file.clone(), reader)).map_err(|error| file.explain(error))
}

/// Reads some columns of a data file, texts as dictionaries: for whoever looks at each text but once.
pub fn read_dictionaries<S: Stored + ?Sized>(
    stored: &S,
    columns: &[&str],
) -> Result<impl Iterator<Item = Result<RecordBatch, StoreError>> + use<S>, StoreError> {
    let file = CheckedFile::open(stored)?;
    let open = || {
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
        columns_of(file.clone(), &metadata, columns, true)
    };
    open().map(|reader| batches(file.clone(), reader)).map_err(|error| file.explain(error))
}

/// A batch with all columns of a table; those that its file doesn't have are null.
///
/// # Errors
/// A column that holds what the table's can't.
pub fn in_schema(table: Table, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = table.schema();
    let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
        match batch.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type()),
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns)
}

/// A reader's batches up to its first error, which names the file: asked again, a reader gives the same error for ever.
pub(super) fn batches(
    file: CheckedFile,
    reader: ParquetRecordBatchReader,
) -> impl Iterator<Item = Result<RecordBatch, StoreError>> + use<> {
    let mut reader = Some(reader);
    std::iter::from_fn(move || match reader.as_mut()?.next()? {
        Ok(batch) => Some(Ok(batch)),
        Err(error) => {
            reader = None;
            Some(Err(file.explain(error)))
        }
    })
}

/// The rows that a predicate wants.
fn select(
    file: CheckedFile,
    metadata: &ArrowReaderMetadata,
    mut predicate: RowPredicate<'_>,
) -> ParquetResult<RowSelection> {
    let reader = columns_of(file, metadata, predicate.columns, predicate.dictionaries)?;
    let filters = reader.map(|batch| (predicate.wanted)(batch?)).collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(RowSelection::from_filters(&filters))
}

fn columns_of(
    file: CheckedFile,
    metadata: &ArrowReaderMetadata,
    columns: &[&str],
    dictionaries: bool,
) -> ParquetResult<ParquetRecordBatchReader> {
    let mut metadata = metadata.clone();
    if dictionaries {
        let options = ArrowReaderOptions::new().with_schema(Arc::new(with_dictionaries(metadata.schema())));
        metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
    }
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()
}

fn with_dictionaries(schema: &Schema) -> Schema {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 => Arc::new(Field::clone(field).with_data_type(dictionary.clone())),
        _ => Arc::clone(field),
    };
    Schema::new_with_metadata(schema.fields().iter().map(field).collect::<Vec<_>>(), schema.metadata().clone())
}
