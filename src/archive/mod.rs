//! Finding log objects, getting their bytes, and the forms they come in.
//!
//! * [`key`]: the grammar of S3 keys: what an object is, and whose, by its name alone.
//! * [`mod@find`]: walking archives.
//! * [`mod@read`]: an object's bytes, inflated, with the SHA-256 of what is stored.
//! * [`forms`]: arrays, NDJSON, EventBridge and other wrappings, brought to `{"Records":[…]}`.

mod csv;
mod error;
pub mod find;
pub mod forms;
pub mod key;
pub mod read;

pub use error::{FindError, FormError, OVER_CAP, ReadError, ReadFault};
pub use find::{Found, Walk, find};
pub use forms::normalise;
pub use key::{ObjectKey, ObjectKind};
pub use read::{Buffers, Read, digest, read, said_size};
