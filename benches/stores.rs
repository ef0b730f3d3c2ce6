//! Stores of made-up archives, for benchmarks that ask.

use std::path::{Path, PathBuf};
use std::process::Command;

use trailpare::synth::{Config, generate};

use crate::measure::{program, run};

/// Parts that an archive is made and taken in by, so that it never lies on the disk as a whole.
const SLICES: u64 = 10;

/// A store of this many events, made in slices.
pub fn made(work: &Path, events: u64) -> PathBuf {
    let store = work.join(format!("store-{events}"));
    for slice in 0..SLICES {
        let archive = work.join("slice");
        let config =
            Config { events: Some(events), principals: 200, slice: Some((slice, SLICES)), ..Config::default() };
        generate(&config, &archive, |_, _| {}).expect("an archive to ask about");
        let mut command = Command::new(program());
        command.arg("ingest").arg(&archive).arg("--store").arg(&store).arg("--quiet");
        run(&mut command).expect("an ingest");
        std::fs::remove_dir_all(&archive).expect("a slice that is taken in goes away");
    }
    store
}
