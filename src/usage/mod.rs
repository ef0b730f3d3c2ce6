//! Who used what: the roll-up from events to `usage`.
//!
//! `columns` looks at a batch of events as the IAM step wants it, `aggregate` counts, `generalise` keeps what varies
//! without end out of the table, `sum` adds rows up, `cross_account` counts a call that two accounts logged once, `encode` and `read` are
//! the way to the store and back, `select` says whose usage is meant.

mod aggregate;
mod columns;
mod cross_account;
mod encode;
mod generalise;
mod read;
mod row;
mod select;
mod sum;

pub use aggregate::Aggregator;
pub use columns::{EVENT_COLUMNS, EventColumns};
pub use cross_account::{is_foreign_copy, resolve_day};
pub(crate) use encode::encode;
pub use generalise::generalise;
pub(crate) use read::merge_day;
pub use read::{ReadError, principals, read};
pub use row::{Outcome, UsageRow};
pub use select::{SelectError, Selection, TimeRange};
pub(crate) use sum::summed;
