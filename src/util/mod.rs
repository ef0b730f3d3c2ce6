//! What is generally useful: time, caches, names that were meant, scanning and reading JSON, showing names,
//! hexadecimal, Markdown, the process, loud invariants.

pub(crate) mod closest;
pub(crate) mod direct_mapped_cache;
pub(crate) mod hex;
pub(crate) mod invariant;
pub(crate) mod json;
pub(crate) mod json_simd;
pub(crate) mod markdown;
pub(crate) mod process;
pub(crate) mod scan;
pub(crate) mod shown;
pub mod time;
