//! Who took which role, the trust policies made of it, and chains back to the person: over a made-up archive in which
//! each way to take a role stands, and over the sample archive.

mod chains;
mod command;
mod judge;
mod world;

use std::process::{Command, Stdio};

/// Exit code, standard output, standard error.
pub fn run(args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailpare"));
    command.args(args).env_remove("TRAILPARE_STORE").stdin(Stdio::null());
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}
