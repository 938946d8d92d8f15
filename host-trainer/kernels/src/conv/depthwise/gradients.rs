//! The gradients of a depthwise convolution, a row at a time.

use super::{Ahead, Pixel, Rows, TILES, is_wide};
use crate::conv::ConvGeometry;
use crate::simd::Lanes;

/// The gradient of the weights of a channel, summed over the rows of the output so far.
pub(crate) struct WeightSums<S: Lanes, const K: usize> {
    /// For each row of the kernel.
    rows: Vec<[S::Vector; K]>,
}

impl<S: Lanes, const K: usize> WeightSums<S, K> {
    /// Sums of 0 for a kernel of `rows` rows and `K` columns.
    #[inline(always)]
    pub fn new(s: S, rows: usize) -> Self {
        Self { rows: vec![[s.splat(0.0); K]; rows] }
    }

    /// Adds the products of a row `dy` of the output's gradient and of the input, `x`, whose row `first`
    /// is the first under the window. Asks for the memory of `ahead` in the first and in the last of
    /// its passes.
    ///
    /// # Panics
    /// Where `x` is too short.
    #[inline(always)]
    pub fn add<const STRIDE: usize>(
        &mut self,
        s: S,
        (x, first): (Rows<'_>, usize),
        dy: &[Pixel],
        ahead: [Ahead; 2],
    ) {
        let mut row = 0;
        while row < self.rows.len() {
            let (x, left) = ((x, first + row), self.rows.len() - row);
            row += if is_wide::<S>() && K == 5 && left >= 5 {
                self.add_rows::<STRIDE, 5>(s, x, row, dy, ahead)
            } else if is_wide::<S>() && left >= 3 {
                self.add_rows::<STRIDE, 3>(s, x, row, dy, ahead)
            } else {
                self.add_rows::<STRIDE, 1>(s, x, row, dy, ahead)
            };
        }
    }

    /// As [`WeightSums::add`] for `R` rows of the kernel from row `row`; returns their number.
    #[inline(always)]
    fn add_rows<const STRIDE: usize, const R: usize>(
        &mut self,
        s: S,
        (x, first): (Rows<'_>, usize),
        row: usize,
        dy: &[Pixel],
        [first_pass, last_pass]: [Ahead; 2],
    ) -> usize {
        let ahead = [
            if row == 0 { first_pass } else { Ahead::NONE },
            if row + R == self.rows.len() { last_pass } else { Ahead::NONE },
        ];
        let x: [&[Pixel]; R] = std::array::from_fn(|r| x.from(first + r));
        let mut sums = [[s.splat(0.0); K]; R];
        sums.copy_from_slice(&self.rows[row..][..R]);
        // a tile of a wide kernel does not fit few registers
        let (tiles, rest) = match is_wide::<S>() || K < 5 {
            true => dy.as_chunks::<4>(),
            false => (&[][..], dy),
        };
        for (i, dy) in tiles.iter().enumerate() {
            add_tile::<S, K, STRIDE, R, 4>(s, &mut sums, &x, 4 * i, dy, ahead);
        }
        for (i, dy) in rest.iter().enumerate() {
            let (column, dy) = (4 * tiles.len() + i, std::array::from_ref(dy));
            add_tile::<S, K, STRIDE, R, 1>(s, &mut sums, &x, column, dy, ahead);
        }
        self.rows[row..][..R].copy_from_slice(&sums);
        R
    }

    /// Writes the gradient to `dw`, `[rows][columns]`.
    #[inline(always)]
    pub fn write(&self, s: S, dw: &mut [f32]) {
        for (dw, row) in dw.as_chunks_mut::<K>().0.iter_mut().zip(&self.rows) {
            for (dw, four) in dw.chunks_mut(4).zip(row.chunks(4)) {
                let four = std::array::from_fn(|i| four.get(i).copied().unwrap_or(s.splat(0.0)));
                dw.copy_from_slice(&s.sums(four)[..dw.len()]);
            }
        }
    }
}

/// Adds the products of `P` pixels of the output's gradient from column `column`.
#[inline(always)]
fn add_tile<S: Lanes, const K: usize, const STRIDE: usize, const R: usize, const P: usize>(
    s: S,
    sums: &mut [[S::Vector; K]; R],
    x: &[&[Pixel]; R],
    column: usize,
    dy: &[Pixel; P],
    ahead: [Ahead; 2],
) {
    ahead[0].ask::<S, STRIDE, P>(s, column);
    ahead[1].ask::<S, 1, P>(s, column);
    let mut d = [s.splat(0.0); P];
    for p in 0..P {
        d[p] = s.load(&dy[p]);
    }
    for r in 0..R {
        let x = &x[r][column * STRIDE..][..(P - 1) * STRIDE + K];
        for p in 0..P {
            for k in 0..K {
                sums[r][k] = s.fma(sums[r][k], d[p], s.load(&x[p * STRIDE + k]));
            }
        }
    }
}

/// Columns of the input whose distance is a multiple of the stride: the same taps lead to all of them.
struct Phase {
    /// The first column of the input.
    start: usize,
    /// Taps of a row of the kernel that lead here.
    taps: usize,
    /// The first column of the padded gradient that a tap reads for the first column of the input.
    column: usize,
    /// `[rows of the kernel][taps]`; tap i reads `taps - 1 - i` columns behind the first.
    w: Vec<f32>,
}

/// The gradient of a channel of the input.
pub(crate) struct InputRows {
    phases: Vec<Phase>,
    /// Rows of the kernel.
    rows: usize,
    /// Distance of neighbouring outputs in rows.
    stride: usize,
    /// Rows of padding above the input.
    above: usize,
    /// Rows of padding above the gradient.
    before: usize,
}

impl InputRows {
    /// For a shape of one channel, whose stride in columns is 1 or 2, and its weights `[rows][columns]`.
    pub fn new(shape: &ConvGeometry, w: &[f32]) -> Self {
        let (window, padding) = (shape.window(), shape.gradient_padding());
        let (across, stride) = (window.kernel[1], window.stride[1]);
        let (left, before) = (window.before()[1], padding.before()[1]);
        let phase = |start: usize| {
            let first = (start + left) % stride;
            let taps = across.saturating_sub(first).div_ceil(stride);
            let rows = w.chunks(across);
            let w = rows.flat_map(|row| row.iter().skip(first).step_by(stride)).copied().collect();
            // Tap `first` reads the last of the columns.
            let last = (start + left + stride * before - first) / stride;
            Phase { start, taps, column: (last + 1).saturating_sub(taps), w }
        };
        let phases = (0..stride.min(shape.input().columns())).map(phase).collect();
        let ([rows, _], [stride, _]) = (window.kernel, window.stride);
        let ([above, _], [before, _]) = (window.before(), padding.before());
        Self { phases, rows, stride, above, before }
    }

    /// The row of the padded gradient that the first tap leads to from row `row` of the input, and that
    /// tap's row of the kernel. The next taps are a stride further in the kernel and lead to the rows
    /// before it.
    #[inline(always)]
    fn first(&self, row: usize) -> (usize, usize) {
        let from = row + self.above;
        let first = from % self.stride;
        ((from - first) / self.stride + self.before, first)
    }

    /// Rows of the padded gradient, from the first, that row `row` of the input needs.
    #[inline(always)]
    pub fn needs(&self, row: usize) -> usize {
        self.first(row).0 + 1
    }

    /// Computes row `row`, `dx`, from the padded gradient of the output, and asks for the memory of
    /// `ahead`.
    ///
    /// # Panics
    /// Where `dy` has fewer rows than [`InputRows::needs`].
    #[inline(always)]
    pub fn run<S: Lanes, const STRIDE: usize>(
        &self,
        s: S,
        row: usize,
        dy: Rows<'_>,
        dx: &mut [Pixel],
        ahead: Ahead,
    ) {
        let (last, first) = self.first(row);
        let stride = self.stride;
        let count = self.rows.saturating_sub(first).div_ceil(stride);
        for phase in &self.phases {
            let taps = Taps { dy, last, phase, first, stride, count, ahead };
            match phase.taps {
                1 => taps.run::<S, 1, STRIDE>(s, dx),
                2 => taps.run::<S, 2, STRIDE>(s, dx),
                3 => taps.run::<S, 3, STRIDE>(s, dx),
                4 => taps.run::<S, 4, STRIDE>(s, dx),
                5 => taps.run::<S, 5, STRIDE>(s, dx),
                _ => taps.run::<S, 7, STRIDE>(s, dx),
            }
        }
    }
}

/// The taps that lead to a row of a phase.
struct Taps<'a> {
    dy: Rows<'a>,
    /// Row of the gradient that the first tap reads; each of the others reads the row before.
    last: usize,
    phase: &'a Phase,
    /// Row of the kernel of the first tap, and from a tap to the next.
    first: usize,
    stride: usize,
    /// Rows of taps.
    count: usize,
    ahead: Ahead,
}

impl Taps<'_> {
    #[inline(always)]
    fn run<S: Lanes, const N: usize, const STRIDE: usize>(&self, s: S, dx: &mut [Pixel]) {
        let columns = dx.len().saturating_sub(self.phase.start).div_ceil(STRIDE);
        let mut column = 0;
        while column < columns {
            let left = columns - column;
            column += if is_wide::<S>() && left >= TILES[0] {
                self.tile::<S, N, STRIDE, { TILES[0] }>(s, column, dx)
            } else if left >= TILES[1] {
                self.tile::<S, N, STRIDE, { TILES[1] }>(s, column, dx)
            } else {
                self.tile::<S, N, STRIDE, 1>(s, column, dx)
            };
        }
    }

    /// Computes `P` pixels and returns their number.
    #[inline(always)]
    fn tile<S: Lanes, const N: usize, const STRIDE: usize, const P: usize>(
        &self,
        s: S,
        column: usize,
        dx: &mut [Pixel],
    ) -> usize {
        if self.phase.start == 0 {
            self.ahead.ask::<S, STRIDE, P>(s, column);
        }
        let mut sums = [s.splat(0.0); P];
        let w = self.phase.w.as_chunks::<N>().0;
        for tap in 0..self.count {
            let dy = &self.dy.from(self.last - tap)[self.phase.column + column..][..P - 1 + N];
            let w = &w[self.first + tap * self.stride];
            for n in 0..N {
                let weight = s.splat(w[n]);
                for p in 0..P {
                    sums[p] = s.fma(sums[p], s.load(&dy[p + N - 1 - n]), weight);
                }
            }
        }
        let dx = &mut dx[self.phase.start + column * STRIDE..][..(P - 1) * STRIDE + 1];
        for p in 0..P {
            s.store(sums[p], &mut dx[p * STRIDE]);
        }
        P
    }
}
