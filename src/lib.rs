//! trailpare: what a role really used, and the least it needs, from copies of AWS CloudTrail archives.
//!
//! The rooms. A room imports those above it and no other. `docs/architecture.md` has the picture, the walk of an event,
//! and a table of where a change goes.
//!
//! * [`util`]: time, names as they are shown, reading and scanning JSON.
//! * [`iam`]: actions, resources, event → permissions; the policy language and its evaluation.
//! * [`archive`]: finding log objects, getting their bytes, the forms they come in.
//! * [`verify`]: whether an archive is what AWS wrote, by CloudTrail's digests.
//! * [`record`]: one CloudTrail record → Arrow columns; who the principal is.
//! * [`store`]: the tables on disk (DuckLake: SQLite catalog, Parquet rows), commits, the ledger, merging, expiry.
//! * [`usage`]: who used which action on what, how often, allowed or denied.
//! * [`ingest`]: archives into a store: what is new, duplicates, batches, memory, upkeep.
//! * [`policy`]: usage → statements, generalising, fitting limits, rendering, proving.
//! * [`trust`]: who took which role, the trust policy for that, chains of roles back to the person.
//! * [`rightsize`]: where to cut, for everybody: what is granted, used and proposed, and when to act.
//! * [`report`]: what commands say, as values with a JSON form.
//! * [`query`]: SQL over every table.
//! * [`detect`]: Sigma rules, run as queries.
//! * [`serve`]: other doors to the store: agents (MCP), clients of PostgreSQL.
//! * [`synth`]: made-up archives for trying out and for benchmarks.
//! * [`cli`]: one file a subcommand.

#![cfg_attr(test, allow(clippy::cast_possible_truncation, clippy::cast_sign_loss))]

/// Sizes and offsets of files are 64-bit numbers; so are those of memory.
const _: () = assert!(usize::BITS == 64, "trailpare is built for 64-bit machines");

pub mod archive;
pub mod cli;
pub mod detect;
pub mod iam;
pub mod ingest;
pub mod policy;
pub mod query;
pub mod record;
pub mod report;
pub mod rightsize;
pub mod serve;
pub mod store;
pub mod synth;
pub mod trust;
pub mod usage;
pub mod util;
pub mod verify;

pub(crate) use util::scan;
pub use util::time;
