//! The rows of a file of events that comes from elsewhere: whoever wrote it chose every byte. They have to be what rows of
//! one day are in a store; what the file says of itself beside them (bounds, filters, indexes) is not looked at, because
//! they are written anew.

use arrow::array::{Array, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::archive::rows_at_once;
use crate::store::{Table, in_schema};
use crate::time::{day_of, format_date};

/// Reads the rows of a file in the table's order, some at a time.
pub(super) struct Rows {
    reader: ParquetRecordBatchReader,
    event_date: i32,
    converter: RowConverter,
    last: Option<OwnedRow>,
}

impl Rows {
    /// Opens a file; in words, why it is none of the table.
    pub fn open(file: Vec<u8>, event_date: i32, memory_bytes: u64) -> Result<Rows, String> {
        let rows = rows_at_once(&file, memory_bytes)?;
        // What Arrow's own schema in the file says of the columns is not asked for.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(file), options);
        let builder = builder.map_err(|error| error.to_string())?;
        for field in builder.schema().fields() {
            let is_same = |own: &DataType| own == field.data_type() || own.is_nested() && field.data_type().is_nested();
            let schema = Table::Events.schema();
            if !schema.field_with_name(field.name()).is_ok_and(|own| is_same(own.data_type())) {
                return Err(format!("it has a column {:?} that a table of events doesn't have", field.name()));
            }
        }
        let reader = builder.with_batch_size(rows).build().map_err(|error| error.to_string())?;
        let schema = Table::Events.schema();
        let options = SortOptions { descending: false, nulls_first: true };
        let sorted = Table::Events.sort_order().iter().filter_map(|name| schema.field_with_name(name).ok());
        let sorted = sorted.map(|field| SortField::new_with_options(field.data_type().clone(), options)).collect();
        let converter = RowConverter::new(sorted).map_err(|error| error.to_string())?;
        Ok(Rows { reader, event_date, converter, last: None })
    }

    /// The next rows, in the table's schema; `None` at the end.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch = batch.and_then(|batch| in_schema(Table::Events, &batch)).map_err(|error| error.to_string())?;
        self.are_of_the_day(&batch)?;
        self.are_sorted(&batch)?;
        Ok(Some(batch))
    }

    fn are_of_the_day(&self, batch: &RecordBatch) -> Result<(), String> {
        let dates = batch.column_by_name("event_date").and_then(|column| column.as_primitive_opt::<Date32Type>());
        let times = batch.column_by_name("event_time");
        let times = times.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let is_of_day = dates.zip(times).is_some_and(|(dates, times)| {
            let has_all = dates.null_count() == 0 && times.null_count() == 0;
            has_all
                && dates.values().iter().all(|date| *date == self.event_date)
                && times.values().iter().all(|time| day_of(*time) == self.event_date)
        });
        if is_of_day { Ok(()) } else { Err(format!("its rows are not all of {}", format_date(self.event_date))) }
    }

    fn are_sorted(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let names = Table::Events.sort_order().iter();
        let columns: Vec<_> = names.filter_map(|name| batch.column_by_name(name)).cloned().collect();
        let rows = self.converter.convert_columns(&columns).map_err(|error| error.to_string())?;
        let first = rows.iter().next();
        let follows = self.last.as_ref().zip(first).is_none_or(|(last, first)| last.row() <= first);
        let is_sorted = rows.iter().zip(rows.iter().skip(1)).all(|(before, after)| before <= after);
        self.last = rows.iter().next_back().map(|row| row.owned()).or(self.last.take());
        if follows && is_sorted { Ok(()) } else { Err("its rows are not in the order of the table".to_owned()) }
    }
}
