//! Whether an archive is what AWS wrote: CloudTrail's digests, their chain, their signatures, and the hashes in them.
//!
//! Source: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log
//! file integrity validation".
//!
//! The way of the data, of which nothing is held as a whole, because an archive may be of any size and its names are
//! anybody's:
//!
//! 1. `aside` walks the archive. Digests are read and put aside by chain, log objects by name ([`spill`](self)).
//! 2. `chain` judges the digests of one chain, from the newest back, and `planted` those that contradict the one before
//!    them. What a digest lists is put aside by name.
//! 3. `objects` compares, name by name, what is listed with what is there.
//! 4. The findings, sorted, come out one by one.
//!
//! [`Collector`] does the first two steps for an ingest; what digests list is then looked up object by object
//! ([`Proof`]), and `days` says for which hours there are digests.

mod aside;
mod chain;
mod claims;
mod collect;
mod days;
mod digest;
mod error;
mod finding;
#[doc(hidden)]
pub mod fuzzing;
mod keys;
mod links;
mod names;
mod objects;
mod planted;
mod run;
mod signatures;
mod spans;
mod spill;
mod window;

pub use collect::{Collector, ListedObject, Proof};
pub use days::{DigestDay, DigestHour, missing_hours};
pub use error::VerifyError;
pub use finding::{Finding, Findings, Gap, GapCause, Kind, Sums, Verdict};
pub use run::{Options, Signers, Verified, verify};
pub use window::Window;
