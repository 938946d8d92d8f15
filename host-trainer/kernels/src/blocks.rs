//! Memory for blocks: outputs that are written in parallel, and scratch of a thread.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use crate::LANES;
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

/// `n` values of a buffer that only grows. They start on a cache line, so that no load of sixteen
/// of them reads two lines.
pub(crate) fn sized(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    let spare = LANES - 1;
    if buffer.len() < n + spare {
        buffer.resize(n + spare, 0.0);
    }
    let start = buffer.as_ptr().align_offset(LANES * size_of::<f32>()).min(spare);
    &mut buffer[start..][..n]
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

/// Memory of a chunk whose values are handed out in order, part by part.
pub(crate) struct Unwritten<'a> {
    values: &'a mut [MaybeUninit<f32>],
    /// Values that are initialised.
    done: usize,
}

impl Unwritten<'_> {
    /// The next `n` values, which are cleared now, so that they are in the nearest cache.
    ///
    /// # Panics
    /// Where fewer are left.
    #[inline(always)]
    pub fn next(&mut self, n: usize) -> &mut [f32] {
        let part = &mut self.values[self.done..][..n];
        part.fill(MaybeUninit::new(0.0));
        self.done += n;
        // SAFETY: `MaybeUninit<f32>` has the layout of f32, and the line above initialised every
        // value of the part
        unsafe { &mut *(std::ptr::from_mut(part) as *mut [f32]) }
    }

    /// All values that are left, cleared.
    #[inline(always)]
    pub fn rest(&mut self) -> &mut [f32] {
        self.next(self.values.len() - self.done)
    }

    /// The values that were taken so far.
    #[inline(always)]
    pub fn taken(&mut self) -> &mut [f32] {
        let part = &mut self.values[..self.done];
        // SAFETY: `MaybeUninit<f32>` has the layout of f32, and `next` initialised every value
        // before `done`
        unsafe { &mut *(std::ptr::from_mut(part) as *mut [f32]) }
    }

    /// Where the value `ahead` values behind the next one is or would be.
    #[inline(always)]
    pub fn ahead(&self, ahead: usize) -> *const f32 {
        self.values.as_ptr().wrapping_add(self.done + ahead).cast()
    }
}

/// As [`fill_chunks`] with a call for every block.
pub(crate) fn fill<T: Send>(
    shape: MapShape,
    f: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    fill_chunks(shape, shape.block(), f)
}

/// As [`fill_parts`] with chunks that hold zeros, cleared by the thread that fills them.
pub(crate) fn fill_chunks<T: Send>(
    shape: MapShape,
    size: usize,
    f: impl Fn(usize, &mut [f32]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    fill_parts(shape, size, |i, chunk| f(i, chunk.rest()))
}

/// Allocates maps of a shape and calls `f(i, chunk)` for every chunk of `size` values in parallel.
/// Values that `f` does not take are 0. Returns the maps and the results of `f`; there are none where
/// maps have no values.
pub(crate) fn fill_parts<T: Send>(
    shape: MapShape,
    size: usize,
    f: impl Fn(usize, &mut Unwritten<'_>) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    let mut values = reserve(shape.len());
    let spare = &mut values.spare_capacity_mut()[..shape.len()];
    let results = parallel::chunks_mut(spare, size.max(1), |i, values| {
        let mut chunk = Unwritten { values, done: 0 };
        let result = f(i, &mut chunk);
        chunk.rest();
        result
    });
    // SAFETY: the chunks cover `spare`, which has `shape.len()` values inside the capacity, and
    // each was initialised before `chunks_mut` returned
    unsafe { values.set_len(shape.len()) };
    (values, results)
}
