//! The data files of a batch, one a day: written where the batches are made, or by a thread beside it.

use std::path::Path;
use std::thread;

use arrow::record_batch::RecordBatch;

use super::error::IngestError;
use super::timings::{Stage, Timings};
use crate::store::{EventsFileWriter, StagedFile};

/// Batches that wait to be written.
const WAITING: usize = 2;

/// Files on their way: days come one after the other.
struct DayFiles<'s> {
    staging: &'s Path,
    stages: &'s Timings,
    open: Option<(i32, EventsFileWriter)>,
    files: Vec<StagedFile>,
}

impl DayFiles<'_> {
    fn write(&mut self, event_date: i32, batch: &RecordBatch) -> Result<(), IngestError> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != event_date) {
            self.close()?;
            self.open = Some((event_date, EventsFileWriter::create(self.staging, event_date)?));
        }
        let Some((_, writer)) = &mut self.open else { return Ok(()) };
        Ok(self.stages.time(Stage::Write, || writer.write(batch))?)
    }

    fn close(&mut self) -> Result<(), IngestError> {
        if let Some((_, writer)) = self.open.take() {
            self.files.push(self.stages.time(Stage::Write, || writer.finish())?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<StagedFile>, IngestError> {
        self.close()?;
        Ok(self.files)
    }
}

/// Writes the batches that `make` gives, each with its day, into one file a day.
pub(super) fn write_days(
    staging: &Path,
    stages: &Timings,
    is_beside: bool,
    make: impl FnOnce(&mut dyn FnMut(i32, &RecordBatch) -> Result<(), IngestError>) -> Result<(), IngestError>,
) -> Result<Vec<StagedFile>, IngestError> {
    let mut files = DayFiles { staging, stages, open: None, files: Vec::new() };
    if !is_beside {
        make(&mut |event_date, batch| files.write(event_date, batch))?;
        return files.finish();
    }
    let (sender, receiver) = crossbeam_channel::bounded::<(i32, RecordBatch)>(WAITING);
    thread::scope(|scope| {
        let writing = scope.spawn(move || {
            receiver.into_iter().try_for_each(|(event_date, batch)| files.write(event_date, &batch))?;
            files.finish()
        });
        // Where nobody takes it any more, joining says why.
        let made = make(&mut |event_date, batch| sender.send((event_date, batch.clone())).or(Ok(())));
        drop(sender);
        let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        made.and(written)
    })
}
