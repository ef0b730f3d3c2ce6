//! The `trailpare` program.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3 (its `mimalloc.h`), which `libmimalloc-sys` has no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

fn main() -> ExitCode {
    // What is freed is needed again with the next batch: giving it back meanwhile took an eighth of an ingest, in the
    // kernel. Peak memory is what the limit is about, and stays the same.
    // SAFETY: sets a number in a table of the allocator's; nothing else runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, -1) };
    trailpare::cli::run(std::env::args_os()).into()
}
