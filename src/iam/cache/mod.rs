//! Caches of resolved calls.

pub mod local;
pub mod request_template;
pub mod shared;
