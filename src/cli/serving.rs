//! What a command that answers others takes: the store that it answers from, and what a query may take.

use std::path::PathBuf;
use std::time::Duration;

use super::machine::{MemoryArgs, parse_wait};
use super::select::{StoreArgs, open_store, refresh_usage};
use super::spill_folder::SpillFolder;
use super::{CliError, Context, allocator};
use crate::query::Library;
use crate::serve::{Limits, Source};

/// From where answers are, and what a query may take.
#[derive(Debug, clap::Args)]
pub(super) struct ServingArgs {
    /// A query that takes longer is ended: 30s, 5m.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_wait, help_heading = "Limits")]
    timeout: Duration,
    /// Queries that run at once; further ones wait, and share their memory.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 4,
        help_heading = "Limits",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    max_queries: u16,
    #[command(flatten, next_help_heading = "Limits")]
    memory: MemoryArgs,
    /// Threads of a query; one a core where nothing is said.
    #[arg(long, value_name = "N", help_heading = "Limits", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// A folder of .sql files that add to the named queries or stand in for some of them.
    #[arg(long, value_name = "DIR", env = "TRAILPARE_QUERIES", help_heading = "From where")]
    queries: Option<PathBuf>,
    /// Which store.
    #[command(flatten, next_help_heading = "From where")]
    pub store: StoreArgs,
    /// Answer from this snapshot alone, instead of always from the newest.
    #[arg(long, value_name = "SNAPSHOT", help_heading = "From where")]
    at: Option<i64>,
}

impl ServingArgs {
    /// What a query may take.
    fn limits(&self, rows: u64) -> Limits {
        Limits {
            time: self.timeout,
            rows,
            memory_bytes: self.memory.memory_limit,
            queries: usize::from(self.max_queries),
            threads: self.threads.map(usize::from),
        }
    }

    /// The store as it is to be asked, its usage brought up to date.
    pub fn open(&self, rows: u64, spill: &SpillFolder, context: &Context) -> Result<Source, CliError> {
        allocator::stay_below_between_queries(self.memory.memory_limit);
        let store = open_store(&self.store.store, context)?;
        if self.at.is_none() {
            refresh_usage(&store, self.memory.memory_limit, context)?;
        }
        let library = Library::open(self.queries.as_deref())?;
        let source = Source::new(store, context.catalog, self.limits(rows), library, spill.path().to_owned());
        Ok(source.at(self.at))
    }

    /// Threads for queries.
    pub fn runtime(&self) -> std::io::Result<tokio::runtime::Runtime> {
        crate::query::runtime(self.memory.memory_limit, self.threads.map(usize::from))
    }
}
