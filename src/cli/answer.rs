//! Where answers go and in which mode: what commands that answer have in common.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::interrupt::Temporary;
use super::terminal;
use super::{CliError, printable};
use crate::query::{Format, Layout, QueryError, Sink};
use crate::report::rows::{Columns, Type};

/// How to write an answer, and where to.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// How to write the answer.
    #[arg(long, value_name = "MODE", value_enum, default_value = "table", help_heading = "Answer")]
    pub format: Format,
    /// Write the answer to a file instead of standard output: it appears when it is whole, and only you may read it.
    #[arg(short, long, value_name = "FILE", help_heading = "Answer")]
    pub output: Option<PathBuf>,
}

impl OutputArgs {
    /// Opens what the answer goes to.
    ///
    /// # Errors
    /// A file that can't be made; what is no text on a terminal.
    pub fn open(&self) -> Result<Destination, CliError> {
        match &self.output {
            Some(path) => Destination::file(path),
            None if self.format.is_binary() && io::stdout().is_terminal() => Err(no_terminal(self.format)),
            None => Ok(Destination::Out(BufWriter::new(io::stdout()))),
        }
    }

    /// Writes texts of the command's own making: its table or its JSON.
    ///
    /// # Errors
    /// The output's.
    pub fn text(&self, text: &str) -> Result<(), CliError> {
        let mut destination = self.open()?;
        destination.write_all(text.as_bytes())?;
        destination.finish()
    }

    /// Writes rows in a mode that takes rows.
    ///
    /// # Errors
    /// The output's; those of the rows.
    pub fn rows<R: Serialize>(&self, columns: &Columns, rows: impl IntoIterator<Item = R>) -> Result<(), CliError> {
        let mut destination = self.open()?;
        write_rows(self.format, columns, rows.into_iter().map(Ok::<_, CliError>), &mut destination)?;
        destination.finish()
    }
}

/// What is said where no text would go to a terminal.
pub(super) fn no_terminal(format: Format) -> CliError {
    CliError::Usage(format!("{} is nothing for a terminal\nhint: -o FILE, or .output FILE in the shell", format.name()))
}

/// What an answer goes to.
pub(super) enum Destination {
    /// Standard output.
    Out(BufWriter<io::Stdout>),
    /// A file that appears under its name when everything is written: one that is there is whole.
    New(Box<NewFile>),
    /// What is no file of the disk: a pipe, a device.
    There(BufWriter<File>),
}

pub(super) struct NewFile {
    path: PathBuf,
    out: BufWriter<File>,
    file: NamedTempFile,
    _temporary: Temporary,
}

impl Destination {
    /// A file, which only its owner may read; what has its name goes when the answer is whole.
    ///
    /// # Errors
    /// It can't be made.
    pub fn file(path: &Path) -> Result<Destination, CliError> {
        let failed = QueryError::io("write", path);
        crate::store::outside_stores(path).map_err(QueryError::io("write", path))?;
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            return Ok(Destination::There(BufWriter::new(OpenOptions::new().write(true).open(path).map_err(failed)?)));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let new = || -> io::Result<NewFile> {
            let file = NamedTempFile::new_in(folder)?;
            let temporary = Temporary::new(file.path());
            Ok(NewFile { path: path.to_owned(), out: BufWriter::new(file.reopen()?), file, _temporary: temporary })
        };
        Ok(Destination::New(Box::new(new().map_err(failed)?)))
    }

    /// More of an answer in a file that is there.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn more(path: &Path) -> Result<Destination, CliError> {
        let file = OpenOptions::new().append(true).mode(0o600).open(path).map_err(QueryError::io("write", path))?;
        Ok(Destination::There(BufWriter::new(file)))
    }

    /// Everything is written.
    ///
    /// # Errors
    /// The output's.
    pub fn finish(self) -> Result<(), CliError> {
        match self {
            Destination::Out(mut out) => out.flush()?,
            Destination::There(mut out) => out.flush()?,
            Destination::New(new) => {
                let NewFile { path, mut out, file, _temporary } = *new;
                out.flush().map_err(QueryError::io("write", &path))?;
                file.persist(&path).map_err(|error| QueryError::io("write", &path)(error.error))?;
            }
        }
        Ok(())
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Out(out) => out.write(bytes),
            Destination::There(out) => out.write(bytes),
            Destination::New(new) => new.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Out(out) => out.flush(),
            Destination::There(out) => out.flush(),
            Destination::New(new) => new.out.flush(),
        }
    }
}

/// How answers are laid out on standard output: folded where it is a terminal.
pub(super) fn layout(max_rows: usize, is_file: bool) -> Layout {
    let width = if is_file { None } else { terminal::size().map(|(columns, _)| columns) };
    Layout { max_rows, width, printable }
}

fn schema(columns: &Columns) -> SchemaRef {
    let field = |(name, column): &(&'static str, Type)| {
        let data_type = match column {
            Type::Text => DataType::Utf8,
            Type::Count => DataType::Int64,
            Type::Flag => DataType::Boolean,
        };
        Field::new(*name, data_type, true)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Rows of a batch.
const BATCH_ROWS: usize = 4_096;

/// Writes rows in a mode that takes rows.
///
/// # Errors
/// The output's; those of the rows.
pub(super) fn write_rows<R: Serialize, E: Into<CliError>>(
    format: Format,
    columns: &Columns,
    rows: impl IntoIterator<Item = Result<R, E>>,
    out: impl Write + Send,
) -> Result<(), CliError> {
    let schema = schema(columns);
    let layout = Layout { max_rows: usize::MAX, width: None, printable };
    let mut sink = Sink::new(format, &schema, &layout, out)?;
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(BATCH_ROWS).build_decoder()?;
    for row in rows {
        // Through text: numbers of values are texts within, which only their own writer writes as numbers.
        let text = serde_json::to_vec(&row.map_err(Into::into)?)?;
        let mut rest = text.as_slice();
        loop {
            let read = decoder.decode(rest)?;
            rest = rest.get(read..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            // It takes no more than a batch.
            decoder.flush()?.iter().try_for_each(|batch| sink.write(batch))?;
        }
    }
    decoder.flush()?.iter().try_for_each(|batch| sink.write(batch))?;
    sink.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_appears_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answer.csv");
        std::fs::write(&path, "of before").unwrap();
        let args = OutputArgs { format: Format::Csv, output: Some(path.clone()) };
        let columns: &Columns = &[("name", Type::Text), ("n", Type::Count), ("is", Type::Flag)];
        let broken = [Ok(json!({"name": "a"})), Err(CliError::failed("broken"))];
        let mut out = args.open().unwrap();
        assert!(write_rows(Format::Csv, columns, broken, &mut out).is_err());
        drop(out);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of before");
        args.rows(columns, [json!({"name": "=a", "n": 3, "is": true}), json!({"n": null})]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "name,n,is\n'=a,3,true\n,,\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_device_stays_a_device() {
        let args = OutputArgs { format: Format::Csv, output: Some("/dev/null".into()) };
        args.text("a").unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn rows_are_many_batches() {
        let rows = (0..BATCH_ROWS * 2 + 5).map(|n| Ok::<_, CliError>(json!({"n": n})));
        let mut out = Vec::new();
        write_rows(Format::Ndjson, &[("n", Type::Count)], rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), BATCH_ROWS * 2 + 5);
        assert_eq!(text.lines().last(), Some("{\"n\":8196}"));
    }
}
