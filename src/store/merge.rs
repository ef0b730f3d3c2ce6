//! Merging the sorted files of one day into few: batch by batch, in as little memory as it is given.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result as MergeResult};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, UnboundedMemoryPool};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::sorts::streaming_merge::StreamingMergeBuilder;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;

use super::checks::{CheckedFile, FileChecks, Stored};
use super::datafile::{DataFileWriter, StagedFile};
use super::error::StoreError;
use super::read::{BATCH_ROWS, batches};
use super::snapshot::DataFile;
use super::tables::Table;

/// The least memory that a merge works in: a row group on its way out, and a few files on their way in.
pub const MERGE_MEMORY_MIN_BYTES: u64 = WRITER_BYTES + (64 << 20);

/// What the writer takes: a row group, dictionaries, the pages that are being filled, a compressor for each column.
const WRITER_BYTES: u64 = 56 << 20;

/// What a reader takes for each column beside its batches: mostly zstd's context.
const COLUMN_READER_BYTES: u64 = 128 << 10;

/// What a reader holds of pages and dictionaries at the most.
const PAGES_MAX_BYTES: u64 = 16 << 20;

/// Batches of a run in memory at once: the one being merged, the one before it, its share of the one going out; and as
/// much again as one of them for what they are compared by.
const BATCHES: u64 = 4;

/// Fewer rows a batch than these cost more time than they save memory.
const BATCH_ROWS_MIN: u64 = 64;

/// Merges files of one day, each in the table's sort order, into new ones of about `target_bytes` or, the last, less.
/// A row of one file is before those of the next. Peak memory stays around `memory_bytes`, however many files there
/// are.
///
/// # Errors
/// The disk, or files that are not as the store writes them.
pub fn merge(
    table: Table,
    files: &[&DataFile],
    staging: &Path,
    memory_bytes: u64,
    target_bytes: u64,
) -> Result<Vec<StagedFile>, StoreError> {
    let Some(event_date) = files.first().map(|file| file.event_date) else { return Ok(Vec::new()) };
    let merger =
        Merger { table, event_date, staging, input_bytes: memory_bytes.max(MERGE_MEMORY_MIN_BYTES) - WRITER_BYTES };
    let runs = files.iter().map(|file| Run::open(*file, false)).collect::<Result<_, _>>()?;
    let merged = merger.all(runs, target_bytes)?;
    // A file that lost rows would lose them for good.
    let (before, after) = (files.iter().map(|file| file.rows).sum::<u64>(), merged.iter().map(|file| file.rows).sum());
    if before == after { Ok(merged) } else { Err(StoreError::Rows { event_date, before, after }) }
}

/// A sorted file on its way in.
struct Run {
    path: PathBuf,
    event_date: Option<i32>,
    checks: Option<Arc<FileChecks>>,
    /// Whether it was written on the way and goes once it is read.
    is_temporary: bool,
    size_bytes: u64,
    rows: u64,
    /// Bytes that a row takes in memory, where its row group has the largest.
    row_bytes: u64,
    /// Bytes that reading it takes beside the batches.
    reader_bytes: u64,
}

impl Stored for Run {
    fn path(&self) -> &Path {
        &self.path
    }

    fn checks(&self) -> Option<&Arc<FileChecks>> {
        self.checks.as_ref()
    }

    fn event_date(&self) -> Option<i32> {
        self.event_date
    }
}

impl Run {
    #[expect(clippy::cast_sign_loss, reason = "`max` keeps it from being negative")]
    fn open(stored: &(impl Stored + ?Sized), is_temporary: bool) -> Result<Run, StoreError> {
        let file = CheckedFile::open(stored)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file.clone()).map_err(|error| file.explain(error))?;
        let groups = builder.metadata().row_groups();
        let pages = groups.iter().map(|group| group.total_byte_size().max(0) as u64).max().unwrap_or(0);
        let columns = groups.first().map_or(0, |group| group.num_columns() as u64);
        Ok(Run {
            path: stored.path().to_owned(),
            event_date: stored.event_date(),
            checks: stored.checks().cloned(),
            is_temporary,
            size_bytes: file.size_bytes(),
            rows: groups.iter().map(|group| group.num_rows().max(0) as u64).sum(),
            row_bytes: groups.iter().map(row_bytes).max().unwrap_or(1),
            reader_bytes: columns * COLUMN_READER_BYTES + pages.min(PAGES_MAX_BYTES),
        })
    }

    /// What it takes to have all of it in memory.
    fn whole_bytes(&self) -> u64 {
        BATCHES * self.rows * self.row_bytes
    }

    /// Whether having all of it takes less than having it open.
    fn is_small(&self) -> bool {
        self.rows <= BATCH_ROWS as u64 && self.whole_bytes() <= self.reader_bytes
    }

    /// What it takes in any case.
    fn fixed_bytes(&self) -> u64 {
        if self.is_small() { self.whole_bytes() } else { self.reader_bytes }
    }

    fn least_bytes(&self) -> u64 {
        if self.is_small() { self.whole_bytes() } else { self.reader_bytes + BATCHES * BATCH_ROWS_MIN * self.row_bytes }
    }

    /// Rows a batch so that it takes no more than a share of the memory.
    fn batch_rows(&self, share_bytes: u64) -> u64 {
        let fitting = (share_bytes / BATCHES / self.row_bytes.max(1)).clamp(BATCH_ROWS_MIN, BATCH_ROWS as u64);
        if self.is_small() { fitting.max(self.rows) } else { fitting }
    }

    /// The file's batches as the merging library wants them.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    fn stream(&self, schema: &Arc<Schema>, share_bytes: u64) -> Result<SendableRecordBatchStream, StoreError> {
        let file = CheckedFile::open(self)?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone())
            .and_then(|builder| builder.with_batch_size(self.batch_rows(share_bytes) as usize).build())
            .map_err(|error| file.explain(error))?;
        // They end with the first error.
        let batches = batches(file, reader).map(|batch| batch.map_err(|e| DataFusionError::External(Box::new(e))));
        let schema = Arc::clone(schema);
        Ok(if self.is_small() {
            let whole: Vec<_> = batches.collect();
            Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter(whole)))
        } else {
            Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter(batches)))
        })
    }
}

/// Bytes that a row of the group takes as Arrow arrays, on average: its texts, and an offset or a value a column.
#[expect(clippy::cast_sign_loss, reason = "`max` keeps it from being negative")]
fn row_bytes(group: &RowGroupMetaData) -> u64 {
    let rows = group.num_rows().max(1) as u64;
    let texts = |column: &parquet::file::metadata::ColumnChunkMetaData| {
        column.unencoded_byte_array_data_bytes().unwrap_or(0).max(0) as u64
    };
    group.columns().iter().map(texts).sum::<u64>() / rows + 8 * group.num_columns() as u64
}

struct Merger<'a> {
    table: Table,
    event_date: i32,
    staging: &'a Path,
    /// Memory for everything that comes in.
    input_bytes: u64,
}

impl Merger<'_> {
    /// Merges however many runs.
    fn all(&self, mut runs: Vec<Run>, target_bytes: u64) -> Result<Vec<StagedFile>, StoreError> {
        loop {
            runs.sort_by_key(|run| run.size_bytes);
            let count = self.fitting(&runs);
            if count == runs.len() {
                return self.merge(runs, target_bytes);
            }
            // Too many at once: the smallest ones become one.
            let rest = runs.split_off(count);
            let merged = self.merge(runs, u64::MAX)?;
            runs = rest;
            for file in merged {
                runs.push(Run::open(&file.staged, true)?);
            }
        }
    }

    /// How many of the runs, from the first, can be read at once. Two always can.
    fn fitting(&self, runs: &[Run]) -> usize {
        let mut bytes = 0;
        let fits = runs.iter().take_while(|run| {
            bytes += run.least_bytes();
            bytes <= self.input_bytes
        });
        fits.count().max(2).min(runs.len())
    }

    fn merge(&self, runs: Vec<Run>, target_bytes: u64) -> Result<Vec<StagedFile>, StoreError> {
        let mut out = Output { merger: self, target_bytes, writer: None, finished: Vec::new() };
        let failed = |error: DataFusionError| self.failed(error);
        let mut stream = self.sorted(&runs)?;
        // Nothing in it waits for anything: the runtime only drives it.
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|e| failed(e.into()))?;
        while let Some(batch) = runtime.block_on(stream.next()) {
            out.write(&batch.map_err(failed)?)?;
        }
        drop(stream);
        for run in runs.iter().filter(|run| run.is_temporary) {
            fs::remove_file(&run.path).map_err(StoreError::io(&run.path, "cannot remove"))?;
        }
        out.finish()
    }

    /// What went wrong with a file, where that is it.
    fn failed(&self, error: DataFusionError) -> StoreError {
        match error {
            DataFusionError::External(error) => match error.downcast::<StoreError>() {
                Ok(error) => *error,
                Err(error) => {
                    StoreError::Merge { event_date: self.event_date, source: DataFusionError::External(error) }
                }
            },
            source => StoreError::Merge { event_date: self.event_date, source },
        }
    }

    /// The rows of all runs, in order.
    #[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
    fn sorted(&self, runs: &[Run]) -> Result<SendableRecordBatchStream, StoreError> {
        let failed = |error: DataFusionError| self.failed(error);
        let schema = self.table.schema();
        let fixed: u64 = runs.iter().map(Run::fixed_bytes).sum();
        let open = runs.iter().filter(|run| !run.is_small()).count().max(1) as u64;
        let share = self.input_bytes.saturating_sub(fixed) / open;
        let streams = runs.iter().map(|run| run.stream(&schema, share)).collect::<Result<Vec<_>, _>>()?;
        let rows = runs.iter().map(|run| run.batch_rows(share)).min().unwrap_or(BATCH_ROWS_MIN);
        let ordering = ordering(self.table, &schema).map_err(failed)?;
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        StreamingMergeBuilder::new()
            .with_streams(streams)
            .with_schema(Arc::clone(&schema))
            .with_expressions(&ordering)
            .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
            .with_batch_size(rows as usize)
            // The memory is shared out above.
            .with_reservation(MemoryConsumer::new("merge").register(&pool))
            // The same files in give the same file out.
            .with_round_robin_tie_breaker(false)
            .build()
            .map_err(failed)
    }
}

fn ordering(table: Table, schema: &Schema) -> MergeResult<LexOrdering> {
    let options = SortOptions { descending: false, nulls_first: true };
    let columns = table.sort_order().iter().map(|name| Ok(PhysicalSortExpr::new(col(name, schema)?, options)));
    let columns = columns.collect::<MergeResult<Vec<_>>>()?;
    LexOrdering::new(columns).ok_or_else(|| DataFusionError::Internal("a table without a sort order".to_owned()))
}

/// The files on their way out.
struct Output<'a> {
    merger: &'a Merger<'a>,
    target_bytes: u64,
    writer: Option<DataFileWriter>,
    finished: Vec<StagedFile>,
}

impl Output<'_> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let Merger { table, event_date, staging, .. } = *self.merger;
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => DataFileWriter::create(staging, table, event_date)?,
        };
        writer.write(batch)?;
        // INVARIANT: only the last file is smaller than the target, so that a second merge finds nothing to do.
        if writer.size_bytes() >= self.target_bytes {
            self.finished.push(writer.finish()?);
        } else {
            self.writer = Some(writer);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<StagedFile>, StoreError> {
        if let Some(writer) = self.writer.take() {
            self.finished.push(writer.finish()?);
        }
        Ok(self.finished)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, StringArray, TimestampMicrosecondArray, new_null_array};
    use arrow::datatypes::TimestampMicrosecondType;

    use super::*;
    use crate::store::{ROW_GROUP_ROWS, read_batches};

    /// Rows of principals and times, sorted as given.
    fn write(staging: &Path, rows: &[(Option<String>, i64)]) -> DataFile {
        let schema = Table::Events.schema();
        let columns = schema.fields().iter().map(|field| match field.name().as_str() {
            "principal_arn" => Arc::new(rows.iter().map(|row| row.0.clone()).collect::<StringArray>()) as ArrayRef,
            "event_time" => {
                let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1));
                Arc::new(times.with_timezone("UTC"))
            }
            _ => new_null_array(field.data_type(), rows.len()),
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
        let mut writer = DataFileWriter::create(staging, Table::Events, 7).unwrap();
        writer.write(&batch).unwrap();
        data_file(&writer.finish().unwrap())
    }

    fn data_file(file: &StagedFile) -> DataFile {
        DataFile {
            id: 0,
            path: file.staged.clone(),
            rows: file.rows,
            size_bytes: file.size_bytes,
            footer_size_bytes: file.footer_size_bytes,
            event_date: file.event_date,
            has_all_columns: false,
            columns: Vec::new(),
            checks: Some(Arc::new(file.checks.clone())),
        }
    }

    fn read(path: &Path) -> Vec<(Option<String>, i64)> {
        let mut rows = Vec::new();
        for batch in read_batches(path, Some(&["principal_arn", "event_time"]), None).unwrap() {
            let batch = batch.unwrap();
            let arns = batch.column_by_name("principal_arn").unwrap().as_string::<i32>();
            let times = batch.column_by_name("event_time").unwrap().as_primitive::<TimestampMicrosecondType>();
            rows.extend(
                (0..batch.num_rows()).map(|i| (arns.iter().nth(i).flatten().map(str::to_owned), times.value(i))),
            );
        }
        rows
    }

    /// Every `of`-th of some rows, from the `part`-th; every tenth without a principal.
    fn part(part: usize, of: usize, count: usize) -> Vec<(Option<String>, i64)> {
        let arn = |i: usize| (!i.is_multiple_of(10)).then(|| format!("arn:{:03}", i * 7 % 101));
        let mut rows: Vec<_> = (0..count).filter(|i| i % of == part).map(|i| (arn(i), i as i64)).collect();
        rows.sort();
        rows
    }

    #[test]
    fn many_files_become_one_in_order_whatever_fits_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<DataFile> = (0..9).map(|i| write(folder.path(), &part(i, 9, 4_000))).collect();
        let all = part(0, 1, 4_000);
        let merger = |input_bytes| Merger { table: Table::Events, event_date: 7, staging: folder.path(), input_bytes };
        let runs = || files.iter().map(|file| Run::open(file, false).unwrap()).collect::<Vec<_>>();
        assert_eq!((merger(0).fitting(&runs()), merger(32 << 20).fitting(&runs())), (2, 9));
        let one = runs()[0].least_bytes();
        assert!((3..=4).contains(&merger(one * 4).fitting(&runs())));
        for files in [files.iter().collect::<Vec<_>>(), files.iter().rev().collect()] {
            let merged = merge(Table::Events, &files, folder.path(), 0, u64::MAX).unwrap();
            assert_eq!(merged.len(), 1);
            assert_eq!(read(&merged[0].staged), all);
        }
        let stepwise = merger(0).all(runs(), u64::MAX).unwrap();
        assert_eq!(read(&stepwise[0].staged), all);
        // What was written on the way is gone.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 9 + 3);
    }

    #[test]
    fn damage_ends_a_merge_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (count, has_checks) in [(200, true), (200, false), (40_000, true), (40_000, false)] {
            let mut files: Vec<DataFile> = (0..2).map(|i| write(folder.path(), &part(i, 2, count))).collect();
            let mut bytes = fs::read(&files[1].path).unwrap();
            // The header of the first page: a bit is enough where there are checksums.
            let damaged = if has_checks { 5..6 } else { 4..40 };
            bytes[damaged].iter_mut().for_each(|byte| *byte ^= 0x41);
            fs::write(&files[1].path, bytes).unwrap();
            if !has_checks {
                files.iter_mut().for_each(|file| file.checks = None);
            }
            let files: Vec<&DataFile> = files.iter().collect();
            let error = merge(Table::Events, &files, folder.path(), 0, u64::MAX).unwrap_err().to_string();
            assert!(error.contains(files[1].path.to_str().unwrap()), "{error}");
            assert!(error.contains("fsck"), "{error}");
            assert!(!has_checks || error.contains("1970-01-08"), "{error}");
        }
    }

    #[test]
    fn a_merge_that_loses_rows_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut files: Vec<DataFile> = (0..2).map(|i| write(folder.path(), &part(i, 2, 10))).collect();
        files[0].rows += 1;
        let error = merge(Table::Events, &files.iter().collect::<Vec<_>>(), folder.path(), 0, u64::MAX).unwrap_err();
        assert!(matches!(error, StoreError::Rows { before: 11, after: 10, .. }), "{error}");
    }

    #[test]
    fn a_file_that_is_large_enough_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let count = 2 * ROW_GROUP_ROWS + 5;
        let files: Vec<DataFile> = (0..2).map(|i| write(folder.path(), &part(i, 2, count))).collect();
        let merged = merge(Table::Events, &files.iter().collect::<Vec<_>>(), folder.path(), 0, 1).unwrap();
        let rows: Vec<_> = merged.iter().flat_map(|file| read(&file.staged)).collect();
        assert!(merged.len() > 1);
        assert!(rows == part(0, 1, count));
    }
}
