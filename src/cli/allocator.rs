//! When memory that was freed goes back to the system.

use std::ffi::c_long;

/// `mi_option_purge_delay` of mimalloc 3 (its `mimalloc.h`), which `libmimalloc-sys` has no name for. Milliseconds; -1 is
/// never.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// A memory limit below which what was freed counts.
const TIGHT_BYTES: u64 = 768 << 20;

/// Milliseconds after which it is given back then.
const TIGHT_DELAY: c_long = 100;

/// The same between queries of one session: one query takes in large pieces what another had in small ones.
const BETWEEN_QUERIES_DELAY: c_long = 1000;

/// Keeps what is freed: it is needed again with the next batch. Giving it back meanwhile took an eighth of an ingest, in
/// the kernel.
pub(super) fn keep_freed() {
    set_purge_delay(-1);
}

/// Under a low limit gives back what is freed: kept, it took up to 100 MiB more than was in use at once, and the limit with
/// it.
pub(super) fn stay_below(memory_limit_bytes: u64) {
    if memory_limit_bytes < TIGHT_BYTES {
        set_purge_delay(TIGHT_DELAY);
    }
}

/// The same for a session of many queries: after twenty that had 1.0 GiB at the most, 2.3 GiB were kept.
pub(super) fn stay_below_between_queries(memory_limit_bytes: u64) {
    let is_tight = memory_limit_bytes < TIGHT_BYTES;
    set_purge_delay(if is_tight { TIGHT_DELAY } else { BETWEEN_QUERIES_DELAY });
}

fn set_purge_delay(milliseconds: c_long) {
    // SAFETY: sets a number in a table of the allocator's. The program calls it before it has more than one thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, milliseconds) };
}
