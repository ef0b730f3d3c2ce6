//! What a query of somebody else may take.

use std::time::Duration;

/// What the program takes beside what queries do, as `query` has it.
const FIXED_BYTES: u64 = 128 << 20;

/// What a query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From its begin to its last row, waiting for its turn and for whoever reads included.
    pub time: Duration,
    /// Rows of its answer; that there are more is said.
    pub rows: u64,
    /// Peak resident memory of all of them together; what would take more goes by way of the disk.
    pub memory_bytes: u64,
    /// Queries that run at once: further ones wait.
    pub queries: usize,
    /// Threads of each; `None`: one a core.
    pub threads: Option<usize>,
}

impl Limits {
    /// The limit of one query: together they stay below that of all.
    pub fn memory_of_query_bytes(&self) -> u64 {
        let shared = self.memory_bytes.saturating_sub(FIXED_BYTES);
        shared / (self.queries.max(1) as u64) + FIXED_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_share_the_memory() {
        let limits = Limits { time: Duration::ZERO, rows: 1, memory_bytes: 4 << 30, queries: 4, threads: None };
        let each = limits.memory_of_query_bytes() - FIXED_BYTES;
        assert_eq!(each * 4 + FIXED_BYTES, 4 << 30);
        assert_eq!(Limits { queries: 1, ..limits }.memory_of_query_bytes(), 4 << 30);
    }
}
