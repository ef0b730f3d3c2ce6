//! What is generally useful: time, caches, scanning JSON.

pub(crate) mod direct_mapped_cache;
pub(crate) mod json_simd;
pub(crate) mod scan;
pub mod time;
