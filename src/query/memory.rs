//! How a query stays within its memory: what operators may reserve, and how they work where that is little.
//!
//! DataFusion counts what sorts, groupings and joins hold, not what the readers of files, expressions and its own copies
//! take. So a part of the limit is left to these, and the batches are the smaller the less memory there is: a row of
//! `events` may take kilobytes.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use super::depth::WORKER_STACK_BYTES;
use super::distinct::DistinctApart;
use super::sort_share::SortShare;

/// What the program takes beside what grows with the limit: code, catalogue, allocator.
const FIXED_BYTES: u64 = 144 << 20;

/// The part of the limit that footers and page indexes of files may take, from one query to the next.
const FOOTERS_PART: u64 = 40;

/// The most that they may take: those of some thousand files.
const FOOTERS_BYTES: u64 = 128 << 20;

/// What a partition needs at the least to be worth it: batches on their way in, and those that a sort holds.
const PARTITION_BYTES: u64 = 96 << 20;

/// Rows of a batch where memory is no concern, and at the least.
const BATCH_ROWS: (u64, u64) = (8 * 1024, 256);

/// The limit from which on batches are of full size.
const FULL_BATCHES_BYTES: u64 = 2 << 30;

/// The part of the pool that sorts may fill with rows; in the least memory a smaller one, since keys may be many times
/// as wide as rows.
const SORTS_PART: usize = 4;
const FRUGAL_SORTS_PART: usize = 16;

/// Consumers that an error names.
const NAMED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(2);

/// Bytes that operators may reserve together.
fn pool_bytes(limit_bytes: u64) -> u64 {
    (limit_bytes.saturating_sub(FIXED_BYTES) / 2).max(1 << 20)
}

/// What operators reserve from: each that can spill has a share of its own, so that none takes what another needs to go
/// on; sorts on `threads` partitions have a quarter together.
pub(super) fn pool(limit_bytes: u64, threads: usize) -> Arc<dyn MemoryPool> {
    let bytes = usize::try_from(pool_bytes(limit_bytes)).unwrap_or(usize::MAX);
    let tracked = TrackConsumersPool::new(FairSpillPool::new(bytes), NAMED);
    Arc::new(SortShare::new(Arc::new(tracked), bytes / SORTS_PART / partitions(limit_bytes, threads)))
}

/// Bytes of footers and page indexes that are kept for the next query.
pub(super) fn footers_bytes(limit_bytes: u64) -> usize {
    usize::try_from((limit_bytes / FOOTERS_PART).min(FOOTERS_BYTES)).unwrap_or(usize::MAX)
}

/// How many partitions there is memory for, up to `threads`.
fn partitions(limit_bytes: u64, threads: usize) -> usize {
    threads.clamp(1, (pool_bytes(limit_bytes) / PARTITION_BYTES).clamp(1, 1 << 16) as usize)
}

/// A runtime for queries within a limit. What one thread has freed another can't use: so there are few where there is little.
///
/// # Errors
/// The system has no threads.
pub fn runtime(limit_bytes: u64, threads: Option<usize>) -> std::io::Result<tokio::runtime::Runtime> {
    let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()));
    let threads = partitions(limit_bytes, threads);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().worker_threads(threads).thread_stack_size(WORKER_STACK_BYTES);
    if limit_bytes < FULL_BATCHES_BYTES {
        builder.max_blocking_threads(threads + 1);
    }
    builder.build()
}

/// Settings that suit a limit.
pub(super) fn within(config: SessionConfig, limit_bytes: u64) -> SessionConfig {
    let bytes = pool_bytes(limit_bytes);
    let threads = partitions(limit_bytes, config.target_partitions());
    let rows = (BATCH_ROWS.0 * limit_bytes / FULL_BATCHES_BYTES).clamp(BATCH_ROWS.1, BATCH_ROWS.0);
    sized(config, threads, rows, bytes)
}

#[expect(clippy::cast_possible_truncation, reason = "`usize` has 64 bits, which `lib.rs` asserts")]
fn sized(config: SessionConfig, threads: usize, batch_rows: u64, pool_bytes: u64) -> SessionConfig {
    // What a sort sets aside for merging what it holds before it spills that.
    let merging = (pool_bytes / threads as u64 / 4).min(64 << 20);
    config
        .with_target_partitions(threads)
        .with_batch_size(batch_rows as usize)
        .with_sort_spill_reservation_bytes(usize::try_from(merging).unwrap_or(usize::MAX))
}

/// Whether an error says that there was too little memory.
pub(super) fn has_run_out(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

/// The same session where everything is done in the least memory, however long it takes: one partition, small batches, joins
/// by sorting, each `DISTINCT` of several by a grouping of its own. All of these can spill.
///
/// # Errors
/// None that is known.
pub(super) fn frugal(state: SessionState) -> Result<SessionState> {
    let pool_bytes = match state.runtime_env().memory_pool.memory_limit() {
        datafusion::execution::memory_pool::MemoryLimit::Finite(bytes) => bytes as u64,
        _ => u64::MAX,
    };
    let rows = (state.config().batch_size() as u64 / 4).max(BATCH_ROWS.1 / 2);
    // The catalogs are those of the other session: a default one would take the place of the store's.
    let config = state.config().clone().with_create_default_catalog_and_schema(false);
    let mut config = sized(config, 1, rows, pool_bytes);
    config.options_mut().optimizer.prefer_hash_join = false;
    let pool = Arc::clone(&state.runtime_env().memory_pool);
    let share_bytes = usize::try_from(pool_bytes).unwrap_or(usize::MAX) / FRUGAL_SORTS_PART;
    let runtime = RuntimeEnvBuilder::from_runtime_env(state.runtime_env())
        .with_memory_pool(Arc::new(SortShare::new(pool, share_bytes)))
        .build_arc()?;
    let mut rules = state.optimizers().to_vec();
    // Before what turns the one `DISTINCT` of a grouping into another grouping.
    rules.insert(0, Arc::new(DistinctApart));
    let builder = SessionStateBuilder::new_from_existing(state).with_config(config).with_optimizer_rules(rules);
    Ok(builder.with_runtime_env(runtime).build())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringViewBuilder, UInt32Array};
    use arrow::datatypes::Int64Type;
    use datafusion::datasource::MemTable;
    use datafusion::prelude::SessionContext;

    use super::*;

    #[test]
    fn settings_follow_the_limit() {
        for limit in [256 << 20, 1 << 30, 4 << 30, 1 << 40_u64] {
            for threads in [1, 2, 64] {
                let config = within(SessionConfig::new().with_target_partitions(threads), limit);
                let partitions = config.target_partitions();
                assert!((1..=threads).contains(&partitions));
                let merging = config.options().execution.sort_spill_reservation_bytes as u64 * partitions as u64;
                assert!(merging <= pool_bytes(limit) / 2, "{limit}: {merging}");
                assert!(pool_bytes(limit) + FIXED_BYTES <= limit);
                assert!(limit < FULL_BATCHES_BYTES || config.batch_size() == BATCH_ROWS.0 as usize);
            }
        }
    }

    /// Rows of 24 bytes in the form that Parquet is read in, whose texts lie in one place; keys of them have a hundred.
    fn rows() -> Arc<MemTable> {
        let mut names = StringViewBuilder::new().with_fixed_block_size(256);
        (0..3).for_each(|n| names.append_value(format!("{}{n}", "a".repeat(80))));
        let names = names.finish();
        let batch = |at: i64| {
            let values = Int64Array::from_iter_values((0..256).map(|n| at * 256 + n));
            let picked = UInt32Array::from_iter_values((0..256).map(|n| n % 3));
            let names = arrow::compute::take(&names, &picked, None).unwrap();
            RecordBatch::try_from_iter([("name", names), ("value", Arc::new(values) as ArrayRef)]).unwrap()
        };
        let batches: Vec<RecordBatch> = (0..160).map(batch).collect();
        Arc::new(MemTable::try_new(batches[0].schema(), vec![batches]).unwrap())
    }

    #[test]
    fn a_sort_of_narrow_rows_with_wide_keys_ends() {
        let sql = "SELECT count(*) FROM (SELECT lag(value) OVER (PARTITION BY name ORDER BY value DESC) AS later \
                   FROM rows) WHERE later IS NULL";
        let limit = FIXED_BYTES + (8 << 20);
        let state = |pool: Arc<dyn MemoryPool>| {
            let config = within(SessionConfig::new().with_target_partitions(2), limit);
            let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
            SessionStateBuilder::new_with_default_features().with_config(config).with_runtime_env(runtime).build()
        };
        let count = |state: SessionState| {
            let context = SessionContext::new_with_state(state);
            context.register_table("rows", rows()).unwrap();
            runtime(limit, None).unwrap().block_on(async { context.sql(sql).await?.collect().await })
        };
        let bytes = usize::try_from(pool_bytes(limit)).unwrap();
        // Where it doesn't fail any more, DataFusion counts the keys, and the share can go.
        let failed = count(state(Arc::new(FairSpillPool::new(bytes)))).unwrap_err();
        assert!(has_run_out(&failed), "{failed}");
        for state in [state(pool(limit, 2)), frugal(state(pool(limit, 2))).unwrap()] {
            let counted = count(state).unwrap();
            assert_eq!(counted[0].column(0).as_primitive::<Int64Type>().value(0), 3);
        }
    }
}
