//! How the memory limit is shared out.

use super::error::IngestError;
use crate::record;
use crate::store::MERGE_MEMORY_MIN_BYTES;

/// What the program takes before the first object: code, catalogue, allocator, Parquet and SQLite buffers.
const FIXED_BYTES: u64 = 136 << 20;

/// What each thread takes beside its batch: the resolver's caches, the dictionaries, zstd contexts, usage on its way.
const THREAD_BYTES: u64 = 72 << 20;

/// Memory of a row of usage of a month, with what becomes of it while it is summed up and written.
const MONTH_ROW_BYTES: u64 = 2_000;

/// Of the limit, what lists of objects may take without taking it from others: what the program is given leaves as much.
const LISTS_FREE_PART: u64 = 16;

/// What is left for batches and ids at the least: with less, hardly any object could be taken in.
const FREE_MIN_BYTES: u64 = 32 << 20;

/// Memory of a list of new objects at the least: some ten thousand.
pub(super) const PLAN_MIN_BYTES: u64 = 2 << 20;

/// The smallest limit that anything that writes runs under.
pub const MEMORY_LIMIT_MIN_BYTES: u64 = 256 << 20;

/// The limit where none is given.
pub const MEMORY_LIMIT_BYTES: u64 = 1 << 30;

/// JSON that one batch holds at the most; larger ones don't compress or sort better.
const BATCH_MAX_BYTES: u64 = 64 << 20;

/// Bytes of memory that a batch takes for each byte of its JSON: text, spans, columns, encoded pages.
/// Measured with `benches/end_to_end`; see there.
const BYTES_PER_JSON_BYTE: u64 = 4;

/// Likewise of an object that is larger than a batch, because its columns are made in parts: one of 212 MB took 1.4 beyond
/// what is set aside for the program and a thread, one of 101 MB less.
const OBJECT_BYTES_PER_JSON_BYTE: u64 = 2;

/// What each part may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// JSON bytes at which a batch is full.
    pub batch_bytes: u64,
    /// JSON bytes that one object may have.
    pub object_bytes: u64,
    /// Memory for batches and objects, all together.
    pub room_bytes: u64,
    /// Ids of events held in memory for finding duplicates.
    pub seen_bytes: u64,
    /// Of these, what batches and objects may have while it isn't needed.
    pub lent_bytes: u64,
    /// Calls between accounts held in memory for counting them once.
    pub shared_bytes: u64,
    /// Memory for usage that waits for a commit.
    pub usage_bytes: u64,
    /// Memory that lists of objects may take beside those counted.
    pub more_lists_bytes: u64,
    /// Worker threads: as many as wanted, as far as there is memory for them.
    pub threads: usize,
}

impl Budget {
    /// Shares out a limit where lists of objects take `lists_bytes`.
    ///
    /// # Errors
    /// Too little, with what would be enough.
    pub fn new(limit_bytes: u64, threads: usize, lists_bytes: u64) -> Result<Budget, IngestError> {
        if limit_bytes < MEMORY_LIMIT_MIN_BYTES {
            return Err(IngestError::MemoryLimit { given: limit_bytes, least: MEMORY_LIMIT_MIN_BYTES });
        }
        let lists_free_bytes = limit_bytes / LISTS_FREE_PART;
        let more_lists_bytes = lists_free_bytes.saturating_sub(lists_bytes);
        let lists_bytes = lists_bytes.saturating_sub(lists_free_bytes);
        let given = (limit_bytes - FIXED_BYTES).saturating_sub(lists_bytes);
        let threads = threads.clamp(1, (given * 2 / 3 / THREAD_BYTES).max(1) as usize);
        let least = FIXED_BYTES + THREAD_BYTES + FREE_MIN_BYTES + lists_bytes;
        let Some(free) = given.checked_sub(THREAD_BYTES * threads as u64).filter(|free| *free >= FREE_MIN_BYTES) else {
            return Err(IngestError::MemoryLimit { given: limit_bytes, least });
        };
        let (seen_bytes, shared_bytes) = (free * 3 / 16, free / 16);
        let usage_bytes = (limit_bytes / 16).max(free / 8);
        let room_bytes = free.saturating_sub(seen_bytes + shared_bytes + usage_bytes);
        // An object of the greatest size is in memory alone.
        let object_bytes = room_bytes / OBJECT_BYTES_PER_JSON_BYTE;
        let batch_bytes = (room_bytes / threads as u64 / BYTES_PER_JSON_BYTE).min(BATCH_MAX_BYTES);
        let lent_bytes = seen_bytes * 3 / 4;
        let more_lists_bytes = more_lists_bytes + (free / 4).min(free - FREE_MIN_BYTES);
        Ok(Budget {
            batch_bytes,
            object_bytes,
            room_bytes,
            seen_bytes,
            lent_bytes,
            shared_bytes,
            usage_bytes,
            more_lists_bytes,
            threads,
        })
    }
}

/// Of the limit, what the decoders of containers may take.
const WINDOWS_PART: u64 = 12;

/// What they may take where there is no more.
const WINDOWS_MIN_BYTES: u64 = 9 << 20;

/// The same where containers are read, with the memory of all their decoders.
///
/// # Errors
/// Likewise.
pub(super) fn beside_windows(limit_bytes: u64, threads: usize, lists_bytes: u64) -> Result<(Budget, u64), IngestError> {
    let windows_bytes = limit_bytes / WINDOWS_PART;
    let with = |windows_bytes: u64| {
        Budget::new(limit_bytes, threads, lists_bytes + windows_bytes).map(|budget| (budget, windows_bytes))
    };
    with(windows_bytes)
        .or_else(|_| with(WINDOWS_MIN_BYTES))
        .or_else(|_| Budget::new(limit_bytes, threads, lists_bytes).map(|budget| (budget, WINDOWS_MIN_BYTES)))
}

/// Memory of a batch of so much JSON.
pub(super) fn batch_room(json_bytes: u64) -> u64 {
    json_bytes * BYTES_PER_JSON_BYTE
}

/// Memory of an object of so much JSON that is larger than a batch.
pub(super) fn object_room(json_bytes: u64) -> u64 {
    // Up to one part they are made at once, as a batch's are.
    let in_one_part = batch_room(json_bytes.min(record::BATCH_BYTES as u64));
    json_bytes.saturating_mul(OBJECT_BYTES_PER_JSON_BYTE).max(in_one_part)
}

/// How many merges may run at once, up to `threads`, and the memory of each.
pub(super) fn merges(limit_bytes: u64, threads: usize) -> Result<(usize, u64), IngestError> {
    if limit_bytes < MEMORY_LIMIT_MIN_BYTES {
        return Err(IngestError::MemoryLimit { given: limit_bytes, least: MEMORY_LIMIT_MIN_BYTES });
    }
    let free = limit_bytes - FIXED_BYTES;
    let count = (free / MERGE_MEMORY_MIN_BYTES).min(threads as u64).max(1);
    Ok((count as usize, free / count))
}

/// Rows of usage that a month summed up may have.
pub(super) fn month_rows(limit_bytes: u64) -> usize {
    (day_bytes(limit_bytes) / MONTH_ROW_BYTES) as usize
}

/// Memory for the rows of a day's usage while they are derived or merged, when nothing is taken in: what is left for writing
/// them and for lists of objects is as much.
pub(super) fn day_bytes(limit_bytes: u64) -> u64 {
    limit_bytes.max(MEMORY_LIMIT_MIN_BYTES).saturating_sub(FIXED_BYTES) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_within_the_whole() -> Result<(), IngestError> {
        let limits: [u64; 4] = [256 << 20, 300 << 20, 1 << 30, 4 << 30];
        for (limit, lists) in limits.iter().flat_map(|limit| [0, 1 << 20, limit / 16, limit / 8].map(|l| (*limit, l))) {
            for threads in [1, 2, 16, 64] {
                let b = match Budget::new(limit, threads, lists) {
                    Err(IngestError::MemoryLimit { least, .. }) => {
                        assert!(least > limit && lists > limit / 16);
                        Budget::new(least, threads, lists)?
                    }
                    b => b?,
                };
                let limit =
                    limit.max(if lists > limit / 16 { FIXED_BYTES + THREAD_BYTES + FREE_MIN_BYTES + lists } else { 0 });
                Budget::new(limit, threads, lists + b.more_lists_bytes)?;
                let batches = b.threads as u64 * batch_room(b.batch_bytes);
                assert!(batches <= b.room_bytes, "{b:?}");
                assert!(object_room(b.object_bytes) <= b.room_bytes.max(batch_room(b.object_bytes)), "{b:?}");
                let fixed = FIXED_BYTES + THREAD_BYTES * b.threads as u64;
                let usage = b.usage_bytes;
                let lists = lists.saturating_sub(limit / LISTS_FREE_PART);
                assert!(fixed + lists + b.seen_bytes + b.shared_bytes + usage + b.room_bytes <= limit, "{b:?}");
                assert!(b.threads >= 1 && b.batch_bytes >= 1 << 20, "{b:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn merges_stay_within_the_whole() -> Result<(), IngestError> {
        for limit in [256 << 20, 1 << 30, 4 << 30] {
            for threads in [0, 1, 2, 16, 64] {
                let (count, bytes) = merges(limit, threads)?;
                assert!((1..=threads.max(1)).contains(&count) && bytes >= MERGE_MEMORY_MIN_BYTES);
                assert!(FIXED_BYTES + count as u64 * bytes <= limit);
            }
        }
        Ok(())
    }

    #[test]
    fn too_little_is_said() {
        assert!(matches!(Budget::new(1 << 20, 2, 0), Err(IngestError::MemoryLimit { .. })));
    }
}
