//! Answers as text or Parquet, written as they come.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::json::writer::{JsonArray, LineDelimited};
use arrow::json::{Writer as JsonWriter, WriterBuilder as JsonBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::csv;
use super::error::QueryError;
use super::functions::encoded;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: aligned columns.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON list.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// A Parquet file (zstd).
    Parquet,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of the answer.
    pub rows: u64,
    /// Rows left out because the table for people has its limit.
    pub left_out: u64,
}

/// Writes an answer. Every format but the table is written while the query still runs; a table shows `max_rows` rows
/// at the most, because its columns are as wide as their widest cell.
pub async fn write<W: Write + Send>(
    mut answer: SendableRecordBatchStream,
    format: Format,
    max_rows: usize,
    printable: fn(&str) -> String,
    out: W,
) -> Result<Written, QueryError> {
    let failure = Arc::new(Mutex::new(None));
    let out = Watched { out, failure: Arc::clone(&failure) };
    let outcome = write_all(&mut answer, format, max_rows, printable, out).await;
    // The writers wrap what went wrong with the output in errors of their own: it is told as it was.
    match failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => Err(QueryError::Output(error)),
        None => outcome,
    }
}

async fn write_all<W: Write + Send>(
    answer: &mut SendableRecordBatchStream,
    format: Format,
    max_rows: usize,
    printable: fn(&str) -> String,
    out: W,
) -> Result<Written, QueryError> {
    let needs_names = matches!(format, Format::Json | Format::Ndjson | Format::Parquet);
    let schema = if needs_names { distinct_names(&answer.schema()) } else { answer.schema() };
    let is_renamed = *schema != *answer.schema();
    let mut sink = Sink::new(format, &schema, max_rows, printable, out)?;
    let mut written = Written::default();
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        let batch = if is_renamed { renamed(&batch)? } else { batch };
        written.rows += batch.num_rows() as u64;
        written.left_out += sink.write(&batch)?;
    }
    sink.finish()?;
    Ok(written)
}

/// An output that remembers how it failed.
struct Watched<W> {
    out: W,
    failure: Arc<Mutex<Option<io::Error>>>,
}

impl<W> Watched<W> {
    fn watch<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outcome = self.out.write(bytes);
        self.watch(outcome)
    }

    fn flush(&mut self) -> io::Result<()> {
        let outcome = self.out.flush();
        self.watch(outcome)
    }
}

enum Sink<W: Write + Send> {
    Table(TextTable, W),
    Csv(Box<arrow::csv::Writer<W>>, fn(&str) -> String),
    Json(JsonWriter<W, JsonArray>),
    Ndjson(JsonWriter<W, LineDelimited>),
    Parquet(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Sink<W> {
    fn new(
        format: Format,
        schema: &SchemaRef,
        max_rows: usize,
        printable: fn(&str) -> String,
        out: W,
    ) -> Result<Self, QueryError> {
        Ok(match format {
            Format::Table => Sink::Table(TextTable::new(schema, max_rows, printable), out),
            Format::Csv => {
                let mut writer = CsvBuilder::new().with_header(true).build(out);
                // So that an answer without rows has its header.
                writer.write(&csv_cells(&RecordBatch::new_empty(Arc::clone(schema)), printable)?)?;
                Sink::Csv(Box::new(writer), printable)
            }
            // A column that is null is there as null, so that every object has the same keys.
            Format::Json => Sink::Json(JsonBuilder::new().with_explicit_nulls(true).build(out)),
            Format::Ndjson => Sink::Ndjson(JsonBuilder::new().with_explicit_nulls(true).build(out)),
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default());
                let properties = WriterProperties::builder().set_compression(zstd).build();
                let writer = ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))?;
                Sink::Parquet(Box::new(writer))
            }
        })
    }

    /// Writes rows; returns how many it left out.
    fn write(&mut self, batch: &RecordBatch) -> Result<u64, QueryError> {
        match self {
            Sink::Table(table, _) => return table.write(batch),
            Sink::Csv(writer, printable) => writer.write(&csv_cells(batch, *printable)?)?,
            Sink::Json(writer) => writer.write(batch)?,
            Sink::Ndjson(writer) => writer.write(batch)?,
            Sink::Parquet(writer) => writer.write(batch)?,
        }
        Ok(0)
    }

    fn finish(self) -> Result<(), QueryError> {
        let mut out = match self {
            Sink::Table(table, mut out) => {
                out.write_all(table.render().as_bytes())?;
                out
            }
            Sink::Csv(writer, _) => (*writer).into_inner(),
            Sink::Json(mut writer) => {
                writer.finish()?;
                let mut out = writer.into_inner();
                out.write_all(b"\n")?;
                out
            }
            Sink::Ndjson(mut writer) => {
                writer.finish()?;
                writer.into_inner()
            }
            Sink::Parquet(writer) => writer.into_inner()?,
        };
        out.flush()?;
        Ok(())
    }
}

/// Whether values are written as JSON where there is but one text for them.
fn is_nested(data_type: &DataType) -> bool {
    data_type.is_nested() && !matches!(data_type, DataType::Union(_, _))
}

/// The same columns under names that are each another's: objects and files have no two of one name.
fn distinct_names(schema: &SchemaRef) -> SchemaRef {
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

fn renamed(batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let columns = batch.columns().to_vec();
    Ok(RecordBatch::try_new_with_options(distinct_names(&batch.schema()), columns, &rows)?)
}

/// The columns as CSV has them: numbers, times and truth values as they are, nested ones as JSON, all others as texts; all
/// texts do no harm.
fn csv_cells(batch: &RecordBatch, printable: fn(&str) -> String) -> Result<RecordBatch, QueryError> {
    use arrow::array::{Array, ArrayRef, StringArray};
    use arrow::datatypes::Field;
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

fn format_options() -> FormatOptions<'static> {
    FormatOptions::default().with_display_error(true).with_null("")
}

/// Rows for people, kept until the widths are known.
struct TextTable {
    table: Table,
    rows: usize,
    max_rows: usize,
    /// What `EXPLAIN` answers, which is a tree of lines.
    is_plan: bool,
    printable: fn(&str) -> String,
}

impl TextTable {
    fn new(schema: &SchemaRef, max_rows: usize, printable: fn(&str) -> String) -> Self {
        let mut table = Table::new();
        table.load_preset(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(schema.fields().iter().map(|field| cell(printable, field.name())));
        for (column, field) in table.column_iter_mut().zip(schema.fields()) {
            column.set_padding((0, 2));
            if field.data_type().is_numeric() {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        TextTable { table, rows: 0, max_rows, is_plan: names == ["plan_type", "plan"], printable }
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<u64, QueryError> {
        let options = format_options();
        let formatters: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
        let shown = batch.num_rows().min(self.max_rows.saturating_sub(self.rows));
        let cell = if self.is_plan { lines } else { cell };
        for row in 0..shown {
            let cells = formatters.iter().map(|column| cell(self.printable, &column.value(row).to_string()));
            self.table.add_row(cells.collect::<Vec<_>>());
        }
        self.rows += shown;
        Ok((batch.num_rows() - shown) as u64)
    }

    fn render(&self) -> String {
        self.table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// The lines as they are, nothing in them that a terminal would act on.
fn lines(printable: fn(&str) -> String, text: &str) -> String {
    printable(text).replace('\t', " ")
}

/// One line, nothing in it that a terminal would act on.
fn cell(printable: fn(&str) -> String, text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fixture::{context, run};
    use crate::query::{execute, parse};

    fn written(sql: &str, format: Format, max_rows: usize) -> (Vec<u8>, Written) {
        let dir = tempfile::tempdir().unwrap();
        run(async {
            let context = context(dir.path()).await;
            let statement = parse(sql).unwrap().remove(0);
            let answer = execute(&context, statement, &Default::default()).await.unwrap();
            let mut out = Vec::new();
            let printable = |text: &str| text.replace('\u{1b}', "<esc>");
            let written = write(answer, format, max_rows, printable, &mut out).await.unwrap();
            (out, written)
        })
    }

    fn text(sql: &str, format: Format) -> String {
        String::from_utf8(written(sql, format, 100).0).unwrap()
    }

    const ERRORS: &str = "SELECT event_name, error_message, read_only, 1 AS n FROM events WHERE error_code IS NOT NULL";

    #[test]
    fn tables_have_nothing_that_a_terminal_acts_on() {
        let expected = "event_name    error_message    read_only  n\nRunInstances  <esc>[31mno way  false      1\n";
        assert_eq!(text(ERRORS, Format::Table), expected);
        let (out, counts) = written("SELECT event_id FROM events", Format::Table, 2);
        assert_eq!(counts, Written { rows: 5, left_out: 3 });
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 3);
    }

    #[test]
    fn texts_are_as_logged_in_data_formats() {
        let csv = text(ERRORS, Format::Csv);
        // But for what a terminal or a spreadsheet would act on.
        assert_eq!(csv, "event_name,error_message,read_only,n\nRunInstances,<esc>[31mno\\nway,false,1\n");
        let json: serde_json::Value = serde_json::from_str(&text(ERRORS, Format::Json)).unwrap();
        assert_eq!(json[0]["error_message"], "\u{1b}[31mno\nway");
        let lines = text("SELECT event_id, error_code FROM events", Format::Ndjson);
        assert_eq!(lines.lines().count(), 5);
        assert_eq!(lines.matches("\"error_code\":null").count(), 4);
    }

    #[test]
    fn an_empty_answer_is_still_an_answer() {
        let sql = "SELECT event_id, error_code FROM events WHERE event_id = 'none'";
        assert_eq!(text(sql, Format::Csv), "event_id,error_code\n");
        assert_eq!(text(sql, Format::Json).trim(), "[]");
        assert_eq!(text(sql, Format::Ndjson), "");
        assert_eq!(text(sql, Format::Table), "event_id  error_code\n");
        assert!(written(sql, Format::Parquet, 0).0.ends_with(b"PAR1"));
    }

    #[test]
    fn nested_values_in_every_format() {
        let sql = "SELECT resources FROM events WHERE event_name = 'GetBucketPolicy'";
        assert!(text(sql, Format::Csv).contains("arn:aws:s3:::logs"));
        assert!(text(sql, Format::Table).contains("arn:aws:s3:::logs"));
        let json: serde_json::Value = serde_json::from_str(&text(sql, Format::Json)).unwrap();
        assert_eq!(json[0]["resources"][0]["arn"], "arn:aws:s3:::logs");
    }

    #[test]
    fn an_output_that_goes_away_is_told_as_it_is() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let dir = tempfile::tempdir().unwrap();
        run(async {
            let context = context(dir.path()).await;
            for format in [Format::Table, Format::Csv, Format::Json, Format::Ndjson, Format::Parquet] {
                let statement = parse("SELECT * FROM events").unwrap().remove(0);
                let answer = execute(&context, statement, &Default::default()).await.unwrap();
                let error = write(answer, format, 9, str::to_owned, Gone).await.unwrap_err();
                assert!(
                    matches!(&error, QueryError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe),
                    "{format:?} {error}"
                );
            }
        });
    }

    #[test]
    fn parquet_reads_back() {
        use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
        let (out, counts) = written("SELECT * FROM cloudtrail_logs", Format::Parquet, 0);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), out).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.reopen().unwrap()).unwrap().build().unwrap();
        assert_eq!(reader.map(|batch| batch.unwrap().num_rows() as u64).sum::<u64>(), counts.rows);
    }
}
