//! The `trailpare` program.

use std::process::ExitCode;
use std::thread;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let run = || trailpare::cli::run(std::env::args_os());
    // Planning goes down to the bottom of a statement, which the stack of a process's first thread may be too small
    // for.
    match thread::Builder::new().stack_size(trailpare::query::STACK_BYTES).spawn(run).map(thread::JoinHandle::join) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // The system has no thread to give.
        Err(_) => run().into(),
    }
}
