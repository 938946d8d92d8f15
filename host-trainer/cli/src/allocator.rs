//! The memory allocator of the binary.
//!
//! Training allocates and frees feature maps of several megabytes all the time. An allocator that
//! returns their pages to the system spends a tenth of the training time on page faults.

use std::ffi::{c_int, c_long};

pub use mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc: the delay in milliseconds after which freed pages return to the
/// system; negative for never.
const PURGE_DELAY: c_int = 15;

unsafe extern "C" {
    fn mi_option_set(option: c_int, value: c_long);
}

/// Makes mimalloc keep freed pages. Call it before the first large allocation.
pub fn keep_pages() {
    // SAFETY: the call sets an integer option of mimalloc, which exists in every version since 2.0.
    unsafe { mi_option_set(PURGE_DELAY, -1) }
}
