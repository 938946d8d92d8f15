//! Loops over blocks on all threads of rayon's pool. Results come in the order of the blocks.
//!
//! Miri runs them one after the other: rayon's queues are slow there, and need flags that weaken
//! its checks.

#[cfg(not(miri))]
use rayon::prelude::*;

/// Calls `f(i, chunk)` for every chunk of `size` values, of which the last may have fewer.
#[cfg(not(miri))]
pub(crate) fn chunks_mut<T: Send, R: Send>(
    values: &mut [T],
    size: usize,
    f: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    values.par_chunks_mut(size).enumerate().map(|(i, chunk)| f(i, chunk)).collect()
}

/// Calls `f(i)` for every `i` below `n`.
#[cfg(not(miri))]
pub(crate) fn indices<R: Send>(n: usize, f: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    (0..n).into_par_iter().map(f).collect()
}

#[cfg(miri)]
pub(crate) fn chunks_mut<T: Send, R: Send>(
    values: &mut [T],
    size: usize,
    f: impl Fn(usize, &mut [T]) -> R + Sync,
) -> Vec<R> {
    values.chunks_mut(size).enumerate().map(|(i, chunk)| f(i, chunk)).collect()
}

#[cfg(miri)]
pub(crate) fn indices<R: Send>(n: usize, f: impl Fn(usize) -> R + Send + Sync) -> Vec<R> {
    (0..n).map(f).collect()
}
