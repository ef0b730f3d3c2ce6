//! How queries run.

use std::path::PathBuf;

use super::stop::Stop;
use crate::iam::Catalog;

/// How queries run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Threads; `None`: one a core.
    pub threads: Option<usize>,
    /// Peak resident memory to stay below: sorts, joins and groupings that would take more spill to disk; `None`: no
    /// limit.
    pub memory_limit_bytes: Option<u64>,
    /// What the IAM functions know; `None`: the catalogue that is built in.
    pub catalog: Option<&'static Catalog>,
    /// Where sorts, joins and groupings spill to; `None`: below the system's folder for temporary files.
    pub spill: Option<PathBuf>,
    /// Nothing but the store: no statement reads or writes a file.
    pub read_only: bool,
    /// Nothing but queries: no statement makes a view, sets anything or reads a file.
    pub queries_only: bool,
    /// What asks queries that run to end; `None`: nothing does.
    pub stop: Option<Stop>,
}
