//! Windows that move over maps.

use std::ops::Range;

use supernano_core::graph::Geometry;

/// Most pixels of a side of a window, and most of a stride.
const MOST: usize = 255;

/// Kernel, strides and padding of a layer, each in rows and in columns, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of the kernel, 1 to 255.
    pub kernel: [usize; 2],
    /// Distances of neighbouring outputs, 1 to 255.
    pub stride: [usize; 2],
    /// Zeros above, below, on the left and on the right of the input, fewer than the kernel has.
    pub padding: [usize; 4],
}

impl Window {
    /// A square window with `kernel / 2` zeros on every side.
    pub const fn same(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [kernel / 2; 4] }
    }

    /// A window of all `rows` and `columns` of a map.
    pub const fn whole(rows: usize, columns: usize) -> Self {
        Self { kernel: [rows, columns], stride: [1; 2], padding: [0; 4] }
    }

    /// Pixels of the window.
    pub const fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Padding before and behind of rows (0) or columns (1).
    pub(crate) const fn ends(&self, axis: usize) -> [usize; 2] {
        [self.padding[2 * axis], self.padding[2 * axis + 1]]
    }

    /// Rows of zeros above and columns of zeros on the left.
    pub(crate) const fn before(&self) -> [usize; 2] {
        [self.padding[0], self.padding[2]]
    }

    /// The pixels of an axis of `n` pixels under the window of output `at`.
    pub(crate) fn covered(&self, axis: usize, at: usize, n: usize) -> Range<usize> {
        let start = at * self.stride[axis];
        let [before, _] = self.ends(axis);
        start.saturating_sub(before)..(start + self.kernel[axis]).saturating_sub(before).min(n)
    }

    /// The most zeros on a side.
    pub fn margin(&self) -> usize {
        self.padding.into_iter().max().unwrap_or(0)
    }

    /// Rows and columns of the output for an input of `rows` x `columns` pixels; an axis without
    /// pixels has none.
    ///
    /// # Panics
    /// Where a side of the window or a stride is not in 1..=255, a padding is not less than the
    /// window, or the window is larger than the padded input.
    pub fn output(&self, rows: usize, columns: usize) -> [usize; 2] {
        let mut all = self.kernel.iter().chain(&self.stride);
        assert!(all.all(|n| (1..=MOST).contains(n)), "{self:?} is not in 1..={MOST}");
        let axis = |axis: usize, n: usize| {
            let ([before, behind], k) = (self.ends(axis), self.kernel[axis]);
            assert!(before < k && behind < k, "the padding of {self:?}");
            let padded = n.checked_add(before + behind);
            let Some(padded) = padded else { panic!("{n} pixels and the padding of {self:?}") };
            if n == 0 {
                return 0;
            }
            let free = padded.checked_sub(k);
            let Some(free) = free else { panic!("{self:?} is larger than {n} pixels") };
            free / self.stride[axis] + 1
        };
        [axis(0, rows), axis(1, columns)]
    }
}

impl From<&Geometry> for Window {
    fn from(geometry: &Geometry) -> Self {
        Self {
            kernel: geometry.kernel.map(usize::from),
            stride: geometry.stride.map(usize::from),
            padding: geometry.padding.map(usize::from),
        }
    }
}
