//! Looking for damage: what the catalog says against what is there.
//!
//! The files say what they hold, and what was recorded of their bytes when they were written says whether they are
//! sound (`look`). Of each number in the catalog that answers are taken from, here or by other readers, the right
//! value is worked out from sound files and compared (`compare`, `entries`, `counts`); what no file says is compared
//! with what every catalog says and with itself (`fixed`). `orphans` are files that no snapshot has.
//!
//! `repair` mends what was found: `set_aside` takes damaged files out of the tables, `rebuild` makes a new catalog.

mod checked;
mod compare;
mod counts;
mod entries;
mod finding;
mod fix;
mod fixed;
mod judged;
mod look;
mod orphans;
mod rebuild;
mod repair;
mod set_aside;

pub use checked::Checked;
pub use finding::{Finding, FindingKind, Repaired};
pub use rebuild::Repairer;
