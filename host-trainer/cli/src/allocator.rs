//! The memory allocator of the binary. Training allocates and frees feature maps of megabytes all
//! the time; one that hands their pages back to the system spends a tenth of its time on page
//! faults.

use std::ffi::{c_int, c_long};

pub use mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay`, milliseconds; below 0: never.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// Makes mimalloc keep the pages that are freed. Called before anything is allocated in earnest.
pub fn keep_pages() {
    // SAFETY: sets an integer of mimalloc's own; the option exists in every version since 2.0
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}
