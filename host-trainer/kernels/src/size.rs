//! Sizes of slices, in checked arithmetic.

use std::fmt;

/// Most f32 that a slice can hold: its bytes fit `isize`.
const MOST: usize = isize::MAX as usize / size_of::<f32>();

/// The product of `factors`. Neither it nor the product of any of the factors wraps, also where
/// another factor is 0.
///
/// # Panics
/// Where a slice of f32 cannot have that size.
pub(crate) fn product<const N: usize>(what: &str, factors: [usize; N]) -> usize {
    let all = factors.iter().try_fold(1usize, |all, &f| all.checked_mul(f.max(1)));
    assert!(all.is_some_and(|n| n <= MOST), "{what}: {factors:?} values do not fit memory");
    factors.iter().product()
}

/// `n` and a margin on both sides.
///
/// # Panics
/// Where the sum is more than a slice can hold.
pub(crate) fn with_margins(what: &str, n: usize, margin: usize) -> usize {
    let all = margin.checked_mul(2).and_then(|m| m.checked_add(n)).filter(|&n| n <= MOST);
    all.unwrap_or_else(|| panic!("{what}: {n} and margins of {margin} do not fit memory"))
}

/// The length that a slice needs so that `run` values start at every offset
/// `index[0] step[0] + index[1] step[1] + ..`, where an axis is `(count, step)` and its index is
/// less than its count. It is 0 where a count is 0, and `None` where it exceeds `usize`.
///
/// A slice of this length holds all partial sums of such an offset too.
pub(crate) fn reach<const D: usize>(axes: [(usize, usize); D], run: usize) -> Option<usize> {
    if axes.iter().any(|&(count, _)| count == 0) {
        return Some(0);
    }
    axes.iter().try_fold(run, |end, &(count, step)| end.checked_add((count - 1).checked_mul(step)?))
}

/// A slice that is shorter than what is read from it or written to it.
#[derive(Debug)]
pub(crate) struct Short {
    what: &'static str,
    len: usize,
    need: Option<usize>,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, len, need } = self;
        match need {
            Some(need) => write!(f, "{what}: {len} values, {need} are needed"),
            None => write!(f, "{what}: {len} values, more than memory can hold are needed"),
        }
    }
}

/// Checks that a slice of `len` values is as long as [`reach`] demands.
pub(crate) fn check(what: &'static str, len: usize, need: Option<usize>) -> Result<(), Short> {
    if need.is_some_and(|need| need <= len) { Ok(()) } else { Err(Short { what, len, need }) }
}

/// The value of a check.
///
/// # Panics
/// Where a slice is too short, with the two lengths.
#[track_caller]
pub(crate) fn checked<T>(found: Result<T, Short>) -> T {
    found.unwrap_or_else(|short| panic!("{short}"))
}
