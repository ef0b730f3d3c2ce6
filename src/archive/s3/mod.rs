//! Archives in S3, and in whatever else speaks its protocol.
//!
//! * `connect`: settings, the environment and the shared files of the AWS CLI → a client.
//! * `http`: what goes over the wire: requests counted, keys made harmless before anybody parses them.
//! * `fault`: what a server's refusal means: of one object, or for all of them.
//! * `grammar`: where below a prefix days stand.
//! * `list`: keys, prefixes beside each other, page by page, in order.
//! * `object`: an object's bytes.
//! * `ahead`: objects that are fetched before they are asked for; `window`: where they wait.
//! * `shared`: what all of these have in common: how much may be on its way, and what everything ends with.

mod ahead;
mod connect;
mod fault;
mod grammar;
mod http;
mod list;
mod object;
mod profile;
mod remote;
mod shared;
mod window;

pub use ahead::{Ahead, fetch_ahead};
pub use list::Listing;
pub use object::Stored;
pub use remote::Remote;
