//! Other doors to the store than the command line: programs ask, and get what they may have.
//!
//! `source` is the store as it is now, `limits` are what a query may take, `job` runs one within them and ends it when
//! it is to end. `mcp` answers agents over standard input and output, `pg` clients of PostgreSQL over the network.

mod job;
mod limits;
pub mod mcp;
#[cfg(feature = "serve")]
pub mod pg;
mod source;

pub use job::{Answer, End, Ending, Failure, Jobs};
pub use limits::Limits;
pub use source::{Dress, Source, World};
