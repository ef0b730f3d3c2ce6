//! How long a question takes, as a whole process: start-up, `status`, `actions`, `policy`; and whether it takes longer
//! over ten times the events.
//!
//! `cargo bench --bench answers [-- [--events N] [--record]]`: takes in a made-up archive of N events (10 million unless
//! told) and one of a tenth, over as many days and principals, then runs each command several times in turn on both.
//! Prints medians, their ratio, and the limits; exits with 1 when one is not kept, or when an answer from usage takes
//! longer over ten times the events than can be chance.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark ends where something is not as it should be"
)]

#[path = "measure.rs"]
mod measure;
#[path = "questions.rs"]
mod questions;
#[path = "record.rs"]
mod record;
#[path = "stores.rs"]
mod stores;

use std::fmt::Write as _;
use std::process::ExitCode;

use questions::{ask, busiest};

/// Ten times the events may take this much longer: what a busy machine makes of the same work.
const RATIO_MAX: f64 = 1.25;

/// Differences of less are no differences.
const NOISE_MS: f64 = 15.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let events = after("--events").map_or(10_000_000, |n| n.parse().expect("--events N"));
    let work = tempfile::tempdir().expect("a folder");
    let [large, small] = [events, events / 10].map(|events| stores::made(work.path(), events));
    let principal = busiest(&large);
    let mut text = format!(
        "Made by `cargo bench --bench answers -- --record`; asked for {principal}.\n\n\
         | command | {events} events, ms | {} events, ms | ratio | limit, ms |\n|---|---|---|---|---|\n",
        events / 10
    );
    let mut holds = true;
    for (name, question, limit) in &questions::of(&principal) {
        let [large, small] = ask(question, [&large, &small]).map(|seconds| seconds * 1e3);
        let is_flat = large <= small * RATIO_MAX || large - small <= NOISE_MS;
        holds &= large <= *limit && is_flat;
        writeln!(text, "| {name} | {large:.1} | {small:.1} | {:.2} | {limit:.0} |", large / small).expect("a string");
    }
    print!("{text}");
    record::if_asked("answers", "Answers", &text);
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
