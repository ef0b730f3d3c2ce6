//! The integration tests: one binary, because each one links DataFusion again.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod analyst;
mod archive;
mod book;
mod catalog;
mod catalog_damage;
mod cli;
mod conditions;
mod data;
mod data_events;
mod detect;
mod evaluate;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod faults;
mod forms;
mod fsck;
#[path = "../../benches/hostile.rs"]
mod hostile;
mod hostile_store;
mod iam_authorized;
mod iam_cases;
mod iam_memory;
mod iam_operations;
mod iam_real;
mod iam_records;
mod iam_services;
mod iam_suspects;
mod imports;
mod ingest;
mod judge;
mod mcp;
mod memory;
mod months;
mod night;
mod nothing_lost;
mod optimize;
mod pack;
mod parsers;
mod policy;
mod private;
mod questions;
mod record;
mod report;
mod rightsize;
mod role_identity;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "serve")]
mod serve;
#[cfg(target_os = "linux")]
mod shell;
mod sql;
mod synth;
mod transfer;
mod trust;
mod usage;
mod verify;
