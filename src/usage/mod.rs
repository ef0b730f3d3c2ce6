//! Who used what: the roll-up from events to `usage`.
//!
//! A row is exact: its identity is everything but counts, times, an example and origins, and its resource is what the
//! resolver says. What would grow without end overflows into marked rows (`overflow`), within one outcome, session and all
//! else that tells rows apart. Nothing is generalised here.
//!
//! From events to rows: `columns` looks at a batch of events as the resolver wants it, `aggregate` counts, `key_canonicalisation` has
//! the resolver look once at calls that differ only in an object's name, `rollup` is what it counts and adds up by the
//! numbers of `interner`, `overflow` says which rows are too many, `origin` is where calls came from, `copies` and
//! `cross_account` count a call that two accounts logged once.
//!
//! Rows put in order: `sum` adds rows up that were read, `stored_order` sorts them, `sorter` and `bounding` do so where they
//! don't fit in memory, by `run`s on the disk.
//!
//! To the store and back: `encode`, `encode_origin`, `text_column`, `read`; `months` keeps sums of whole months,
//! `exact` reads what overflowed from `events`, `events` derives all of it anew, `requests` reads what requests told.
//! `daily` counts by day, `select` says whose usage is meant, `role_paths` which ARNs are of one role, `role_lives`
//! which roles were made again, `known` whose there is, `data_events` which services' data events there are,
//! `data_trails` which of them could be seen, `shared_str` is the texts that rows share.

mod aggregate;
mod bounding;
mod columns;
mod copies;
mod cross_account;
mod daily;
mod data_events;
mod data_trails;
mod encode;
mod encode_origin;
mod error;
mod events;
mod exact;
mod interner;
mod key_canonicalisation;
mod known;
mod months;
mod origin;
mod overflow;
mod read;
mod requests;
mod role_lives;
mod role_paths;
mod rollup;
mod row;
mod run;
mod select;
mod shared_str;
mod sorter;
mod stored_order;
mod sum;
mod text_column;

pub use aggregate::{Aggregator, version};
pub(crate) use bounding::Rows;
pub use columns::{EVENT_COLUMNS, EventColumns};
pub use copies::is_foreign_copy;
pub use cross_account::SharedCalls;
pub(crate) use cross_account::resolve_day;
pub use daily::{Daily, daily};
#[cfg(test)]
pub(crate) use data_events::known_sources;
pub use data_events::{STATISTICS, data_event_source, data_event_sources};
pub use data_trails::{DataSight, DataTrail, Logged, data_sight, data_trails};
pub(crate) use encode::encode;
pub use error::ReadError;
pub use events::from_events;
pub use exact::{read_exact, read_exact_within};
pub use key_canonicalisation::{KeyCanonicalisation, Names};
pub use known::{Known, known};
pub use months::{MONTH_ROWS_MIN, refresh_months};
pub use origin::{Origin, Smallest};
pub use overflow::RESOURCES_MAX;
pub use read::{Sessions, Uses, principals, read, read_within};
pub(crate) use read::{derive_own, merge_day};
pub use requests::{KeySource, RequestValues, Requested, Told, read_requests};
pub use role_lives::{RoleLife, RoleLives};
pub use role_paths::RolePaths;
pub use rollup::Rollup;
pub use row::{Outcome, UsageRow};
pub use select::{Cover, SelectError, Selection, TimeRange};
pub use shared_str::Text;
pub use sorter::Space;
