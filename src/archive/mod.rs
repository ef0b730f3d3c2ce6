//! Finding log objects, getting their bytes, and the forms they come in.
//!
//! * [`key`]: the grammar of S3 keys: what an object is, and whose, by its name alone.
//! * [`mod@find`]: walking archives.
//! * [`mod@read`]: an object's bytes, inflated, with the SHA-256 of what is stored.
//! * [`inflated_digest`]: the SHA-256 of what is in it, in bounded memory.
//! * [`pipe`]: the same of what can be read only once.
//! * `parquet`: the rows of Parquet files as JSON.
//! * [`forms`]: arrays, NDJSON, EventBridge and other wrappings, brought to `{"Records":[…]}`.

mod error;
pub mod find;
pub mod forms;
#[doc(hidden)]
pub mod fuzzing;
mod inflated;
pub mod key;
mod members;
mod parquet;
pub mod pipe;
pub mod read;

pub use error::{FindError, FindFault, FormError, OVER_CAP, ReadError, ReadFault};
pub use find::{Found, STANDARD_INPUT, Walk, find, find_following, place_of};
pub use forms::{DIGESTS, Normal, RefusedElement, normalise, salvage};
pub use inflated::inflated_digest;
pub use key::{ObjectKey, ObjectKind, is_beside_logs};
pub use members::Gap;
pub use pipe::read_pipe;
pub use read::{Buffers, Read, digest, may_be_digest, may_hold_events, read, read_unless, said_size, sha256};
