//! Containers: tar and zip, compressed or not, and the containers in them. Read in one pass, from the first byte to the
//! last, with no more in memory than one entry; nothing is unpacked to disk.
//!
//! [`Walk`] goes from entry to entry. What it hands out is either [`Packed`], an entry's bytes as they stand in the
//! container, which whoever takes them inflates while others read on, or, of a large one, read as a stream.
//!
//! The first bytes below any compression tell a tar or zip (`kind`). `tar` and `zip` read headers. A zip in a file is
//! read by its directory (`zip_directory`); `level` is one container with the bytes of the entry at hand; `meter` says
//! how much there may be; `name` which names are refused.

mod each;
mod entry;
pub(super) mod kind;
mod level;
mod meter;
mod name;
mod packed;
mod tar;
mod walk;
mod zip;
mod zip_directory;
mod zip_header;

pub use each::{Visit, each_member};
pub use meter::Limits;
pub use name::WITHIN;
pub use packed::{EntryFault, Packed};
pub use walk::{Event, Held, Member, Refusal, Walk, Within};
