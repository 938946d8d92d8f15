//! Memory for blocks: outputs that are written in parallel, and scratch of a thread.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use crate::map::MapShape;
use crate::parallel;

thread_local! {
    /// Padded copies of a block: of an input and of a gradient.
    static SCRATCH: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Calls `f` with the buffers of this thread; they hold anything.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut [Vec<f32>; 2]) -> R) -> R {
    SCRATCH.with_borrow_mut(f)
}

/// The first `n` values of a buffer that only grows.
pub(crate) fn sized(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    &mut buffer[..n]
}

/// An empty vector with room for `n` values.
///
/// # Panics
/// Where the system does not have the memory.
pub(crate) fn reserve(n: usize) -> Vec<f32> {
    let mut values = Vec::new();
    let reserved = values.try_reserve_exact(n);
    assert!(reserved.is_ok(), "no memory for {n} values");
    values
}

/// Allocates maps of a shape and calls `f(b, block)` for every block in parallel. A block holds
/// zeros, cleared by the thread that fills it, so that it is in that thread's cache. Returns the
/// maps and the results of `f`; there are none where blocks have no values.
pub(crate) fn fill<T: Send>(
    shape: MapShape,
    f: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    let mut values = reserve(shape.len());
    let spare = &mut values.spare_capacity_mut()[..shape.len()];
    let results = parallel::chunks_mut(spare, shape.block().max(1), |b, block| {
        block.fill(MaybeUninit::new(0.0));
        // SAFETY: `MaybeUninit<f32>` has the layout of f32, and the line above initialised every
        // value of the chunk
        f(b, unsafe { &mut *(std::ptr::from_mut(block) as *mut [f32]) })
    });
    // SAFETY: the chunks cover `spare`, which has `shape.len()` values inside the capacity, and
    // each was initialised before `chunks_mut` returned
    unsafe { values.set_len(shape.len()) };
    (values, results)
}
