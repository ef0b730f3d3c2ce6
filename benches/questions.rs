//! Questions that a user waits for, asked as whole processes.

use std::path::{Path, PathBuf};
use std::process::Command;

use trailpare::store::{Store, Table};
use trailpare::usage;

use crate::measure::{median, program, run};

const ROUNDS: usize = 9;

/// Name, arguments, and the milliseconds that it may take.
pub type Question<'a> = (&'static str, Vec<&'a str>, f64);

/// Start-up, the store's counts, and what is asked of one principal.
pub fn of(principal: &str) -> [Question<'_>; 4] {
    [
        ("--help", vec!["--help"], 10.0),
        ("status", vec!["status"], 50.0),
        ("actions", vec!["actions", "--principal", principal], 300.0),
        ("policy", vec!["policy", "--principal", principal, "--quiet"], 300.0),
    ]
}

/// The role with the most rows of usage.
pub fn busiest(store: &Path) -> String {
    let snapshot = Store::open(store).and_then(|store| store.snapshot(None)).expect("a store");
    assert!(!snapshot.files(Table::Usage).is_empty(), "usage");
    let principals = usage::principals(&snapshot).expect("principals");
    let role = principals.iter().find(|(arn, _)| arn.contains(":role/"));
    role.expect("a role").0.clone()
}

/// Median seconds of a command on each store, asked in turn.
pub fn ask<const N: usize>(question: &[&str], stores: [&PathBuf; N]) -> [f64; N] {
    let mut seconds = [const { Vec::new() }; N];
    for _ in 0..=ROUNDS {
        for (store, seconds) in stores.iter().zip(&mut seconds) {
            let mut command = Command::new(program());
            command.args(question).env("TRAILPARE_STORE", store);
            seconds.push(run(&mut command).expect("an answer").seconds);
        }
    }
    seconds.map(|mut seconds| {
        // The first of each finds the files cold.
        seconds.remove(0);
        median(seconds)
    })
}
