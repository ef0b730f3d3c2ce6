//! Whether an archive is what AWS wrote: CloudTrail's digests, their chain, their signatures, and the hashes in them.
//!
//! Source: AWS CloudTrail User Guide, "CloudTrail digest file structure" and "Custom implementations of CloudTrail log
//! file integrity validation".
//!
//! The way of the data, of which nothing is held as a whole, because an archive may be of any size and its names are
//! anybody's:
//!
//! 1. [`run`](self) walks the archive. Digests are read and put aside by chain, log objects by name ([`spill`](self)).
//! 2. `chain` judges the digests of one chain, from the newest back. What a digest lists is put aside by name.
//! 3. `objects` compares, name by name, what is listed with what is there.
//! 4. The findings, sorted, come out one by one.

mod chain;
mod claims;
mod digest;
mod error;
mod finding;
mod keys;
mod names;
mod objects;
mod run;
mod signatures;
mod spans;
mod spill;

pub use error::VerifyError;
pub use finding::{Finding, Findings, Gap, GapCause, Kind, Sums, Verdict};
pub use run::{Options, Verified, Window, verify};
