//! The gradients of a depthwise convolution, a row at a time.

use super::{Ahead, Pixel, Rows, TILES, is_wide};
use crate::LANES;
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

    /// Adds the products of two rows for each row of the output's gradient that a tap leads to. `rows`
    /// returns the row that the taps move over, and that of the pixels that they are multiplied with: one of
    /// the padded input and one of the gradient or, for a stride of 1, one of the padded gradient and one of
    /// the input, which reverses the order of the taps. Asks for the memory of `ahead`.
    ///
    /// # Panics
    /// Where a row is too short.
    #[inline(always)]
    pub fn add<'x, const STRIDE: usize>(
        &mut self,
        s: S,
        taps: TapRows,
        rows: impl Fn(usize) -> (&'x [Pixel], &'x [Pixel]),
        ahead: &mut Asked,
    ) {
        let mut done = 0;
        while done < taps.count {
            let rest = TapRows { count: taps.count - done, ..taps.skip(done) };
            done += if is_wide::<S>() && K == 5 && rest.count >= 5 {
                self.add_rows::<STRIDE, 5, 4>(s, rest, &rows, ahead)
            } else if is_wide::<S>() && rest.count >= 3 {
                self.add_rows::<STRIDE, 3, 4>(s, rest, &rows, ahead)
            } else if is_wide::<S>() && rest.count == 2 {
                self.add_rows::<STRIDE, 2, 4>(s, rest, &rows, ahead)
            } else if is_wide::<S>() || K <= 3 {
                self.add_rows::<STRIDE, 1, 4>(s, rest, &rows, ahead)
            } else if K <= 5 {
                // tiles of wide kernels do not fit few registers
                self.add_rows::<STRIDE, 1, 2>(s, rest, &rows, ahead)
            } else {
                self.add_rows::<STRIDE, 1, 1>(s, rest, &rows, ahead)
            };
        }
    }

    /// As [`WeightSums::add`] for the first `R` of the taps, in tiles of `P` pixels; returns their number.
    #[inline(always)]
    fn add_rows<'x, const STRIDE: usize, const R: usize, const P: usize>(
        &mut self,
        s: S,
        taps: TapRows,
        rows: &impl Fn(usize) -> (&'x [Pixel], &'x [Pixel]),
        ahead: &mut Asked,
    ) -> usize {
        let taps: [TapRows; R] = std::array::from_fn(|r| taps.skip(r));
        let rows = taps.map(|tap| rows(tap.last));
        let mut sums = taps.map(|tap| self.rows[tap.first]);
        let columns = rows[0].1.len();
        // as many for each tile as are asked for in all while the taps of a row of the input are added
        let lines = (P * (STRIDE + 1)).div_ceil((K / (STRIDE * R)).max(1));
        let mut ahead = ahead.next(columns / P * lines);
        let mut column = 0;
        while column + P <= columns {
            for i in 0..lines {
                s.prefetch(ahead.wrapping_add(i * LANES));
            }
            ahead = ahead.wrapping_add(lines * LANES);
            add_tile::<S, K, STRIDE, R, P>(s, &mut sums, &rows, column);
            column += P;
        }
        for column in column..columns {
            add_tile::<S, K, STRIDE, R, 1>(s, &mut sums, &rows, column);
        }
        for (tap, sums) in taps.iter().zip(sums) {
            self.rows[tap.first] = sums;
        }
        R
    }

    /// Writes the gradient to `dw`, `[rows][columns]`, of which the columns are in the reverse order where
    /// the taps are `turned`.
    #[inline(always)]
    pub fn write(&self, s: S, turned: bool, dw: &mut [f32]) {
        for (dw, row) in dw.as_chunks_mut::<K>().0.iter_mut().zip(&self.rows) {
            for (dw, four) in dw.chunks_mut(4).zip(row.chunks(4)) {
                let four = std::array::from_fn(|i| four.get(i).copied().unwrap_or(s.splat(0.0)));
                dw.copy_from_slice(&s.sums(four)[..dw.len()]);
            }
            if turned {
                dw.reverse();
            }
        }
    }
}

/// Rows of two maps that are asked for, one behind the other.
pub(crate) struct Asked {
    /// The next pixel of each, and how many are left. Nobody reads the addresses, which may be any.
    rows: [(*const f32, usize); 2],
}

impl Asked {
    /// The first pixels and numbers of pixels of the rows.
    pub fn new(rows: [(Ahead, usize); 2]) -> Self {
        Self { rows: rows.map(|(ahead, pixels)| (ahead.at, pixels)) }
    }

    /// Where the next `pixels` pixels are. Those behind the last are asked for as well.
    #[inline(always)]
    fn next(&mut self, pixels: usize) -> *const f32 {
        let row = usize::from(self.rows[0].1 == 0);
        let (at, left) = self.rows[row];
        self.rows[row] = (at.wrapping_add(pixels * LANES), left.saturating_sub(pixels));
        at
    }
}

/// Adds the products of `P` pixels of the second of each two rows, from column `column`. A tile reads each
/// pixel of the first once.
#[inline(always)]
fn add_tile<S: Lanes, const K: usize, const STRIDE: usize, const R: usize, const P: usize>(
    s: S,
    sums: &mut [[S::Vector; K]; R],
    rows: &[(&[Pixel], &[Pixel]); R],
    column: usize,
) {
    let across = (P - 1) * STRIDE + K;
    for r in 0..R {
        let x = &rows[r].0[column * STRIDE..][..across];
        let single = &rows[r].1[column..][..P];
        let mut factors = [s.splat(0.0); P];
        for p in 0..P {
            factors[p] = s.load(&single[p]);
        }
        for i in 0..across {
            let x = s.load(&x[i]);
            for p in 0..P {
                if i >= p * STRIDE && i - p * STRIDE < K {
                    let k = i - p * STRIDE;
                    sums[r][k] = s.fma(sums[r][k], factors[p], x);
                }
            }
        }
    }
}

/// The rows of the padded gradient that the taps lead to from a row of the input, and their rows of the
/// kernel.
#[derive(Clone, Copy)]
pub(crate) struct TapRows {
    /// The row of the gradient that the first tap reads; each of the others reads the row before.
    pub last: usize,
    /// The row of the kernel of the first tap, and from a tap to the next.
    pub first: usize,
    stride: usize,
    /// Rows of taps.
    pub count: usize,
}

impl TapRows {
    /// The rows without the first `n` taps; their number is that of `self`.
    #[inline(always)]
    fn skip(self, n: usize) -> Self {
        Self { last: self.last.saturating_sub(n), first: self.first + n * self.stride, ..self }
    }

    /// Those of the taps that lead to rows `from..to` of the gradient.
    #[inline(always)]
    pub fn within(self, from: usize, to: usize) -> Self {
        let behind = (self.last + 1).saturating_sub(to).min(self.count);
        let count = (self.count - behind).min((self.last + 1 - behind).saturating_sub(from));
        Self { count, ..self.skip(behind) }
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

    /// The taps of row `row` of the input.
    #[inline(always)]
    pub fn taps(&self, row: usize) -> TapRows {
        let (from, stride) = (row + self.above, self.stride);
        let first = from % stride;
        let count = self.rows.saturating_sub(first).div_ceil(stride);
        TapRows { last: (from - first) / stride + self.before, first, stride, count }
    }

    /// Computes a row, `dx`, from the rows of the padded gradient of the output that its taps lead to.
    /// Asks for the memory of `ahead`.
    ///
    /// # Panics
    /// Where `dy` does not have the rows of the taps.
    #[inline(always)]
    pub fn run<S: Lanes, const STRIDE: usize>(
        &self,
        s: S,
        rows: TapRows,
        dy: Rows<'_>,
        dx: &mut [Pixel],
        ahead: Ahead,
    ) {
        for phase in &self.phases {
            let taps = Taps { dy, phase, rows };
            match phase.taps {
                1 => taps.run::<S, 1, STRIDE>(s, dx, ahead),
                2 => taps.run::<S, 2, STRIDE>(s, dx, ahead),
                3 => taps.run::<S, 3, STRIDE>(s, dx, ahead),
                4 => taps.run::<S, 4, STRIDE>(s, dx, ahead),
                5 => taps.run::<S, 5, STRIDE>(s, dx, ahead),
                _ => taps.run::<S, 7, STRIDE>(s, dx, ahead),
            }
        }
    }
}

/// The taps that lead to a row of a phase.
struct Taps<'a> {
    dy: Rows<'a>,
    phase: &'a Phase,
    rows: TapRows,
}

impl Taps<'_> {
    #[inline(always)]
    fn run<S: Lanes, const N: usize, const STRIDE: usize>(
        &self,
        s: S,
        dx: &mut [Pixel],
        ahead: Ahead,
    ) {
        match self.rows.count {
            1 if STRIDE > 1 => self.run_rows::<S, N, 1, STRIDE>(s, dx, ahead),
            2 if STRIDE > 1 => self.run_rows::<S, N, 2, STRIDE>(s, dx, ahead),
            count if count == N => self.run_rows::<S, N, N, STRIDE>(s, dx, ahead),
            count => self.tiles::<S, N, STRIDE>(s, count, |tap| self.row(tap), dx, ahead),
        }
    }

    /// As [`Taps::run`] for `R` rows of taps, which are found once for all tiles, whose loops have no branches.
    #[inline(always)]
    fn run_rows<S: Lanes, const N: usize, const R: usize, const STRIDE: usize>(
        &self,
        s: S,
        dx: &mut [Pixel],
        ahead: Ahead,
    ) {
        let rows: [_; R] = std::array::from_fn(|tap| self.row(tap));
        self.tiles::<S, N, STRIDE>(s, R, |tap| rows[tap], dx, ahead);
    }

    /// The pixels that row `tap` of the taps reads, and its weights.
    #[inline(always)]
    fn row<const N: usize>(&self, tap: usize) -> (&[Pixel], &[f32; N]) {
        let tap = self.rows.skip(tap);
        (&self.dy.from(tap.last)[self.phase.column..], &self.phase.w.as_chunks().0[tap.first])
    }

    #[inline(always)]
    fn tiles<'x, S: Lanes, const N: usize, const STRIDE: usize>(
        &self,
        s: S,
        count: usize,
        rows: impl Fn(usize) -> (&'x [Pixel], &'x [f32; N]),
        dx: &mut [Pixel],
        ahead: Ahead,
    ) {
        let columns = dx.len().saturating_sub(self.phase.start).div_ceil(STRIDE);
        let mut column = 0;
        while column < columns {
            let left = columns - column;
            column += if is_wide::<S>() && left >= TILES[0] {
                self.tile::<S, N, STRIDE, { TILES[0] }>(s, count, &rows, (column, dx), ahead)
            } else if left >= TILES[1] {
                self.tile::<S, N, STRIDE, { TILES[1] }>(s, count, &rows, (column, dx), ahead)
            } else {
                self.tile::<S, N, STRIDE, 1>(s, count, &rows, (column, dx), ahead)
            };
        }
    }

    /// Computes `P` pixels and returns their number.
    #[inline(always)]
    fn tile<'x, S: Lanes, const N: usize, const STRIDE: usize, const P: usize>(
        &self,
        s: S,
        count: usize,
        rows: &impl Fn(usize) -> (&'x [Pixel], &'x [f32; N]),
        (column, dx): (usize, &mut [Pixel]),
        ahead: Ahead,
    ) -> usize {
        if self.phase.start == 0 {
            match STRIDE {
                1 => ahead.ask::<S, 1, P>(s, column),
                _ => ahead.ask::<S, 2, P>(s, column),
            }
        }
        let mut sums = [s.splat(0.0); P];
        for tap in 0..count {
            let (dy, w) = rows(tap);
            let dy = &dy[column..][..P - 1 + N];
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
