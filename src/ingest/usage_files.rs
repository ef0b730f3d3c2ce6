//! Writing rows of usage into staged files, one a day.

use std::path::Path;

use super::error::IngestError;
use crate::store::{DataFileWriter, StagedFile, Table};
use crate::time::format_date;
use crate::usage::{self, Rollup, Rows, UsageRow};

/// Writes what was counted into staged files, one a day.
pub(super) fn write_counted(staging: &Path, counted: &Rollup) -> Result<Vec<StagedFile>, IngestError> {
    let (mut files, mut some): (Vec<StagedFile>, Vec<UsageRow<&str>>) = (Vec::new(), Vec::new());
    let mut open: Option<(i32, DataFileWriter)> = None;
    let mut write = |some: &mut Vec<UsageRow<&str>>| -> Result<(), IngestError> {
        let Some(date) = some.first().map(|row| row.event_date) else { return Ok(()) };
        if let Some((_, done)) = open.take_if(|(open, _)| *open != date) {
            files.push(done.finish()?);
        }
        let (_, writer) = match &mut open {
            Some(open) => open,
            None => open.insert((date, DataFileWriter::create(staging, Table::Usage, date)?)),
        };
        writer.write(&usage::encode(some)?)?;
        some.clear();
        Ok(())
    };
    counted.each_in_order(|row| {
        let is_other_day = some.first().is_some_and(|first| first.event_date != row.event_date);
        if is_other_day || some.len() >= ROWS_AT_ONCE {
            write(&mut some)?;
        }
        some.push(row);
        Ok::<_, IngestError>(())
    })?;
    write(&mut some)?;
    if let Some((_, done)) = open.take() {
        files.push(done.finish()?);
    }
    Ok(files)
}

/// Rows that are written at once where they come one after the other.
const ROWS_AT_ONCE: usize = 4 * 1024;

/// Writes the usage rows of one day into a staged file; none where there are none.
pub(super) fn write_rows(staging: &Path, event_date: i32, rows: Rows) -> Result<Option<StagedFile>, IngestError> {
    let mut rows = match rows {
        Rows::All(rows) => {
            return (!rows.is_empty()).then(|| write_usage(staging, event_date, &rows)).transpose();
        }
        Rows::Streamed(rows) => rows.peekable(),
    };
    if rows.peek().is_none() {
        return Ok(None);
    }
    let mut writer = DataFileWriter::create(staging, Table::Usage, event_date)?;
    while rows.peek().is_some() {
        let some = rows.by_ref().take(ROWS_AT_ONCE).collect::<Result<Vec<UsageRow>, _>>()?;
        writer.write(&usage::encode(&some)?)?;
    }
    Ok(Some(writer.finish()?))
}

/// Writes the usage rows of one day, in stored order, into a staged file.
pub(super) fn write_usage<T: AsRef<str>>(
    staging: &Path,
    event_date: i32,
    rows: &[UsageRow<T>],
) -> Result<StagedFile, IngestError> {
    debug_assert!(rows.iter().all(|row| row.event_date == event_date), "rows of {}", format_date(event_date));
    let mut writer = DataFileWriter::create(staging, Table::Usage, event_date)?;
    writer.write(&usage::encode(rows)?)?;
    Ok(writer.finish()?)
}
