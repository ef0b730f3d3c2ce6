//! Answers in every mode that there is, written as they come: `sink` has one writer a mode, `table` the one for people,
//! `markup` those of texts between marks, `cells` what is in a cell of text.

mod cells;
mod markup;
mod sink;
mod table;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::error::QueryError;

pub use cells::texts_of;
pub use sink::Sink;

/// How an answer is written. This list drives every command that has `--format`, and `.mode` of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: aligned columns.
    #[value(alias = "text")]
    Table,
    /// For people: a line a value, for rows of many columns.
    Line,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// JSON.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// A table in Markdown.
    Markdown,
    /// A table in HTML.
    Html,
    /// A Parquet file (zstd).
    Parquet,
    /// An Arrow IPC file.
    Arrow,
}

impl Format {
    /// Every one, by the name that people give.
    pub fn all() -> impl Iterator<Item = (String, Format)> {
        let named =
            |format: &Format| Some((clap::ValueEnum::to_possible_value(format)?.get_name().to_owned(), *format));
        <Format as clap::ValueEnum>::value_variants().iter().filter_map(named)
    }

    /// Its name.
    pub fn name(self) -> String {
        Format::all().find(|(_, format)| *format == self).map(|(name, _)| name).unwrap_or_default()
    }

    /// Whether it is no text: nothing for a terminal, and one file holds one answer.
    pub fn is_binary(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow)
    }

    /// Whether columns need names that are each another's.
    fn needs_names(self) -> bool {
        matches!(self, Format::Json | Format::Ndjson) || self.is_binary()
    }
}

/// How answers for people are laid out, and what makes texts harmless.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Rows that a table or lines show at the most; the other modes have no limit.
    pub max_rows: usize,
    /// Columns of the terminal that a table has to fit in; `None`: as wide as it must be.
    pub width: Option<usize>,
    /// Shows what a terminal would act on.
    pub printable: fn(&str) -> String,
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of the answer.
    pub rows: u64,
    /// Rows left out because the modes for people have their limit.
    pub left_out: u64,
    /// Columns left out because the terminal is too narrow for them.
    pub columns_left_out: usize,
    /// Whether cells were cut.
    pub is_cut: bool,
}

/// Writes an answer. Every mode but the table is written while the query still runs; a table shows `max_rows` rows
/// at the most, because its columns are as wide as their widest cell.
///
/// # Errors
/// Those of the query; [`QueryError::Output`] for the output's.
pub async fn write<W: Write + Send>(
    mut answer: SendableRecordBatchStream,
    format: Format,
    layout: &Layout,
    out: W,
) -> Result<Written, QueryError> {
    let failure = Arc::new(Mutex::new(None));
    let out = Watched { out, failure: Arc::clone(&failure) };
    let outcome = write_all(&mut answer, format, layout, out).await;
    // The writers wrap what went wrong with the output in errors of their own: it is told as it was.
    match failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(error) => Err(QueryError::Output(error)),
        None => outcome,
    }
}

async fn write_all<W: Write + Send>(
    answer: &mut SendableRecordBatchStream,
    format: Format,
    layout: &Layout,
    out: W,
) -> Result<Written, QueryError> {
    let mut sink = Sink::new(format, &answer.schema(), layout, out)?;
    while let Some(batch) = answer.next().await {
        sink.write(&batch?)?;
    }
    sink.finish()
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

#[cfg(test)]
mod tests;
