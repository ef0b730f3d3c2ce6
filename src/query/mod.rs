//! SQL over the store: a DataFusion session that knows the tables, the views, and what CloudTrail analysts call.
//!
//! `session` puts it together, `table` scans a table of the store, `day` and `prune` leave out files that cannot
//! matter, `files` finds those that were replaced meanwhile, `views` are the views in SQL, `relations` their names, `functions` the functions,
//! `statement` runs SQL text, `depth` says how deep it may be nested, `archive` is the table function over log objects,
//! `memory` keeps it within its memory and `distinct` helps with that, `trino` reads what Athena, Lake and Tailpipe spell or mean otherwise, `library` holds the named queries, `lookup`
//! finds one event, `output` writes answers, `csv` their cells.

mod archive;
mod archive_filter;
pub mod csv;
mod day;
mod depth;
mod distinct;
mod error;
mod files;
mod functions;
mod library;
mod lookup;
mod memory;
mod options;
mod output;
mod prune;
mod relations;
mod session;
mod statement;
mod table;
mod trino;
mod views;

pub use archive::archives_read;
pub use depth::STACK_BYTES;
pub use error::QueryError;
pub use library::{Library, Named, Parameter};
pub use lookup::events_by_id;
pub use memory::runtime;
pub use options::Options;
pub use output::{Format, Written, write};
pub use session::session;
pub use statement::{execute, finish, parse, prepares};
pub use table::StoreTable;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
