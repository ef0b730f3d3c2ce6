//! How many bytes of rows a sort may hold, so that there is memory left for sorting them.
//!
//! DataFusion 55.2 merges the batches that a sort holds by row keys, and makes keys of all of them at once. It reserves
//! memory for keys only then, and fails where they don't fit (`ExternalSorter::sort`). Keys are wider than rows whose
//! texts are views of one dictionary page, as the store's are. A sort that spills earlier makes fewer keys at once.

use std::fmt;
use std::sync::Arc;

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};

/// How the consumers are called that hold rows to be sorted.
const SORTER: &str = "ExternalSorter[";

/// A pool from which a sort gets no more than a share, beyond a first batch.
#[derive(Debug)]
pub(super) struct SortShare {
    pool: Arc<dyn MemoryPool>,
    share_bytes: usize,
}

impl SortShare {
    /// Over a pool.
    pub fn new(pool: Arc<dyn MemoryPool>, share_bytes: usize) -> SortShare {
        SortShare { pool, share_bytes }
    }
}

impl fmt::Display for SortShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.pool, f)
    }
}

impl MemoryPool for SortShare {
    fn name(&self) -> &str {
        self.pool.name()
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let held = reservation.size();
        // Without its first batch a sort has nothing that it could spill.
        if held > 0 && held + additional > self.share_bytes && reservation.consumer().name().starts_with(SORTER) {
            return Err(resources_datafusion_err!("a sort spills what is more than {} bytes", self.share_bytes));
        }
        self.pool.try_grow(reservation, additional)
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}
