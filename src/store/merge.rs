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

use super::datafile::{BATCH_ROWS, DataFileWriter, StagedFile};
use super::error::StoreError;
use super::replaced;
use super::snapshot::DataFile;
use super::tables::Table;

/// The least memory that a merge works in: a row group on its way out, and a few batches on their way in.
pub const MERGE_MEMORY_MIN_BYTES: u64 = 72 << 20;

/// Of that, what the writer takes: a row group, its dictionaries, the pages that are being filled.
const WRITER_BYTES: u64 = 40 << 20;

/// What a reader holds beside its batches at the most, as measured: one page and one dictionary a column.
const READER_MAX_BYTES: u64 = 16 << 20;

/// Batches of a run in memory at once: the one being merged, the one before it, its share of the one going out.
const BATCHES: u64 = 3;

/// Fewer rows a batch than these cost more time than they save memory.
const BATCH_ROWS_MIN: u64 = 64;

/// Merges files of one day, each in the table's sort order, into new ones of about `target_bytes` or, the last, less.
/// A row of one file is before those of the next. Peak memory stays around `memory_bytes`, however many files there are.
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
    let mut runs: Vec<Run> = files.iter().map(|file| Run::open(&file.path, false)).collect::<Result<_, _>>()?;
    loop {
        runs.sort_by_key(|run| run.size_bytes);
        let count = merger.fitting(&runs);
        if count == runs.len() {
            break;
        }
        // Too many at once: the smallest ones become one.
        let rest = runs.split_off(count);
        let merged = merger.merge(runs, u64::MAX)?;
        runs = rest;
        for file in merged {
            runs.push(Run::open(&file.staged, true)?);
        }
    }
    merger.merge(runs, target_bytes)
}

/// A sorted file on its way in.
struct Run {
    path: PathBuf,
    /// Whether it was written on the way and goes once it is read.
    is_temporary: bool,
    size_bytes: u64,
    /// Bytes that a row takes in memory, where its row group has the largest.
    row_bytes: u64,
    /// Bytes that reading it takes beside the batches.
    reader_bytes: u64,
}

impl Run {
    fn open(path: &Path, is_temporary: bool) -> Result<Run, StoreError> {
        let file = replaced::open(path).map_err(StoreError::io(path, "cannot open"))?;
        let size_bytes = file.metadata().map_err(StoreError::io(path, "cannot stat"))?.len();
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(StoreError::parquet(path))?;
        let groups = builder.metadata().row_groups();
        let encoded = groups.iter().map(|group| group.total_byte_size().max(0) as u64).max().unwrap_or(0);
        Ok(Run {
            path: path.to_owned(),
            is_temporary,
            size_bytes,
            row_bytes: groups.iter().map(row_bytes).max().unwrap_or(1),
            reader_bytes: encoded.min(READER_MAX_BYTES),
        })
    }

    fn least_bytes(&self) -> u64 {
        self.reader_bytes + BATCHES * BATCH_ROWS_MIN * self.row_bytes
    }

    /// The file's batches as the merging library wants them.
    fn stream(&self, schema: &Arc<Schema>, rows: u64) -> Result<SendableRecordBatchStream, StoreError> {
        let file = replaced::open(&self.path).map_err(StoreError::io(&self.path, "cannot open"))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| builder.with_batch_size(rows as usize).build())
            .map_err(StoreError::parquet(&self.path))?;
        let batches = futures::stream::iter(reader.map(|batch| batch.map_err(DataFusionError::from)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(schema), batches)))
    }
}

/// Bytes that a row of the group takes as Arrow arrays, on average: its texts, and an offset or a value a column.
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
        let failed = |source| StoreError::Merge { event_date: self.event_date, source };
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

    /// The rows of all runs, in order.
    fn sorted(&self, runs: &[Run]) -> Result<SendableRecordBatchStream, StoreError> {
        let failed = |source| StoreError::Merge { event_date: self.event_date, source };
        let schema = self.table.schema();
        let readers: u64 = runs.iter().map(|run| run.reader_bytes).sum();
        let share = self.input_bytes.saturating_sub(readers) / runs.len().max(1) as u64 / BATCHES;
        let rows = |run: &Run| (share / run.row_bytes.max(1)).clamp(BATCH_ROWS_MIN, BATCH_ROWS as u64);
        let streams = runs.iter().map(|run| run.stream(&schema, rows(run))).collect::<Result<Vec<_>, _>>()?;
        let ordering = ordering(self.table, &schema).map_err(failed)?;
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        StreamingMergeBuilder::new()
            .with_streams(streams)
            .with_schema(Arc::clone(&schema))
            .with_expressions(&ordering)
            .with_metrics(BaselineMetrics::new(&ExecutionPlanMetricsSet::new(), 0))
            .with_batch_size(runs.iter().map(rows).min().unwrap_or(BATCH_ROWS_MIN) as usize)
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
