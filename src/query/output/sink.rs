//! One writer a mode.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder as CsvBuilder;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use arrow::json::writer::{JsonArray, LineDelimited};
use arrow::json::{Writer as JsonWriter, WriterBuilder as JsonBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::cells::{csv_cells, distinct_names, renamed};
use super::markup::{Lines, Marks, Markup};
use super::table::TextTable;
use super::{Format, Layout, Written};
use crate::query::error::QueryError;

/// What batches of rows are written to, in one mode.
pub struct Sink<W: Write + Send> {
    mode: Mode<W>,
    schema: SchemaRef,
    is_renamed: bool,
    written: Written,
}

enum Mode<W: Write + Send> {
    Table(TextTable, W),
    Line(Lines<W>),
    Csv(Box<arrow::csv::Writer<W>>, fn(&str) -> String),
    Json(JsonWriter<W, JsonArray>),
    Ndjson(JsonWriter<W, LineDelimited>),
    Markup(Markup<W>),
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> Sink<W> {
    /// Begins an answer of this schema.
    ///
    /// # Errors
    /// The output's; a schema that the format does not have.
    pub fn new(format: Format, schema: &SchemaRef, layout: &Layout, out: W) -> Result<Self, QueryError> {
        let names = if format.needs_names() { distinct_names(schema) } else { Arc::clone(schema) };
        let is_renamed = *names != **schema;
        let mode = Mode::new(format, &names, layout, out)?;
        Ok(Sink { mode, schema: names, is_renamed, written: Written::default() })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// The output's.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), QueryError> {
        self.written.rows += batch.num_rows() as u64;
        self.written.left_out += match self.is_renamed {
            true => self.mode.write(&renamed(batch, &self.schema)?)?,
            false => self.mode.write(batch)?,
        };
        Ok(())
    }

    /// Writes what is held back, and says how much was written.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(mut self) -> Result<Written, QueryError> {
        self.mode.finish(&mut self.written)?;
        Ok(self.written)
    }
}

impl<W: Write + Send> Mode<W> {
    fn new(format: Format, schema: &SchemaRef, layout: &Layout, out: W) -> Result<Self, QueryError> {
        let Layout { max_rows, width, printable } = *layout;
        let separated = |delimiter: u8, out: W| -> Result<Self, QueryError> {
            let mut writer = CsvBuilder::new().with_header(true).with_delimiter(delimiter).build(out);
            // So that an answer without rows has its header.
            writer.write(&csv_cells(&RecordBatch::new_empty(Arc::clone(schema)), printable)?)?;
            Ok(Mode::Csv(Box::new(writer), printable))
        };
        Ok(match format {
            Format::Table => Mode::Table(TextTable::new(schema, max_rows, width, printable), out),
            Format::Line => Mode::Line(Lines::new(schema, max_rows, printable, out)),
            Format::Csv => separated(b',', out)?,
            Format::Tsv => separated(b'\t', out)?,
            // A column that is null is there as null, so that every object has the same keys.
            Format::Json => Mode::Json(JsonBuilder::new().with_explicit_nulls(true).build(out)),
            Format::Ndjson => Mode::Ndjson(JsonBuilder::new().with_explicit_nulls(true).build(out)),
            Format::Markdown => Mode::Markup(Markup::new(Marks::Markdown, schema, printable, out)?),
            Format::Html => Mode::Markup(Markup::new(Marks::Html, schema, printable, out)?),
            Format::Parquet => {
                let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default());
                let properties = WriterProperties::builder().set_compression(zstd).build();
                Mode::Parquet(Box::new(ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))?))
            }
            Format::Arrow => Mode::Arrow(Box::new(FileWriter::try_new(out, schema)?)),
        })
    }

    /// Writes rows; returns how many it left out.
    fn write(&mut self, batch: &RecordBatch) -> Result<u64, QueryError> {
        match self {
            Mode::Table(table, _) => return table.write(batch),
            Mode::Line(lines) => return lines.write(batch),
            Mode::Csv(writer, printable) => writer.write(&csv_cells(batch, *printable)?)?,
            Mode::Json(writer) => writer.write(batch)?,
            Mode::Ndjson(writer) => writer.write(batch)?,
            Mode::Markup(markup) => markup.write(batch)?,
            Mode::Parquet(writer) => writer.write(batch)?,
            Mode::Arrow(writer) => writer.write(batch)?,
        }
        Ok(0)
    }

    fn finish(self, written: &mut Written) -> Result<(), QueryError> {
        let mut out = match self {
            Mode::Table(table, mut out) => {
                let rendered = table.render();
                out.write_all(rendered.text.as_bytes())?;
                (written.columns_left_out, written.is_cut) = (rendered.columns_left_out, rendered.is_cut);
                out
            }
            Mode::Line(lines) => lines.finish(),
            Mode::Csv(writer, _) => (*writer).into_inner(),
            Mode::Json(mut writer) => {
                writer.finish()?;
                let mut out = writer.into_inner();
                out.write_all(b"\n")?;
                out
            }
            Mode::Ndjson(mut writer) => {
                writer.finish()?;
                writer.into_inner()
            }
            Mode::Markup(markup) => markup.finish()?,
            Mode::Parquet(writer) => writer.into_inner()?,
            Mode::Arrow(mut writer) => {
                writer.finish()?;
                writer.into_inner()?
            }
        };
        out.flush()?;
        Ok(())
    }
}
