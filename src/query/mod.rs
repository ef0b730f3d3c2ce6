//! SQL over the store: a DataFusion session that knows the tables, the views, and what CloudTrail analysts call.
//!
//! `session` puts it together by its `options`, `table` scans a table of the store, `day` and `prune` leave out files
//! that cannot matter, `files` finds those that were replaced meanwhile, `archive` is the table function over log
//! objects. `views` are the views in SQL, `relations` names all of them, `comments` says what their columns are,
//! `sql_type` of which type. `functions` are the functions. `statement` runs SQL text, `rights` says what it may do,
//! `depth` and `breadth` how much it may hold, `shorthand` and `trino` read what DuckDB, Athena, Lake and Tailpipe
//! spell or mean otherwise, `walk` is their way through a syntax tree, `describe` answers about tables, `pieces` takes a text apart into statements, `place` finds
//! where an error is; `memory` keeps a query within its memory, `distinct` and `sort_share` help with that, `semi_join`
//! asks for each key once, `dictionaries` groups rows by the numbers of words, `stop` ends a query. `library` holds the
//! named queries, `named` writes them out in statements, `lookup` finds one event, `output` writes answers, `csv` their
//! cells, `reference` is what documentation says of it all, `build` is what other rooms build conditions of.

mod archive;
mod archive_filter;
mod breadth;
mod build;
mod comments;
pub mod csv;
mod day;
mod depth;
mod describe;
mod dictionaries;
mod distinct;
mod error;
mod files;
mod footers;
mod functions;
mod library;
mod lookup;
mod memory;
mod named;
mod options;
mod output;
mod pieces;
mod place;
mod prune;
mod reference;
mod relations;
mod rights;
mod semi_join;
mod session;
mod shorthand;
mod sort_share;
mod sql_type;
mod statement;
mod stop;
mod table;
mod trino;
mod views;
mod walk;

pub use archive::{archives_read, names_archive};
pub use build::{call, is_network, sql_of};
pub use comments::{ColumnInfo, columns};
pub use depth::{STACK_BYTES, brackets};
pub use error::QueryError;
pub use library::{Library, Named, Parameter, day};
pub use lookup::events_by_id;
pub use memory::runtime;
pub use named::with_library;
pub use options::Options;
pub use output::{Format, Layout, Sink, Written, texts_of, write};
pub use pieces::{Piece, pieces};
pub use place::{at, functions, position, tables};
pub use reference::{markdown, topic};
pub use relations::{RELATIONS, Relation};
pub use session::{another, session};
pub use statement::{Prepared, Statement, answer, execute, finish, parse, prepare, prepares};
pub use stop::Stop;
pub use table::StoreTable;
pub use walk::each_expression;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
