//! Finding log objects, getting their bytes, and the forms they come in.
//!
//! * [`key`]: the grammar of S3 keys: what an object is, and whose, by its name alone.
//! * [`mod@find`]: walking archives.
//! * [`mod@read`]: an object's bytes, inflated, with the SHA-256 of what is stored.
//! * `at`: where that is: in a file, or in object storage (`remote`, `s3`).
//! * [`inflated_digest`]: the SHA-256 of what is in it, in bounded memory.
//! * [`pipe`]: the same of what can be read only once.
//! * [`pack`]: the files in tars and zips.
//! * `parquet`: the rows of Parquet files as JSON.
//! * [`forms`]: arrays, NDJSON, EventBridge and other wrappings, brought to `{"Records":[…]}`.

mod at;
mod buffered;
mod codec;
mod error;
pub mod find;
pub mod forms;
#[doc(hidden)]
pub mod fuzzing;
mod inflated;
pub mod key;
mod members;
mod opened;
pub mod pack;
mod parquet;
pub mod pipe;
pub mod read;
pub mod remote;
#[cfg(feature = "s3")]
mod s3;
#[cfg(not(feature = "s3"))]
mod s3_absent;

pub use at::{At, Place, modified_us};
pub use error::{FindError, FindFault, FormError, OVER_CAP, ReadError, ReadFault};
pub use find::{Found, STANDARD_INPUT, Walk, find, find_following, place_of};
pub use forms::{DIGESTS, Normal, RefusedElement, examine, normalise, salvage};
pub use inflated::{inflated_digest, stream_digest};
pub use key::{ObjectKey, ObjectKind, is_beside_logs};
pub use members::Gap;
pub use pack::{
    EntryFault, Event, Held, Limits, Member, Packed, Refusal, Visit, WITHIN, Walk as ContainerWalk, Within, each_member,
};
pub use parquet::rows_at_once;
pub use pipe::{Pipe, open_pipe, read_pipe};
pub use read::{
    Buffers, FIRST_STORED, Read, begins_with_events, digest, has_events, is_container_file, is_digest, may_be_digest,
    may_hold_events, read, read_unless, said_size, sha256, window_bytes,
};
pub use remote::{Address, Requests, Scope, Settings, is_remote};
#[cfg(feature = "s3")]
pub use s3::{Ahead, Listing, Remote, Stored, fetch_ahead};
#[cfg(not(feature = "s3"))]
pub use s3_absent::{Ahead, Listing, Remote, Stored, fetch_ahead};
